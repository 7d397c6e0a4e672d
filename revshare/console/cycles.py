"""A cycle's page: where it is, its numbers, and the one move that this person may make next."""

from dataclasses import dataclass
from typing import Any

from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseBase
from django.shortcuts import redirect
from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import gettext_noop, ngettext, pgettext_lazy
from django.views.decorators.http import require_GET, require_POST

from revshare.access.models import User
from revshare.access.rules import may
from revshare.audit_trail.models import Event
from revshare.console import reviews
from revshare.console.base import site
from revshare.console.cycle_facts import facts_of
from revshare.console.doors import Told, acting, allowed, attempt, person, refusal, require
from revshare.console.exports import answer
from revshare.console.runs import describe, last_run
from revshare.console.shown import in_english, moment, words
from revshare.console.waiting import in_quarantine
from revshare.cycles import operations as cycles
from revshare.cycles.models import Cycle
from revshare.cycles.queries import find
from revshare.cycles.rules import MOVES, STATES, reached
from revshare.errors import NotFound, Refused
from revshare.exports.operations import EXPORTS
from revshare.exports.tables import FORMATS
from revshare.reviews.queries import standing
from revshare.runs.models import Run
from revshare.signin.links import check_link, signed
from revshare.tasks import request_cycle_step
from revshare.wording import whole

ACTIONS = ("lock", "calculate", "submit", "approve", "publish")
QUEUED = ("lock", "calculate", "publish")
LABELS = {
    "lock": gettext_noop("Lock"), "calculate": gettext_noop("Calculate"), "submit": gettext_noop("Submit for review"),
    "approve": gettext_noop("Approve this result"), "publish": gettext_noop("Publish the statements"),
}  # fmt: skip
MEANING = {
    "lock": gettext_noop("Closes the cycle over its sales: from then on no sale enters, and its inputs have a digest."),
    "calculate": gettext_noop("Builds the pools, splits them, posts the journal and writes the statements."),
    "submit": gettext_noop("Hands the result to an approver, another person than those who prepared it."),
    "approve": gettext_noop(
        "Releases exactly the result on this page; if it changes before you press, the approval is refused."
    ),
    "publish": gettext_noop("Shows the statements to their contributors. A published cycle cannot change any more."),
}
STARTED = {
    "lock": gettext_noop("Locking has started."), "calculate": gettext_noop("Calculating has started."),
    "publish": gettext_noop("Publishing has started."),
}  # fmt: skip
UNDER_WAY = {
    "lock": gettext_noop("Locking is under way already: %(actor)s started it. You see the same run."),
    "calculate": gettext_noop("Calculating is under way already: %(actor)s started it. You see the same run."),
    "publish": gettext_noop("Publishing is under way already: %(actor)s started it. You see the same run."),
}
REFUSED = {
    "lock": gettext_noop("The last attempt to lock was refused"),
    "calculate": gettext_noop("The last attempt to calculate was refused"),
    "publish": gettext_noop("The last attempt to publish was refused"),
}
# Of the audit trail, as the history of a cycle says it: "locked by …" in most languages.
DEEDS = {
    "open": pgettext_lazy("done to a cycle", "open"), "lock": pgettext_lazy("done to a cycle", "lock"),
    "calculate": pgettext_lazy("done to a cycle", "calculate"), "review": pgettext_lazy("done to a cycle", "review"),
    "submit": pgettext_lazy("done to a cycle", "submit"), "override": pgettext_lazy("done to a cycle", "override"),
    "stop": pgettext_lazy("done to a cycle", "stop"), "approve": pgettext_lazy("done to a cycle", "approve"),
    "publish": pgettext_lazy("done to a cycle", "publish"), "committed": pgettext_lazy("done to a cycle", "committed"),
    "exported": pgettext_lazy("done to a cycle", "exported"), "bundled": pgettext_lazy("done to a cycle", "bundled"),
}  # fmt: skip
FILES = {
    "payouts": gettext_noop("Payouts"), "statements": gettext_noop("Statements"), "journal": gettext_noop("Journal"),
    "splits": gettext_noop("Splits"),
}  # fmt: skip
SHOWN_EVENTS = 30


