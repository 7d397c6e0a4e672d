"""A cycle beside the one before: the difference, what is unusual, and the approver's word on each of it."""

from typing import Any

from django.http import Http404, HttpRequest, HttpResponse, HttpResponseBase, StreamingHttpResponse
from django.shortcuts import redirect
from django.urls import reverse
from django.utils.http import content_disposition_header
from django.utils.translation import gettext as _
from django.utils.translation import gettext_noop, pgettext
from django.views.decorators.http import require_GET, require_POST

from revshare.access.rules import may
from revshare.console.doors import Told, acting, allowed, attempt, only, person
from revshare.console.finding_words import told
from revshare.console.shown import amount, assets, badge, change, readable
from revshare.contributors.models import Contributor
from revshare.cycles.models import Cycle
from revshare.cycles.review import decide_finding, difference_csv, make_review, preparers
from revshare.cycles.rules import reached
from revshare.errors import Refused
from revshare.reviews.models import ACTIONS, Review
from revshare.reviews.operations import DONE, check_not_concerned
from revshare.reviews.queries import findings_of, review_of
from revshare.signin.links import check_link
from revshare.wording import whole

OPEN_STATES = ("calculated", "in_review")
LISTS = {
    "risers": gettext_noop("Rose most"), "fallers": gettext_noop("Fell most"), "new": gettext_noop("New"),
    "gone": gettext_noop("Gone"),
}  # fmt: skip
SHOWN = 5
RULES = {
    "contributors": gettext_noop("Contributor"), "pools": gettext_noop("Pool"),
    "concentration": gettext_noop("Concentration"), "sales": gettext_noop("Sales"), "assets": gettext_noop("Assets"),
}  # fmt: skip
TOLD = {
    "override": gettext_noop("%(by)s overridden it: “%(reason)s”"),
    "stop": gettext_noop("%(by)s stopped it: “%(reason)s”"),
}
DECIDED = {
    "override": gettext_noop("Finding %(number)s is overridden; your reason is on record."),
    "stop": gettext_noop("Finding %(number)s is stopped; your reason is on record."),
}


def context_of(request: HttpRequest, cycle: Cycle) -> dict[str, Any] | None:
    """What the cycle's page shows of its review; None before it is calculated."""
    if not reached(state=cycle.state, goal="calculated"):
        return None
    review = review_of(cycle.pk, cycle.result_digest)
    if review is None:
        return {"made": False, "may_make": allowed(request, "calculate") and cycle.state in OPEN_STATES}
    found = list(findings_of(cycle.pk))
    blocking = [item for item in found if item.blocks]
    return {
        "made": True, "before": review.before.key if review.before else "",
        "findings": [_finding(item, review) for item in found],
        "open": sum(item.decision != "override" for item in blocking), "blocking": len(blocking),
        "stopped": [item for item in blocking if item.decision == "stop"],
        "hindrance": _hindrance(request, cycle), "differences": _differences(review), "pools": _pools(review),
    }  # fmt: skip


def _hindrance(request: HttpRequest, cycle: Cycle) -> str:
    """Why this person does not decide; the operation checks it again."""
    user = person(request)
    if cycle.state not in OPEN_STATES:
        return "closed"
    if not may(roles=user.roles, action="decide_finding"):
        return _("An approver decides about these.")
    if user.username in preparers(cycle):
        return _("You prepared this cycle: another person decides about these.")
    return ""


def _finding(item: Any, review: Review) -> dict[str, Any]:
    net_micros = review.facts["takings"].get(item.currency, {}).get("net_micros", 0)
    state = DONE[item.decision] if item.decision else "undecided"
    decided = _(TOLD[item.decision]) % {"by": item.decided_by, "reason": item.reason} if item.decision else ""
    return {
        "number": item.number, "rule": _(RULES[item.rule]), "says": told(item, net_micros), "blocks": item.blocks,
        "badge": badge(state if item.blocks else "note"), "decided": decided,
        "may_override": item.decision != "override", "may_stop": item.decision != "stop",
        "link": _link(item),
    }  # fmt: skip


def _link(item: Any) -> str:
    kind, _space, name = item.subject.partition(" ")
    if item.contributor_id:
        return reverse("admin:revshare_contributor_change", args=[item.contributor_id])
    if kind == "file" and name.isdigit():
        return reverse("admin:file", args=[int(name)])
    return ""


