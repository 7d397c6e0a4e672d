"""A cycle's page: where it is, its numbers, and the one move that this person may make next."""

from dataclasses import dataclass
from typing import Any

from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseBase
from django.shortcuts import redirect
from django.urls import reverse
from django.views.decorators.http import require_GET, require_POST

from revshare.access.models import User
from revshare.access.rules import may
from revshare.audit_trail.models import Event
from revshare.console import reviews
from revshare.console.base import site
from revshare.console.cycle_facts import facts_of
from revshare.console.doors import acting, allowed, attempt, person, require
from revshare.console.exports import answer
from revshare.console.runs import STEPS, describe, last_run
from revshare.console.shown import moment, words
from revshare.console.waiting import in_quarantine
from revshare.cycles import operations as cycles
from revshare.cycles.models import Cycle
from revshare.cycles.queries import find
from revshare.cycles.rules import MOVES, STATES, reached
from revshare.errors import Conflict, NotFound, Refused
from revshare.exports.operations import EXPORTS
from revshare.exports.tables import FORMATS
from revshare.reviews.queries import standing
from revshare.runs.models import Run
from revshare.signin.links import check_link, signed
from revshare.tasks import request_cycle_step

ACTIONS = ("lock", "calculate", "submit", "approve", "publish")
QUEUED = ("lock", "calculate", "publish")
LABELS = {
    "lock": "Lock", "calculate": "Calculate", "submit": "Submit for review", "approve": "Approve this result",
    "publish": "Publish the statements",
}  # fmt: skip
MEANING = {
    "lock": "Closes the cycle over its sales: from then on no sale enters, and its inputs have a digest.",
    "calculate": "Builds the pools, splits them, posts the journal and writes the statements.",
    "submit": "Hands the result to an approver, another person than those who prepared it.",
    "approve": "Releases exactly the result on this page; if it changes before you press, the approval is refused.",
    "publish": "Shows the statements to their contributors. A published cycle cannot change any more.",
}
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
        request, "cycle.html", title=f"Cycle {cycle.key}", cycle=cycle, states=_states(cycle), facts=facts,
        move=None if live else _next_move(cycle, person(request)), run=describe(run) if run and live else None,
        failed=run if run and _failed_here(run, cycle) else None,
        waiting=in_quarantine(request) if cycle.state == "open" else None, history=_history(cycle),
        exports=_exports(request, cycle) if facts else [], may_try=allowed(request, "lab"),
        review=reviews.context_of(request, cycle) if facts else None, may_export=allowed(request, "export"),
    )  # fmt: skip


def _failed_here(run: Run, cycle: Cycle) -> bool:
    """Whether the last run was refused and the cycle still stands where it then stood."""
    return run.state == Run.State.FAILED and MOVES[run.step].source == cycle.state


def _states(cycle: Cycle) -> list[dict[str, Any]]:
    place = STATES.index(cycle.state)
    return [
        {"name": words(state), "is": "done" if number < place else "now" if number == place else "ahead"}
        for number, state in enumerate(STATES)
        if state != "settled" or state == cycle.state
    ]


def _next_move(cycle: Cycle, user: User) -> NextMove | None:
    action = cycles.next_action(cycle)
    if action not in ACTIONS:
        return None
    return NextMove(
        action=action, label=LABELS[action], meaning=MEANING[action], hindrance=_hindrance(cycle, action, user),
        url=reverse("admin:cycle-move", args=[cycle.key, action]),
    )  # fmt: skip


def _hindrance(cycle: Cycle, action: str, user: User) -> str:
    """What keeps this person from a move; the operation checks it again."""
    if not may(roles=user.roles, action=action):
        return {"approve": "This takes an approver.", "publish": "This takes an approver."}.get(
            action, "This takes an operator."
        )
    if action in ("approve", "publish") and user.username in {cycle.locked_by, cycle.calculated_by, cycle.submitted_by}:
        return f"You prepared this cycle: another person has to {action} it."
    if action == "approve":
        try:
            cycles.check_not_payee(cycle, user.contributor_id)
        except Refused as error:
            return str(error)
        if left := standing(cycle.pk).open:
            many = f"{left} findings are" if left > 1 else "A finding is"
            return f"{many} not overridden: decide about what the review found first."
    return ""


def _history(cycle: Cycle) -> list[dict[str, Any]]:
    """Who did what, when, why: from the audit trail."""
    events = Event.objects.filter(object=f"cycle:{cycle.key}").order_by("-seq")[:SHOWN_EVENTS]
    return [
        {
            "seq": event.seq, "at": moment(event.at), "actor": event.actor,
            "what": event.action.removeprefix("cycle.").replace("_", " "),
            "why": event.detail.get("accepted_quarantine_reason") or event.detail.get("why", ""),
            "rows": event.detail.get("accepted_quarantine_rows"),
        }
        for event in events
    ]  # fmt: skip


def _exports(request: HttpRequest, cycle: Cycle) -> list[dict[str, Any]]:
    if not allowed(request, "export"):
        return []
    return [
        {
            "kind": kind,
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
        raise Http404("There is no such move.")
    require(request, action)
    cycle = find_or_404(key)
    attempt(request, lambda: (_start if action in QUEUED else _decide)(request, cycle, action))
    return redirect("admin:cycle", key)


def _start(request: HttpRequest, cycle: Cycle, action: str) -> str:
    if reached(state=cycle.state, goal=MOVES[action].target):
        return f"Cycle {cycle.key} is {words(cycle.state)} already."
    reason = request.POST.get("accept_quarantine", "").strip()
    if action == "lock" and not reason and (waiting := in_quarantine(request)):
        raise Refused(
            f"{waiting} row{'s are' if waiting.many else ' is'} in quarantine: decide about them first, or give the "
            "reason to lock all the same."
        )
    run, new = request_cycle_step(step=action, key=cycle.key, act=acting(request), queue=True, accept_quarantine=reason)
    if not new:
        return f"{STEPS[action]} is under way already: {run.actor} started it. You see the same run."
    return f"{STEPS[action]} has started."


def _decide(request: HttpRequest, cycle: Cycle, action: str) -> str:
    act = acting(request)
    if action == "submit":
        cycle = cycles.submit(key=cycle.key, act=act)
        return f"Cycle {cycle.key} is handed to an approver."
    seen = request.POST.get("digest", "")
    if not seen:
        raise Conflict("An approval is bound to a result, and this names none: look at the cycle and approve there.")
    cycles.check_not_payee(cycle, person(request).contributor_id)
    if reached(state=cycle.state, goal="approved"):
        return f"Cycle {cycle.key} is {words(cycle.state)} already."
    cycle = cycles.approve(key=cycle.key, act=act, digest=seen)
    return f"Cycle {cycle.key} is approved with the result {cycle.approved_digest[:16]}…"


@require_GET
def export(request: HttpRequest, key: str, kind: str, format: str) -> HttpResponseBase:
    """A download. Somebody has taken a copy of what people are paid: the audit trail says who."""
    require(request, "export")
    cycle = find_or_404(key)
    if kind not in EXPORTS or format not in FORMATS:
        raise Http404("There is no such export.")
    check_link(request)
    try:
        return answer(cycle=cycle, kind=kind, format=format, act=acting(request))
    except Refused as error:
        messages.error(request, str(error))
        return redirect("admin:cycle", key)
