"""Files that are void, and closed cycles computed again: drafts, what they change, approval and posting."""

from typing import Any

from django.contrib import messages
from django.db.models import Q
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseBase, StreamingHttpResponse
from django.shortcuts import redirect
from django.utils.http import content_disposition_header
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, gettext_noop, pgettext
from django.views.decorators.http import require_GET, require_POST

from revshare.access.rules import may
from revshare.console.base import site
from revshare.console.doors import Told, acting, allowed, attempt, only, person, require
from revshare.console.lists import NEWEST_FIRST, Listing, Seen, answer
from revshare.console.runs import describe
from revshare.console.shown import amount, badge, moment
from revshare.contributors.models import Contributor
from revshare.cycles.models import Cycle
from revshare.cycles.queries import counting
from revshare.files import voiding
from revshare.files.models import Void
from revshare.policies.models import Policy
from revshare.restatements import operations
from revshare.restatements.csv_file import csv_blocks
from revshare.restatements.queries import largest, state, steps_of, with_steps
from revshare.restatements.rules import APPROVED, DRAFT, Options, replacement
from revshare.runs.models import Run
from revshare.signin.links import check_link
from revshare.statements.queries import PUBLISHED
from revshare.tasks import request_restatement
from revshare.wording import whole

SHOWN = 50
LISTING = Listing(
    name="restatements", search=gettext_lazy("Cycle, or who drafted it"), orders=NEWEST_FIRST,
    found=lambda text: Q(cycle__key__icontains=text) | Q(drafted_by=text),
    columns={
        "restatement": lambda row: row.key, "cycle": lambda row: row.cycle.key, "state": state,
        "what": lambda row: row.words, "drafted_at": lambda row: row.drafted_at,
        "drafted_by": lambda row: row.drafted_by, "digest": lambda row: row.digest,
    },
)  # fmt: skip
BUCKETS = {
    "contributor": gettext_noop("To contributors"), "split": gettext_noop("Passed on between contributors"),
    "platform": gettext_noop("Platform"), "commons": gettext_noop("Commons fund"),
    "suspense": gettext_noop("In suspense"), "held": gettext_noop("Held"), "carried": gettext_noop("Carried"),
    "sales": gettext_noop("Out of sales"), "fx": gettext_noop("Exchange"),
}  # fmt: skip


@require_GET
def page(request: HttpRequest) -> HttpResponseBase:
    seen = answer(request, LISTING, with_steps())
    if not isinstance(seen, Seen):
        return seen
    rows = [
        {"pk": item.pk, "key": item.key, "badge": badge(state(item)), "words": item.words,
         "by": item.drafted_by, "at": moment(item.drafted_at)}
        for item in seen.rows
    ]  # fmt: skip
    drafts = list(Run.objects.filter(step="restate").order_by("-pk")[:SHOWN])
    return site.page(
        request, "restatements.html", title=_("Restatements"), rows=rows, list=seen,
        runs=[describe(run) for run in drafts if run.live], may_restate=allowed(request, "restate"),
        failed=drafts[0] if drafts and drafts[0].state == Run.State.FAILED else None,
        cycles=Cycle.objects.filter(state__in=PUBLISHED).only("key")[:SHOWN],
        files=Void.objects.select_related("file")[:SHOWN], policies=Policy.objects.order_by("-pk")[:SHOWN],
    )  # fmt: skip


@require_POST
@only("restate")
def draft(request: HttpRequest) -> HttpResponse:
    """Computes a cycle again; nothing is posted."""

    def deed() -> str:
        given = request.POST
        chosen = given.get("policy", "")
        policy = Policy.objects.filter(pk=_number(chosen)).first() if chosen else None
        if chosen and policy is None:
            raise Told(_("This policy is not registered: choose again."))
        options = Options(
            late="late" in given, void=tuple(_number(text) for text in given.getlist("void")),
            manifests=dict(map(replacement, given.get("manifests", "").split())),
            policy=policy.sha256 if policy else "",
            files=tuple(_number(text) for text in given.get("late_files", "").split()),
            sales=tuple(line.strip() for line in given.get("late_sales", "").splitlines() if line.strip()),
        )  # fmt: skip
        key = given.get("cycle", "")
        run, new = request_restatement(key=key, options=options, act=acting(request), queue=True)
        if not new:
            said = {"key": key, "actor": run.actor}
            return _("Cycle %(key)s is being computed again already: %(actor)s started it.") % said
        return _("Cycle %(key)s is being computed again: nothing is posted by that.") % {"key": key}

    attempt(request, deed)
    return redirect("admin:restatements")


