"""Reviews made once for a result, and decisions on their findings."""

from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass
from typing import Any

from django.db import transaction

from revshare.audit_trail.operations import Act, record
from revshare.errors import Conflict, NotAllowed, Refused
from revshare.policies.review_terms import ReviewTerms
from revshare.reviews.differences import differences
from revshare.reviews.findings import Facts, Found, find
from revshare.reviews.holdings import NO_GROWTH, growth
from revshare.reviews.models import ACTIONS, OVERRIDE, Decision, Finding, Review
from revshare.reviews.queries import EARLIER, earlier_takings, pools_by_cycle, review_of
from revshare.reviews.queries import find as find_finding
from revshare.reviews.takings import takings_of
from revshare.sales.queries import Range

DONE = {OVERRIDE: "overridden", "stop": "stopped"}


@dataclass(frozen=True)
class Reviewed:
    """A calculated cycle as a review sees it."""

    cycle_id: int
    key: str
    calculation: int
    result_digest: str
    balances_sha256: str
    ranges: Sequence[Range]
    manifests: Mapping[str, str]


def facts_of(now: Reviewed, before: Reviewed | None, terms: ReviewTerms) -> Facts:
    """What the rules look at. Raises LakeDamaged."""
    last = now.calculation
    with ThreadPoolExecutor(1) as beside:  # asks nothing of the database, which adds sales up meanwhile
        earned = {"after": now.balances_sha256, "before": before.balances_sha256 if before else ""}
        compared = beside.submit(differences, **earned, material=terms.material)
        pools = pools_by_cycle(after=last - 1 - EARLIER, upto=last)
        return Facts(
            pools=pools.pop(last), earlier_pools=[pools[number] for number in sorted(pools, reverse=True)],
            takings=takings_of(now.ranges), earlier_takings=earlier_takings(last),
            growth=growth(after=now.manifests, before=before.manifests) if before else NO_GROWTH,
            differences=compared.result(),
        )  # fmt: skip


def findings_of(now: Reviewed, before: Reviewed | None, terms: ReviewTerms) -> tuple[Facts, list[Found]]:
    facts = facts_of(now, before, terms)
    return facts, find(facts, terms)


@transaction.atomic
def make(*, now: Reviewed, before: Reviewed | None, terms: ReviewTerms, act: Act) -> Review:
    """Compares a calculated cycle with the one before and keeps what comes of it; made already, it is found made.
    Raises LakeDamaged."""
    if made := review_of(now.cycle_id, now.result_digest):
        return made
    facts, found = findings_of(now, before, terms)
    review, new = Review.objects.get_or_create(
        cycle_id=now.cycle_id,
        defaults={
            "before_id": before.cycle_id if before else None, "result_digest": now.result_digest,
            "facts": as_json(facts), "made_at": act.at, "made_by": act.actor,
        },
    )  # fmt: skip
    if not new:  # somebody else was quicker
        return review
    Finding.objects.bulk_create(
        Finding(
            review=review, cycle_id=now.cycle_id, number=number, rule=item.rule, subject=item.subject,
            currency=item.currency, blocks=item.blocks, says=item.says,
            measured={name: str(value) for name, value in item.measured.items()}, contributor_id=item.contributor_id,
        )
        for number, item in enumerate(found, 1)
    )  # fmt: skip
    record(
        act=act, action="cycle.review", object=f"cycle:{now.key}",
        detail={"result_digest": now.result_digest, "findings": len(found),
                "blocking": sum(item.blocks for item in found)},
    )  # fmt: skip
    return review


def as_json(facts: Facts) -> dict[str, Any]:
    """What is kept of the facts: what pages show, and what later reviews compare theirs with."""
    last = {pool.name: pool for pool in facts.earlier_pools[0]} if facts.earlier_pools else {}
    now = {pool.name: pool for pool in facts.pools}
    return {
        "differences": [
            {name: value for name, value in asdict(each).items() if name != "off"} for each in facts.differences
        ],
        "pools": [
            {"name": name, "now": asdict(now[name]) if name in now else None,
             "before": asdict(last[name]) if name in last else None}
            for name in sorted({*now, *last})
        ],
        "takings": {currency: item.as_json() for currency, item in facts.takings.items()},
    }  # fmt: skip


@transaction.atomic
def decide(*, cycle_id: int, key: str, number: int, action: str, preparers: frozenset[str], act: Act) -> Decision:
    """An approver lets a finding pass (`override`), or says that the cycle must not be approved for it (`stop`); of
    several decisions the last counts. The act's reason is kept. Whose money the finding is about, the skin knows:
    `check_not_concerned`.

    Raises NotFound; Refused without a reason, or for a finding that does not block; NotAllowed for whoever prepared the
    cycle; Conflict if the same was said last.
    """
    assert action in ACTIONS
    finding = find_finding(cycle_id, number)
    if not act.why.strip():
        raise Refused(f"Say why finding {number} is {DONE[action]}.", code="reason_missing")
    if not finding.blocks:
        raise Refused(f"Finding {number} blocks nothing: there is nothing to decide.")
    if act.actor in preparers:
        raise NotAllowed(f"{act.actor} prepared cycle {key}: another person has to decide about what was found.")
    if finding.decision == action:
        raise Conflict(f"Finding {number} of cycle {key} is {DONE[action]} already, by {finding.decided_by}.")
    made = Decision.objects.create(
        finding=finding, cycle_id=cycle_id, action=action, reason=act.why, at=act.at, by=act.actor
    )
    record(
        act=act, action=f"cycle.{action}", object=f"cycle:{key}",
        detail={"finding": number, "says": finding.says, "result_digest": finding.review.result_digest},
    )  # fmt: skip
    return made


def check_not_concerned(*, cycle_id: int, number: int, contributor_id: str | None) -> None:
    """Raises NotAllowed if the finding is about this contributor: nobody decides on their own."""
    if contributor_id and find_finding(cycle_id, number).contributor_id == contributor_id:
        raise NotAllowed(f"Finding {number} is about {contributor_id}: another person has to decide about it.")
