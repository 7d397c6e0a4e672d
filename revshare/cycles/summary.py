"""A cycle in numbers, for people: its pools, the largest payouts, what was left over, what lies outside."""

from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.db import connection
from django.db.models import Sum

from revshare.allocation.models import Rest
from revshare.cycles.models import Cycle
from revshare.cycles.opted_out import OptedOut, opted_out_of
from revshare.cycles.queries import ranges_of
from revshare.ledger.models import Journal, PoolControl
from revshare.ledger.queries import ALLOCATION_JOURNAL, trial_balance
from revshare.pools.models import Conversion, Pool
from revshare.sales.queries import unlinked_refunds

LARGEST = 5


@dataclass(frozen=True)
class PoolSummary:
    """A pool with what its split came to. `residue_micros`: handed out one by one by largest remainder after each
    quota was rounded down."""

    pool: Pool
    contributors: int
    allocated_micros: int
    residue_micros: int
    set_aside: Mapping[str, int]  # by bucket: what of its split went to nobody, at least not now


@dataclass(frozen=True)
class Payout:
    contributor_id: str
    name: str
    currency: str
    amount_micros: int


@dataclass(frozen=True)
class Summary:
    """`trial_balance`: debits less credits per currency over the whole ledger, which must be zero."""

    cycle: Cycle
    pools: list[PoolSummary]
    conversions: list[Conversion]
    largest: list[Payout]
    journal: Journal | None
    trial_balance: dict[str, int]
    unlinked_refunds: tuple[int, int]
    late_sales: int
    sales_outside: int
    opted_out: list[OptedOut]


def summarise(cycle: Cycle) -> Summary:
    """The numbers of a calculated cycle; of one not calculated yet there are no pools and payouts."""
    return Summary(
        cycle=cycle,
        pools=_pools(cycle),
        conversions=list(Conversion.objects.filter(cycle=cycle).order_by("day", "base")),
        largest=_largest(cycle),
        journal=Journal.objects.filter(kind=ALLOCATION_JOURNAL, key=cycle.key).first(),
        trial_balance=trial_balance(),
        unlinked_refunds=unlinked_refunds(ranges_of(cycle)),
        late_sales=_number("SELECT count(*) FROM audit.sale WHERE cycle_id = %s AND late", cycle.pk),
        sales_outside=sales_outside_cycles(),
        opted_out=opted_out_of(cycle),
    )


def sales_outside_cycles() -> int:
    """Sales dated in no cycle's period: they stay unassigned until a cycle covers them. Asked gap by gap between the
    cycles, each of which the index on time answers."""
    periods = Cycle.objects.order_by("starts_at").values_list("starts_at", "ends_at")
    ends: list[Any] = [None]
    starts: list[Any] = []
    for start, end in periods:
        starts.append(start)
        ends.append(end)
    gaps = [
        (after, before) for after, before in zip(ends, [*starts, None], strict=True) if after != before or not starts
    ]
    return sum(_dated(after, before) for after, before in gaps)


def _dated(after: datetime | None, before: datetime | None) -> int:
    """How many sales are dated from `after` to before `before`; None: without such a bound."""
    bounds = {"sold_at >= %s": after, "sold_at < %s": before}
    given = {condition: bound for condition, bound in bounds.items() if bound is not None}
    return _number(f"SELECT count(*) FROM sales_sale WHERE {' AND '.join(given) or 'true'}", *given.values())


def _number(query: str, *params: Any) -> int:
    with connection.cursor() as cursor:
        cursor.execute(query, params)
        return int(cursor.fetchone()[0])


def _pools(cycle: Cycle) -> list[PoolSummary]:
    pools = Pool.objects.filter(cycle=cycle, kind=Pool.Kind.SALES).order_by(
        "table", "model", "dataset_version", "part", "currency"
    )
    aside: dict[int, dict[str, int]] = defaultdict(dict)
    rests = Rest.objects.filter(cycle=cycle).exclude(reason="").values_list("pool_id", "bucket")
    for pool_id, bucket, micros in rests.annotate(micros=Sum("amount_micros")).order_by():
        aside[pool_id][bucket] = micros
    controls = {control.pool_id: control for control in PoolControl.objects.filter(cycle=cycle)}
    return [
        PoolSummary(pool, found.entries, found.amount_micros, found.residue_micros, aside[pool.pk])
        if (found := controls.get(pool.pk))
        else PoolSummary(pool, 0, 0, 0, aside[pool.pk])
        for pool in pools
    ]


def _largest(cycle: Cycle) -> list[Payout]:
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT largest.contributor_id, c.name, p.currency, largest.earned_micros FROM ("
            "SELECT * FROM ledger_entry WHERE cycle_id = %s AND statement_lines > 0 "
            "ORDER BY earned_micros DESC, contributor_id LIMIT %s) largest "
            "JOIN pools_pool p ON p.id = largest.pool_id "
            "JOIN contributors_contributor c ON c.id = largest.contributor_id "
            "ORDER BY largest.earned_micros DESC, largest.contributor_id",
            [cycle.pk, LARGEST],
        )
        return [Payout(*row) for row in cursor.fetchall()]
