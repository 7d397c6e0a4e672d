"""What a second person looks at and releases: reviewed, submitted, approved, published."""

from collections.abc import Iterator
from typing import Any

from django.db import transaction

from revshare.audit_trail.operations import Act
from revshare.continuity.operations import CYCLES, check_open, note_head
from revshare.cycles.models import Cycle
from revshare.cycles.moving import move
from revshare.cycles.queries import find, pinned_of, ranges_of, result_digest
from revshare.cycles.rules import reached
from revshare.errors import Conflict, NotAllowed, Refused
from revshare.ledger.models import AccountControl
from revshare.locks import Lock, hold
from revshare.policies.rules import parse
from revshare.reviews import operations as reviews
from revshare.reviews.difference_csv import csv_blocks
from revshare.reviews.models import STOP, Decision, Review
from revshare.reviews.queries import findings_of
from revshare.statements.queries import PUBLISHED


def reviewed(cycle: Cycle) -> reviews.Reviewed:
    """A calculated cycle as a review sees it."""
    assert cycle.calculation is not None, "calculated"
    return reviews.Reviewed(
        cycle_id=cycle.pk, key=cycle.key, calculation=cycle.calculation, result_digest=cycle.result_digest,
        balances_sha256=earned_file(cycle), ranges=ranges_of(cycle), manifests=pinned_of(cycle).manifests,
    )  # fmt: skip


def earned_file(cycle: Cycle) -> str:
    """The lake's file that says what the cycle earned whom; '' for one that touched no account, which goes on with the
    file of the cycle before."""
    return cycle.balances_sha256 if AccountControl.objects.filter(cycle=cycle).exists() else ""


def before(cycle: Cycle) -> Cycle | None:
    """The cycle calculated before this one."""
    return Cycle.objects.filter(calculation__lt=cycle.calculation or 0).order_by("-calculation").first()


def make_review(*, key: str, act: Act) -> Review:
    """Compares a calculated cycle with the one before, once. Raises Refused before it is calculated, LakeDamaged."""
    cycle = find(key)
    if not reached(state=cycle.state, goal="calculated"):
        raise Refused(f"Cycle {key} is {cycle.state}: there is nothing to review before it is calculated.")
    # A review looks at what earlier ones kept: made in this order, each can be made again from the same.
    waiting = Cycle.objects.filter(calculation__lt=cycle.calculation, review__isnull=True)
    for earlier in [*waiting.select_related("policy").order_by("calculation"), cycle]:
        review = reviews.make(**review_inputs(earlier), act=act)
    return review


def review_inputs(cycle: Cycle) -> dict[str, Any]:
    """What a review is made from."""
    last = before(cycle)
    return {
        "now": reviewed(cycle), "before": reviewed(last) if last else None, "terms": parse(cycle.policy.text).review,
    }  # fmt: skip


def difference_csv(*, key: str) -> Iterator[bytes]:
    """What everybody earns beside the cycle before, as CSV. Raises Refused before it is calculated, LakeDamaged."""
    cycle = find(key)
    if not reached(state=cycle.state, goal="calculated"):
        raise Refused(f"Cycle {key} is {cycle.state}: it differs from nothing before it is calculated.")
    last = before(cycle)
    return csv_blocks(after=earned_file(cycle), before=earned_file(last) if last else "")


def decide_finding(*, key: str, number: int, action: str, act: Act) -> Decision:
    """An approver overrides what a review found, or stops the cycle for it. Raises NotFound, Refused, NotAllowed, and
    Conflict once the cycle is approved."""
    cycle = find(key)
    if cycle.state not in ("calculated", "in_review"):
        raise Conflict(f"Cycle {key} is {cycle.state}: its review is closed.")
    return reviews.decide(cycle_id=cycle.pk, key=key, number=number, action=action, preparers=preparers(cycle), act=act)


@transaction.atomic
def submit(*, key: str, act: Act) -> Cycle:
    """Hands a calculated cycle to an approver, with its review."""
    cycle = find(key)
    if reached(state=cycle.state, goal="in_review"):
        return cycle
    if cycle.state == "calculated":
        make_review(key=key, act=act)
    move(cycle, "submit", act=act, detail={"result_digest": cycle.result_digest})
    return cycle


@transaction.atomic
def approve(*, key: str, act: Act, digest: str = "") -> Cycle:
    """A second person releases a cycle, bound to the result's digest (`digest`: the one that was on the screen).

    Raises NotAllowed for anybody who prepared it, or whom it pays (the skin checks that); Conflict if the digest is
    another by now; Refused while a finding that blocks is not overridden.
    """
    cycle = find(key)
    if reached(state=cycle.state, goal="approved"):
        return cycle
    check_not_preparer(cycle, act.actor, "approve")
    if digest and digest != cycle.result_digest:
        raise Conflict(f"Cycle {key} has another result by now ({cycle.result_digest[:16]}…): look at it again.")
    check_findings(cycle)
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


def preparers(cycle: Cycle) -> frozenset[str]:
    return frozenset({cycle.locked_by, cycle.calculated_by, cycle.submitted_by})


def check_findings(cycle: Cycle) -> None:
    """Raises Refused while a finding that blocks is not overridden; the database refuses it as well."""
    waiting = list(findings_of(cycle.pk).filter(blocks=True).exclude(decision="override"))
    if not waiting:
        return
    first = next((found for found in waiting if found.decision == STOP), waiting[0])
    said = f" {first.decided_by} stopped it: {first.reason}" if first.decision == STOP else ""
    many = f"{len(waiting)} findings keep" if len(waiting) > 1 else "A finding keeps"
    raise Refused(
        f"{many} cycle {cycle.key} from being approved. Number {first.number}: {first.says}{said} Override each with a "
        f"reason, or do not approve; `cycle review {cycle.key}` lists them.", code="findings_open",
    )  # fmt: skip


def check_not_preparer(cycle: Cycle, actor: str, action: str) -> None:
    if actor in preparers(cycle):
        raise NotAllowed(f"{actor} prepared cycle {cycle.key}: another person has to {action} it.")


def check_not_payee(cycle: Cycle, contributor_id: str | None) -> None:
    """Raises NotAllowed if the cycle pays this contributor: nobody approves their own money."""
    if contributor_id and cycle.statements.filter(contributor_id=contributor_id).exists():
        raise NotAllowed(f"Cycle {cycle.key} pays {contributor_id}: another person has to approve it.")