def _differences(review: Review) -> list[dict[str, Any]]:
    facts = review.facts["differences"]
    ids = {mover["contributor_id"] for item in facts for name in LISTS for mover in item[name][:SHOWN]}
    names = dict(Contributor.objects.filter(pk__in=ids).values_list("pk", "name")) if ids else {}
    return [_difference(item, names) for item in facts]


def _difference(item: dict[str, Any], names: dict[str, str]) -> dict[str, Any]:
    code = item["currency"]
    movers = [
        {"title": _(title), "rows": [
            {"id": mover["contributor_id"], "name": names.get(mover["contributor_id"]) or mover["contributor_id"],
             "before": amount(mover["before_micros"], code), "after": amount(mover["after_micros"], code),
             "change": change(mover["after_micros"], mover["before_micros"], code)}
            for mover in item[name][:SHOWN]
        ]}
        for name, title in LISTS.items() if item[name]
    ]  # fmt: skip
    return {
        "currency": code, "movers": movers,
        "tiles": [
            (_("To contributors"), amount(item["after_micros"], code), readable(item["before_micros"], code),
             change(item["after_micros"], item["before_micros"], code)),
            (_("Paid contributors"), whole(item["paid_after"]), whole(item["paid_before"]),
             change(item["paid_after"], item["paid_before"])),
            (_("New"), whole(item["newcomers"]), "", amount(item["newcomers_micros"], code)),
            (_("Gone"), whole(item["dropouts"]), "", amount(item["dropouts_micros"], code)),
        ],
    }  # fmt: skip


def _pools(review: Review) -> list[dict[str, Any]]:
    rows, none = [], pgettext("pool", "none")
    for pool in review.facts["pools"]:
        now, before = pool["now"], pool["before"]
        code = (now or before)["currency"]
        net, net_before = (each["net_micros"] if each else 0 for each in (now, before))
        rows.append({
            "name": pool["name"], "net": amount(net, code) if now else none,
            "net_before": amount(net_before, code) if before else none, "change": change(net, net_before, code),
            "assets": assets(now["denominator_ticks"]) if now else "–",
            "assets_before": assets(before["denominator_ticks"]) if before else "–",
            "people": whole(now["contributors"]) if now else "–",
        })  # fmt: skip
    return rows


def _find(key: str) -> Cycle:
    cycle = Cycle.objects.select_related("policy").filter(key=key).first()
    if cycle is None:
        raise Http404(_("There is no such cycle."))
    return cycle


@require_POST
@only("calculate")
def make(request: HttpRequest, key: str) -> HttpResponse:
    """Reviews a calculated cycle before it is submitted."""
    _find(key)

    def deed() -> str:
        make_review(key=key, act=acting(request))
        return _("Cycle %(key)s is reviewed.") % {"key": key}

    attempt(request, deed)
    return redirect("admin:cycle", key)


@require_POST
@only("decide_finding")
def decide(request: HttpRequest, key: str, number: int) -> HttpResponse:
    """An approver's word on a finding: `action` is override or stop."""
    cycle = _find(key)
    action = request.POST.get("action", "")

    def deed() -> str:
        if action not in ACTIONS:
            raise Told(_("Choose to override the finding, or to stop the cycle for it."))
        check_not_concerned(cycle_id=cycle.pk, number=number, contributor_id=person(request).contributor_id)
        act = acting(request, why=request.POST.get("reason", "").strip())
        decide_finding(key=key, number=number, action=action, act=act)
        return _(DECIDED[action]) % {"number": number}

    attempt(request, deed)
    return redirect(f"{reverse('admin:cycle', args=[key])}#findings")


@require_GET
@only("export")
def download(request: HttpRequest, key: str) -> HttpResponseBase:
    """What everybody earns beside the cycle before."""
    _find(key)
    check_link(request)
    try:
        blocks = difference_csv(key=key)
    except Refused as error:
        raise Http404(str(error)) from None
    name = content_disposition_header(True, f"difference-{key}.csv") or "attachment"
    return StreamingHttpResponse(
        blocks, content_type="text/csv; charset=utf-8", headers={"Content-Disposition": name}
    )  # fmt: skip
