"""What a second person looks at and releases: submitted, approved, published."""

from django.db import transaction

from revshare.audit_trail.operations import Act
from revshare.continuity.operations import CYCLES, check_open, note_head
from revshare.cycles.models import Cycle
from revshare.cycles.moving import move
from revshare.cycles.queries import find, result_digest
from revshare.cycles.rules import reached
from revshare.errors import Conflict, NotAllowed
from revshare.locks import Lock, hold
from revshare.statements.queries import PUBLISHED


@transaction.atomic
def submit(*, key: str, act: Act) -> Cycle:
    """Hands a calculated cycle to an approver."""
    cycle = find(key)
    if reached(state=cycle.state, goal="in_review"):
        return cycle
    move(cycle, "submit", act=act, detail={"result_digest": cycle.result_digest})
    return cycle


@transaction.atomic
def approve(*, key: str, act: Act, digest: str = "") -> Cycle:
    """A second person releases a cycle, bound to the result's digest (`digest`: the one that was on the screen).

    Raises NotAllowed for anybody who prepared it, or whom it pays (the skin checks that); Conflict if the digest is
    another by now.
    """
    cycle = find(key)
    if reached(state=cycle.state, goal="approved"):
        return cycle
    check_not_preparer(cycle, act.actor, "approve")
    if digest and digest != cycle.result_digest:
        raise Conflict(f"Cycle {key} has another result by now ({cycle.result_digest[:16]}…): look at it again.")
    move(cycle, "approve", act=act, detail={"result_digest": cycle.result_digest}, approved_digest=cycle.result_digest)
    return cycle


@transaction.atomic
def publish(*, key: str, act: Act) -> Cycle:
    """Shows the statements to their contributors. Cycles are published in the order they were calculated, since each
    statement opens with what the one before closed with."""
    cycle = find(key)
    if reached(state=cycle.state, goal="published"):
        return cycle
    hold(Lock.CYCLE, cycle.pk)
    check_not_preparer(cycle, act.actor, "publish")
    unpublished = Cycle.objects.filter(calculation__lt=cycle.calculation or 0).exclude(state__in=PUBLISHED)
    if other := unpublished.order_by("calculation").first():
        raise Conflict(f"Cycle {other.key} was calculated before {key}: publish it first.")
    if cycle.state == "approved" and result_digest(cycle) != cycle.approved_digest:
        raise Conflict(f"Cycle {key} does not have the result that was approved: run `verify {key}`.")
    check_open(kind=CYCLES, key=key, digest=cycle.result_digest)
    move(cycle, "publish", act=act, detail={"result_digest": cycle.result_digest})
    transaction.on_commit(note_head)
    return cycle


def check_not_preparer(cycle: Cycle, actor: str, action: str) -> None:
    if actor in {cycle.locked_by, cycle.calculated_by, cycle.submitted_by}:
        raise NotAllowed(f"{actor} prepared cycle {cycle.key}: another person has to {action} it.")


def check_not_payee(cycle: Cycle, contributor_id: str | None) -> None:
    """Raises NotAllowed if the cycle pays this contributor: nobody approves their own money."""
    if contributor_id and cycle.statements.filter(contributor_id=contributor_id).exists():
        raise NotAllowed(f"Cycle {cycle.key} pays {contributor_id}: another person has to approve it.")
