"""Money that cycles held for contributors, released: by the decision of a claim, or by an operator with a reason.

A release is a journal per cycle that held it, posted once, and a row for each rest; the statements of the next cycle
list it. What was published before stays as it is.
"""

from dataclasses import dataclass

from django.db import connection, transaction

from revshare.allocation.corrections import with_left
from revshare.allocation.models import Rest
from revshare.allocation.numerators import OPTED_OUT
from revshare.audit_trail.operations import Act, record
from revshare.claims.models import ClaimStep
from revshare.claims.operations import overdue, step
from revshare.claims.queries import in_states
from revshare.claims.rules import CLOSED, UPHELD
from revshare.errors import Refused
from revshare.ledger.operations import post
from revshare.ledger.queries import ALLOCATION_JOURNAL
from revshare.locks import Lock, hold

CLAIM, HOLD_RELEASE = "claim", "hold_release"
LAPSED = "the full proof did not come in time"
# Parameters: to whom ('': to those for whom it is held); the rests. One leg an account.
LEGS = """
    WITH rest AS (
        SELECT p.currency, r.amount_micros + coalesce((SELECT sum(x.amount_micros) FROM allocation_correction x
                   WHERE x.rest_id = r.id), 0) AS amount_micros, coalesce(nullif(%s, ''), r.contributor_id) AS person
        FROM allocation_rest r JOIN pools_pool p ON p.id = r.pool_id WHERE r.id = ANY(%s))
    SELECT 'held' AS account, currency, 'D' AS side, sum(amount_micros)::bigint AS amount_micros FROM rest GROUP BY 2
    UNION ALL
    SELECT 'payable:' || person, currency, 'C', sum(amount_micros)::bigint FROM rest GROUP BY 1, 2
"""
RELEASES = """
    INSERT INTO allocation_held_release (rest_id, journal_id, contributor_id)
    SELECT id, %s, coalesce(nullif(%s, ''), contributor_id) FROM allocation_rest WHERE id = ANY(%s)
"""


@dataclass(frozen=True)
class Released:
    """A release: the cycle whose money it was, the number of the journal, the sum by currency in micros."""

    cycle: str
    journal: int
    micros: dict[str, int]


@transaction.atomic
def decide(*, number: int, action: str, reason: str, act: Act) -> list[Released]:
    """Upholds or rejects a claim, or notes that it lapsed: what was held for it goes to the claimant if it is upheld,
    and else to those for whom it was held. Raises what `claims.operations.step` raises."""
    hold(Lock.CALCULATION)
    made = step(number=number, action=action, text=reason, act=act)
    return _release_claim(made, act)


def lapse_overdue(*, act: Act) -> list[int]:
    """Closes the claims whose full proof did not come in time; returns their numbers."""
    numbers = overdue(act)
    for number in numbers:
        decide(number=number, action="lapse", reason=LAPSED, act=act)
    return numbers


@transaction.atomic
def release_decided(*, cycle_id: int, act: Act) -> None:
    """Releases what a cycle holds for claims that were decided between its lock and its calculation."""
    hold(Lock.CALCULATION)
    held = Rest.objects.filter(cycle_id=cycle_id, bucket="held", reason__startswith="claim ", held_release=None)
    numbers = [int(reason.removeprefix("claim ")) for reason in held.values_list("reason", flat=True).distinct()]
    for claim in in_states(*CLOSED, pk__in=numbers):
        _release_claim(ClaimStep.objects.filter(claim=claim).latest("pk"), act)


@transaction.atomic
def release_held(*, contributor_id: str, reason: str, act: Act) -> list[Released]:
    """Releases to a contributor what is held because they had opted out. Raises Refused without a reason, or if nothing
    is held."""
    if not reason.strip():
        raise Refused("Say why the money is released: the reason goes into the audit trail.")
    hold(Lock.CALCULATION)
    released = _release(HOLD_RELEASE, contributor_id, _unreleased(OPTED_OUT, contributor_id), "", act)
    if not released:
        raise Refused(f"Nothing is held for {contributor_id!r} because of an opt-out.", code="nothing_held")
    record(
        act=act, action="held.release", object=f"contributor:{contributor_id}",
        detail={"reason": reason, "journals": [item.journal for item in released]},
    )  # fmt: skip
    return released


def _release_claim(decision: ClaimStep, act: Act) -> list[Released]:
    to = decision.claim.claimant_id if decision.target == UPHELD else ""
    name = f"claim {decision.claim_id}"
    released = _release(CLAIM, name, _unreleased(name, ""), to, act)
    if released:
        record(
            act=act, action="claim.release", object=f"claim:{decision.claim_id}",
            detail={"to": to or "those for whom it was held", "journals": [item.journal for item in released]},
        )  # fmt: skip
    return released


def _unreleased(reason: str, contributor_id: str) -> dict[str, list[int]]:
    """The rests held for this reason (and contributor) that nobody has got yet, by cycle, once it is posted."""
    held = Rest.objects.filter(bucket="held", reason=reason, held_release=None)
    rests = with_left(held).filter(left_micros__gt=0, cycle__journals__kind=ALLOCATION_JOURNAL)
    if contributor_id:
        rests = rests.filter(contributor_id=contributor_id)
    by_cycle: dict[str, list[int]] = {}
    for pk, key in rests.order_by("cycle_id", "pk").values_list("pk", "cycle__key"):
        by_cycle.setdefault(key, []).append(pk)
    return by_cycle


def _release(kind: str, name: str, rests: dict[str, list[int]], to: str, act: Act) -> list[Released]:
    released = []
    for key, ids in rests.items():
        journal = post(kind=kind, key=f"{name} {key}", legs_sql=LEGS, params=[to, ids], act=act)
        assert journal is not None, "what is held is more than nothing"
        with connection.cursor() as cursor:
            cursor.execute(RELEASES, [journal.seq, to, ids])
        legs = journal.named_legs.filter(account="held")
        released.append(Released(key, journal.seq, dict(legs.values_list("currency", "amount_micros"))))
    return released