@require_GET
def detail(request: HttpRequest, pk: int) -> HttpResponse:
    found = _find(pk)
    shown = list(largest(found, SHOWN))
    wanted = [line.contributor_id for line in shown]
    names = dict(Contributor.objects.filter(pk__in=wanted).values_list("pk", "name"))
    lines = [
        {"id": line.contributor_id, "name": names.get(line.contributor_id or "", ""), "pool": line.pool,
         "reason": line.reason, **_amounts(line.old_micros, line.new_micros, line.currency)}
        for line in shown
    ]  # fmt: skip
    totals = [
        {"currency": currency, "bucket": _(BUCKETS[bucket]), **_amounts(old, new, currency)}
        for currency, buckets in sorted(found.totals.items())
        for bucket, (old, new) in sorted(buckets.items(), key=lambda item: list(BUCKETS).index(item[0]))
    ]
    return site.page(
        request, "restatement.html", title=_("Restatement %(key)s") % {"key": found.key}, restatement=found,
        badge=badge(state(found)),
        steps=[
            {"what": _("Approved") if action == "approve" else _("Posted"), "by": step.by, "at": moment(step.at),
             "journal": step.journal_id}
            for action, step in sorted(steps_of(found).items())
        ],
        lines=lines, totals=totals, shown=SHOWN, number=whole(found.lines.count()), next=_next(request, found),
    )  # fmt: skip


def _amounts(old: int, new: int, currency: str) -> dict[str, Any]:
    return {name: amount(micros, currency) for name, micros in (("old", old), ("new", new), ("difference", new - old))}


def _next(request: HttpRequest, restatement: Any) -> dict[str, str] | None:
    """The move that comes next, and what keeps this person from it; the operation checks it again."""
    now, who = state(restatement), person(request)
    if now not in (DRAFT, APPROVED) or not restatement.lines.exists():
        return None
    if now == APPROVED:
        hindrance = "" if may(roles=who.roles, action="post_restatement") else _("This takes an operator, or finance.")
        return {"action": "post", "title": _("Next: post"), "label": pgettext("verb", "Post"), "hindrance": hindrance}
    hindrance = "" if may(roles=who.roles, action="approve_restatement") else _("This takes an approver.")
    if not hindrance and who.username == restatement.drafted_by:
        hindrance = _("You drafted it: another person has to approve it.")
    return {"action": "approve", "title": _("Next: approve"), "label": _("Approve"), "hindrance": hindrance}


@require_POST
def move(request: HttpRequest, pk: int, action: str) -> HttpResponse:
    """Approves or posts."""
    if action not in ("approve", "post"):
        raise Http404(_("There is no such move."))
    require(request, f"{action}_restatement")
    found = _find(pk)

    def deed() -> str:
        if action == "post":
            step = operations.post(key=found.key, act=acting(request))
            return _("Restatement %(key)s is posted as journal %(journal)s: the next statements list it.") % {
                "key": found.key, "journal": step.journal_id,
            }  # fmt: skip
        operations.check_not_payee(found, person(request).contributor_id)
        operations.approve(key=found.key, act=acting(request), digest=request.POST.get("digest", ""))
        return _("Restatement %(key)s is approved.") % {"key": found.key}

    attempt(request, deed)
    return redirect("admin:restatement", pk)


@require_GET
@only("export")
def download(request: HttpRequest, pk: int) -> HttpResponseBase:
    check_link(request)
    found = _find(pk)
    name = f"restatement-{found.key.replace('/', '-')}.csv"
    return StreamingHttpResponse(
        csv_blocks(found), content_type="text/csv; charset=utf-8",
        headers={"Content-Disposition": content_disposition_header(True, name) or "attachment"},
    )  # fmt: skip


@require_POST
@only("void_file")
def void_file(request: HttpRequest, pk: int) -> HttpResponse:
    """Says that a file should not have come."""

    def deed() -> str:
        voiding.void(file_id=pk, reason=request.POST.get("reason", ""), act=acting(request))
        return _("File %(number)s is void: it counts in no cycle locked from now on.") % {"number": pk}

    if attempt(request, deed) and (cycles := counting(pk)):
        keys = ", ".join(cycle.key for cycle in cycles)
        messages.warning(request, _("Closed with its sales: %(keys)s. Restate them.") % {"keys": keys})
    return redirect("admin:file", pk)


def _find(pk: int) -> Any:
    found = with_steps().filter(pk=pk).first()
    if found is None:
        raise Http404(_("There is no such restatement."))
    return found


def _number(text: str) -> int:
    if not (text.isascii() and text.isdigit() and len(text) < 10):
        raise Told(_("%(text)s is not the number of a file or policy: choose again.") % {"text": repr(text)})
    return int(text)
