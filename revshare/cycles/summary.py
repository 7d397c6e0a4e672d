"""A cycle in numbers, for people: its pools, the largest payouts, what was left over, what lies outside."""

import json
from collections.abc import Mapping
from dataclasses import dataclass

from django.contrib.postgres.expressions import ArraySubquery
from django.db import connection
from django.db.models import OuterRef, Sum
from django.db.models.functions import JSONObject

from revshare.allocation.models import Rest
from revshare.cycles.models import Cycle
from revshare.cycles.opted_out import OptedOut, opted_out_of
from revshare.cycles.queries import pinned_of
from revshare.ledger.models import AccountControl, Journal, PoolControl
from revshare.ledger.queries import ALLOCATION_JOURNAL, TRIAL_BALANCE
from revshare.policies.rules import parse
from revshare.pools.models import Conversion, Pool

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
    cycle: Cycle
    pools: list[PoolSummary]
    conversions: list[Conversion]
    largest: list[Payout]
    journal: Journal | None
    numbers: "Numbers"
    opted_out: list[OptedOut]


# What lies between the cycles' periods, before the first and after the last; where there is no cycle, everything. Each
# gap is answered by the index on time.
OUTSIDE = """
    SELECT coalesce(sum(dated.sales), 0)::bigint FROM (
        SELECT lag(ends_at) OVER (ORDER BY starts_at) AS after, starts_at AS before FROM cycles_cycle
        UNION ALL SELECT max(ends_at), NULL FROM cycles_cycle
    ) gap CROSS JOIN LATERAL (
        SELECT count(*) AS sales FROM sales_sale s
        WHERE s.sold_at >= coalesce(gap.after, '-infinity') AND s.sold_at < coalesce(gap.before, 'infinity')
    ) dated WHERE gap.after IS DISTINCT FROM gap.before OR gap.before IS NULL
"""
# No two windows overlap: a sale is in one of them at most.
UNLINKED = """
    SELECT s.gross_micros FROM cycles_window w JOIN sales_sale s ON s.sold_at >= w.starts_at AND s.sold_at < w.ends_at
        AND s.seq > w.after_seq AND s.seq <= w.upto_seq AND s.file_id <> ALL(%(voided)s)
    WHERE w.cycle_id = %(cycle)s AND w.restatement_id IS NULL AND s.refund_of = '' AND s.gross_micros < 0
"""
# In one question: a page has few.
NUMBERS = f"""
    SELECT (SELECT coalesce(sum(accounts), 0)::bigint FROM ledger_account_control WHERE cycle_id = %(cycle)s),
           (SELECT count(*) FROM audit.sale WHERE cycle_id = %(cycle)s AND late), ({OUTSIDE}),
           (SELECT count(*) FROM ({UNLINKED}) u), (SELECT coalesce(sum(gross_micros), 0)::text FROM ({UNLINKED}) u),
           (SELECT coalesce(jsonb_object_agg(currency, total), '{{}}') FROM ({TRIAL_BALANCE}) t)
"""


@dataclass(frozen=True)
class Numbers:
    """`trial_balance`: debits less credits per currency over the whole ledger, which must be zero. `unlinked_refunds`:
    how many name no sale, and their sum in micros over all currencies: accepted, but to be looked at. `sales_outside`:
    dated in no cycle's period; they stay unassigned until a cycle covers them."""

    statements: int
    late_sales: int
    sales_outside: int
    unlinked_refunds: tuple[int, int]
    trial_balance: dict[str, int]


def summarise(cycle: Cycle) -> Summary:
    """The numbers of a calculated cycle; of one not calculated yet there are no pools and payouts."""
    converts = bool(parse(cycle.policy.text).currency)
    return Summary(
        cycle=cycle,
        pools=pools_of(cycle),
        conversions=list(Conversion.objects.filter(cycle=cycle).order_by("day", "base")) if converts else [],
        largest=_largest(cycle),
        journal=Journal.objects.filter(kind=ALLOCATION_JOURNAL, key=cycle.key).first(),
        numbers=_numbers(cycle),
        opted_out=opted_out_of(cycle),
    )


def _numbers(cycle: Cycle) -> Numbers:
    voided = list(pinned_of(cycle).voided) if cycle.pinned else []
    with connection.cursor() as cursor:
        cursor.execute(NUMBERS, {"cycle": cycle.pk, "voided": voided})
        statements, late, outside, unlinked, unlinked_micros, balance = cursor.fetchone()
    by_currency = {currency: int(total) for currency, total in sorted(json.loads(balance).items())}
    return Numbers(statements, late, outside, (unlinked, int(unlinked_micros)), by_currency)


def sales_outside_cycles() -> int:
    """Sales dated in no cycle's period."""
    with connection.cursor() as cursor:
        cursor.execute(OUTSIDE)
        return int(cursor.fetchone()[0])


def statements_count(cycle: Cycle) -> int:
    return AccountControl.objects.filter(cycle=cycle).aggregate(sum=Sum("accounts", default=0))["sum"]


def pools_of(cycle: Cycle) -> list[PoolSummary]:
    """The pools of a cycle's sales, by one query."""
    rests = Rest.objects.filter(pool=OuterRef("pk")).exclude(reason="").order_by().values("bucket")
    sums = rests.annotate(micros=Sum("amount_micros")).values(sum=JSONObject(bucket="bucket", micros="micros"))
    pools = Pool.objects.filter(cycle=cycle, kind=Pool.Kind.SALES).select_related("control")
    pools = pools.annotate(aside=ArraySubquery(sums))
    return [
        _pool(pool, {each["bucket"]: each["micros"] for each in pool.aside})
        for pool in pools.order_by("table", "model", "dataset_version", "part", "currency")
    ]


def _pool(pool: Pool, aside: dict[str, int]) -> PoolSummary:
    control: PoolControl | None = getattr(pool, "control", None)
    if control is None:  # nobody shares it
        return PoolSummary(pool, 0, 0, 0, aside)
    return PoolSummary(pool, control.entries, control.amount_micros, control.residue_micros, aside)


def _largest(cycle: Cycle) -> list[Payout]:
    with connection.cursor() as cursor:
        cursor.execute(
            # By their places, which are in the order of ids: names are looked up of those few alone.
            "SELECT c.id, c.name, largest.currency, largest.earned FROM (SELECT * FROM ("
            "SELECT roll, currency, unnest(members) AS member, unnest(earned) AS earned FROM ledger_folio "
            "WHERE cycle_id = %s) a ORDER BY earned DESC, roll, member LIMIT %s) largest "
            "JOIN ledger_roll r ON r.cycle_id = %s AND r.roll = largest.roll "
            "JOIN contributors_contributor c ON c.id = r.contributors[largest.member] "
            "ORDER BY largest.earned DESC, c.id, largest.currency",
            [cycle.pk, LARGEST, cycle.pk],
        )
        return [Payout(*row) for row in cursor.fetchall()]
