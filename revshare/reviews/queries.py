"""Reads: the review of a cycle, its findings with what was said to them, earlier facts."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from django.db import connection
from django.db.models import OuterRef, Subquery, TextField, Value
from django.db.models.functions import Coalesce

from revshare.errors import NotFound
from revshare.pools.models import Pool
from revshare.reviews.findings import PoolFact
from revshare.reviews.models import OVERRIDE, Decision, Finding, Review
from revshare.reviews.takings import Takings, from_json

EARLIER = 12
POOLS = """
    SELECT p."table", p.model, p.dataset_version, p.part, p.currency, p.net_micros, p.distributable_micros,
           p.denominator_ticks, coalesce(k.entries, 0), c.calculation
    FROM pools_pool p JOIN cycles_cycle c ON c.id = p.cycle_id LEFT JOIN ledger_pool_control k ON k.pool_id = p.id
    WHERE p.kind = 'sales' AND c.calculation > %s AND c.calculation <= %s
    ORDER BY p."table", p.model, p.dataset_version, p.part, p.currency
"""


@dataclass(frozen=True)
class Standing:
    """How far the findings of a review are decided."""

    blocking: int
    overridden: int
    stopped: int

    @property
    def open(self) -> int:
        return self.blocking - self.overridden


def review_of(cycle_id: int, digest: str) -> Review | None:
    """The review of this result, if it was made."""
    return Review.objects.select_related("before").filter(cycle_id=cycle_id, result_digest=digest).first()


def findings_of(cycle_id: int) -> Any:
    """A cycle's findings, each with its `decision` ('' while there is none), and `reason` and `decided_by` of it."""
    last = Decision.objects.filter(finding=OuterRef("pk")).order_by("-pk")
    texts = {"decision": "action", "reason": "reason", "decided_by": "by"}
    return Finding.objects.filter(cycle_id=cycle_id).annotate(
        **{name: Coalesce(Subquery(last.values(column)[:1]), Value("", TextField())) for name, column in texts.items()}
    )


def standing(cycle_id: int) -> Standing:
    said = [found.decision for found in findings_of(cycle_id).filter(blocks=True)]
    return Standing(len(said), said.count(OVERRIDE), sum(word not in ("", OVERRIDE) for word in said))


def find(cycle_id: int, number: int) -> Any:
    """A finding with its `decision`. Raises NotFound."""
    found = findings_of(cycle_id).filter(number=number).first()
    if found is None:
        raise NotFound(f"The review of this cycle has no finding {number}.")
    return found


def pools_by_cycle(*, after: int, upto: int) -> dict[int, list[PoolFact]]:
    """The pools of the cycles calculated as number (after, upto], by that number; of one without sales, none."""
    with connection.cursor() as cursor:
        cursor.execute(POOLS, [after, upto])
        by_cycle: dict[int, list[PoolFact]] = {number: [] for number in range(max(after, 0) + 1, upto + 1)}
        for table, model, version, part, currency, *numbers, calculation in cursor.fetchall():
            name = Pool(table=table, model=model, dataset_version=version, part=part, currency=currency).name
            by_cycle[calculation].append(PoolFact(name, currency, *numbers))
    return by_cycle


def earlier_takings(calculation: int) -> Sequence[dict[str, Takings]]:
    """What the reviews of the cycles calculated before this one kept of their sales, the latest first."""
    kept = Review.objects.filter(cycle__calculation__lt=calculation).order_by("-cycle__calculation")
    return [from_json(item) for item in kept.values_list("facts__takings", flat=True)[:EARLIER]]