@dataclass(frozen=True)
class NextMove:
    """The move that comes next; `hindrance` says why this person does not see its button."""

    action: str
    label: str
    meaning: str
    hindrance: str
    url: str


def find_or_404(key: str) -> Cycle:
    try:
        return find(key)
    except NotFound as error:
        raise Http404(str(error)) from None


@require_GET
def page(request: HttpRequest, key: str) -> HttpResponse:
    cycle = find_or_404(key)
    run = last_run(f"cycle:{key}")
    live = run is not None and run.live
    facts = facts_of(cycle)
    return site.page(
        request, "cycle.html", title=_("Cycle %(key)s") % {"key": cycle.key}, cycle=cycle, states=_states(cycle),
        facts=facts, move=None if live else _next_move(cycle, person(request)),
        run=describe(run) if run and live else None,
        failed=_failed_here(run, cycle) if run else None,
        prepared=_prepared(cycle),
        waiting=in_quarantine(request) if cycle.state == "open" else None, history=_history(cycle),
        exports=_exports(request, cycle) if facts else [], may_try=allowed(request, "lab"),
        review=reviews.context_of(request, cycle) if facts else None, may_export=allowed(request, "export"),
    )  # fmt: skip


def _failed_here(run: Run, cycle: Cycle) -> dict[str, str] | None:
    """That the last run was refused, if the cycle still stands where it then stood."""
    if run.state != Run.State.FAILED or MOVES[run.step].source != cycle.state:
        return None
    return {"title": _(REFUSED[run.step]), "error": run.error}


def _states(cycle: Cycle) -> list[dict[str, Any]]:
    place = STATES.index(cycle.state)
    return [
        {"name": words(state), "is": "done" if number < place else "now" if number == place else "ahead"}
        for number, state in enumerate(STATES)
        if state != "settled" or state == cycle.state
    ]


def _prepared(cycle: Cycle) -> str:
    """By whom it was brought as far as it is."""
    said = {
        "opened": cycle.opened_by, "locked": cycle.locked_by, "calculated": cycle.calculated_by,
        "submitted": cycle.submitted_by,
    }  # fmt: skip
    if cycle.submitted_by:
        return _("locked by %(locked)s, calculated by %(calculated)s, submitted by %(submitted)s") % said
    if cycle.calculated_by:
        return _("locked by %(locked)s, calculated by %(calculated)s") % said
    return _("locked by %(locked)s") % said if cycle.locked_by else _("opened by %(opened)s") % said


def _next_move(cycle: Cycle, user: User) -> NextMove | None:
    action = cycles.next_action(cycle)
    if action not in ACTIONS:
        return None
    return NextMove(
        action=action, label=_(LABELS[action]), meaning=_(MEANING[action]), hindrance=_hindrance(cycle, action, user),
        url=reverse("admin:cycle-move", args=[cycle.key, action]),
    )  # fmt: skip


def _hindrance(cycle: Cycle, action: str, user: User) -> str:
    """What keeps this person from a move; the operation checks it again."""
    if not may(roles=user.roles, action=action):
        return _("This takes an approver.") if action in ("approve", "publish") else _("This takes an operator.")
    if action in ("approve", "publish") and user.username in {cycle.locked_by, cycle.calculated_by, cycle.submitted_by}:
        if action == "publish":
            return _("You prepared this cycle: another person has to publish it.")
        return _("You prepared this cycle: another person has to approve it.")
    if action == "approve":
        try:
            cycles.check_not_payee(cycle, user.contributor_id)
        except Refused as error:
            return refusal(error)
        if left := standing(cycle.pk).open:
            return ngettext(
                "A finding is not overridden: decide about what the review found first.",
                "%(count)s findings are not overridden: decide about what the review found first.", left,
            ) % {"count": whole(left)}  # fmt: skip
    return ""


def _history(cycle: Cycle) -> list[dict[str, Any]]:
    """Who did what, when, why: from the audit trail."""
    events = Event.objects.filter(object=f"cycle:{cycle.key}").order_by("-seq")[:SHOWN_EVENTS]
    return [
        {
            "seq": event.seq, "at": moment(event.at), "actor": event.actor,
            "what": _deed(event.action.removeprefix("cycle.")),
            "why": event.detail.get("accepted_quarantine_reason") or event.detail.get("why", ""),
            "rows": event.detail.get("accepted_quarantine_rows"),
        }
        for event in events
    ]  # fmt: skip


def _deed(action: str) -> Any:
    return DEEDS.get(action) or in_english(action.replace("_", " "))


def _exports(request: HttpRequest, cycle: Cycle) -> list[dict[str, Any]]:
    if not allowed(request, "export"):
        return []
    return [
        {
            "kind": _(FILES[kind]),
            "links": [
                (name, signed(request, reverse("admin:export", args=[cycle.key, kind, name]))) for name in FORMATS
            ],
        }
        for kind in EXPORTS
    ]


@require_POST
def move(request: HttpRequest, key: str, action: str) -> HttpResponse:
    """Makes a move, or starts the run that makes it."""
    if action not in ACTIONS:
        raise Http404(_("There is no such move."))
    require(request, action)
    cycle = find_or_404(key)
    attempt(request, lambda: (_start if action in QUEUED else _decide)(request, cycle, action))
    return redirect("admin:cycle", key)


def _start(request: HttpRequest, cycle: Cycle, action: str) -> str:
    if reached(state=cycle.state, goal=MOVES[action].target):
        return _already(cycle)
    reason = request.POST.get("accept_quarantine", "").strip()
    if action == "lock" and not reason and (waiting := in_quarantine(request)):
        raise Told(
            ngettext(
                "%(count)s row is in quarantine: decide about them first, or give the reason to lock all the same.",
                "%(count)s rows are in quarantine: decide about them first, or give the reason to lock all the same.",
                waiting.count,
            )
            % {"count": waiting}
        )
    run, new = request_cycle_step(step=action, key=cycle.key, act=acting(request), queue=True, accept_quarantine=reason)
    if not new:
        return _(UNDER_WAY[action]) % {"actor": run.actor}
    return _(STARTED[action])


def _decide(request: HttpRequest, cycle: Cycle, action: str) -> str:
    act = acting(request)
    if action == "submit":
        cycle = cycles.submit(key=cycle.key, act=act)
        return _("Cycle %(key)s is handed to an approver.") % {"key": cycle.key}
    seen = request.POST.get("digest", "")
    if not seen:
        raise Told(_("An approval is bound to a result, and this names none: look at the cycle and approve there."))
    cycles.check_not_payee(cycle, person(request).contributor_id)
    if reached(state=cycle.state, goal="approved"):
        return _already(cycle)
    cycle = cycles.approve(key=cycle.key, act=act, digest=seen)
    said = {"key": cycle.key, "digest": cycle.approved_digest[:16]}
    return _("Cycle %(key)s is approved with the result %(digest)s…") % said


def _already(cycle: Cycle) -> str:
    return _("Cycle %(key)s is %(state)s already.") % {"key": cycle.key, "state": words(cycle.state)}


@require_GET
def export(request: HttpRequest, key: str, kind: str, format: str) -> HttpResponseBase:
    """A download. Somebody has taken a copy of what people are paid: the audit trail says who."""
    require(request, "export")
    cycle = find_or_404(key)
    if kind not in EXPORTS or format not in FORMATS:
        raise Http404(_("There is no such export."))
    check_link(request)
    try:
        return answer(cycle=cycle, kind=kind, format=format, act=acting(request))
    except Refused as error:
        messages.error(request, refusal(error))
        return redirect("admin:cycle", key)
