"""Every way to share against its slow twin, on random small marketplaces of two cycles, through real operations."""

import random
from collections import defaultdict
from collections.abc import Callable
from fractions import Fraction
from typing import Any

import pytest
from django.db import transaction
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from revshare.allocation.models import Allocation, Rest
from revshare.cycles.models import Cycle
from revshare.money import format_micros_exact
from revshare.policies.operations import register
from revshare.pools.models import Pool
from revshare.verification.operations import verify
from tests.cycles.slow_methods import Twin
from tests.cycles.slow_rules import Record, Sold, World
from tests.cycles.worlds import refunded, worlds
from tests.examples import examples
from tests.stories import Story

CYCLES = (("june", "2026-06-01", "2026-07-01"), ("july", "2026-07-01", "2026-08-01"))
SALES = (
    "sale_id", "sold_at", "stream", "model", "dataset_version", "currency", "gross_amount", "fees", "tax", "customer_id", "plan",
    "refund_of",
)  # fmt: skip
RECORDS = ("dataset_version", "asset_id", "contributor_id", "weight", "licence", "ai_generated", "media_type")
CONSENTS = ("contributor_id", "asset_id", "decision", "effective_at", "scope")
MEASURES = ("contributor_id", "measure", "start", "end", "value")
USAGE = ("customer_id", "model", "day", "units")
OUTPUTS = ("sale_id", "contributor_id", "role", "score")
Result = dict[tuple[int, tuple[str, str, str, str], str], int]
real = settings(
    deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture],
    phases=(Phase.explicit, Phase.reuse, Phase.generate),  # worlds are small; shrinking one takes minutes
)  # fmt: skip


def amount(micros: int | None) -> str:
    return "" if micros is None else format_micros_exact(micros)


def row_of(sold: Sold) -> tuple[Any, ...]:
    return (
        sold.sale_id, f"{sold.day}T00:00:00Z", sold.stream, *sold.target, sold.currency, amount(sold.micros), amount(sold.fees),
        amount(sold.tax), sold.customer, sold.plan, sold.refund_of,
    )  # fmt: skip


def record_of(record: Record) -> tuple[Any, ...]:
    machine = "yes" if record.ai_generated else ""
    weight = amount(int(record.weight * 10**6))
    return record.version, record.asset, record.person, weight, record.licence, machine, record.media_type


def take(story: Story, kind: str, header: tuple[str, ...], rows: list[tuple[Any, ...]], files: int) -> None:
    for number in range(files):
        if own := rows[number::files]:
            report = story.take(kind, header, own)
            assert report.file.rows_accepted == len(own), (kind, own)


def tell(
    story: Story, world: World, *, files: int = 1, shuffle: random.Random | None = None,
    before: Callable[[int], None] = lambda cycle: None,
) -> Result:  # fmt: skip
    """Plays the world, every kind of row in so many files; what each pool of each cycle gives to whom. `before`: what
    else is done before a cycle is closed."""
    kinds: list[tuple[str, tuple[str, ...], list[tuple[Any, ...]]]] = [
        ("contributors", ("contributor_id", "contributor_name"), [(who, who) for who in ("ann", "ben", "cy", "di")]),
        ("consents", CONSENTS, [(p, a, said, f"{day}T00:00:00Z", scope) for p, a, said, day, scope in world.consents]),
        ("attributions", RECORDS, [record_of(record) for record in world.records]),
        ("measures", MEASURES, [
            (who, name, *CYCLES[cycle][1:], amount(value)) for cycle, who, name, value in world.measures
        ]),
        ("usage", USAGE, [
            (who, model, CYCLES[cycle][1], units) for cycle, who, model, units in world.usage
        ]),
        ("sales", SALES, [row_of(sold) for sold in world.sales if sold.cycle == 0]),
        ("outputs", OUTPUTS, [
            (sale, who, role, f"0.{int(score * 10**6):06d}" if score < 1 else "1") for sale, who, role, score in world.outputs
        ]),
    ]  # fmt: skip
    late = [row_of(sold) for sold in world.sales if sold.cycle == 1]
    if shuffle:
        for rows in [late, *(rows for _, _, rows in kinds)]:
            shuffle.shuffle(rows)
    story.policies["p"], _ = register(content=world.policy.encode(), act=story.act())
    story.take("models", ("model", "dataset_version", "mix"), list(world.models))
    for kind, header, rows in kinds:
        # A refund may only come with its sale or after it.
        take(story, kind, header, rows, 1 if kind == "sales" else files)
    before(0)
    story.calculate(*CYCLES[0])
    take(story, "sales", SALES, late, 1)
    before(1)
    story.calculate(*CYCLES[1])
    return found()


def found() -> Result:
    places = {key: number for number, (key, _, _) in enumerate(CYCLES)}
    result: Result = defaultdict(int)
    for row in Allocation.objects.select_related("cycle", "pool"):
        pool = (row.pool.table, row.pool.model, row.pool.dataset_version, row.currency)
        result[places[row.cycle.key], pool, row.contributor_id or f"<{row.bucket}>"] += row.amount_micros
    return without_zeros(result)


def without_zeros(result: Result) -> Result:
    return {key: micros for key, micros in result.items() if micros}


def exact_to_the_micro(world: World) -> None:
    """I16: within a micro of the exact share, nothing for nothing; all of it together."""
    limited = {table for table, terms in Twin(world, 0).tables.items() if "cap" in terms or "floor" in terms}
    for pool in Pool.objects.exclude(denominator_ticks=0):
        shares = [(row.numerator_ticks, row.amount_micros) for row in pool.allocations.filter(bucket="contributor")]
        shares += [(rest.units, rest.amount_micros) for rest in Rest.objects.filter(pool=pool).exclude(reason="")]
        assert sum(micros for _, micros in shares) == pool.distributable_micros
        for units, micros in shares if pool.table not in limited else ():
            quota = Fraction(pool.distributable_micros * units, pool.denominator_ticks)
            assert quota.__floor__() <= micros <= quota.__ceil__()


def more_arrives(story: Story, world: World) -> None:
    """What came after the locks counts for neither month, whatever its dates."""
    take(story, "measures", MEASURES, [("ben", "revenue", "2026-06-02", "2026-06-30", "777")], 1)
    take(story, "usage", USAGE, [("k1", "m1", "2026-06-09", 7_777), ("k3", "m2", "2026-07-09", 7_777)], 1)
    take(story, "consents", CONSENTS, [("ann", "", "opt_out", "2025-01-01T00:00:00Z", "d1")], 1)
    scored = {(sale, role) for sale, _, role, _ in world.outputs}
    roles = [role for role in ("output", "style", "modified") if (world.sales[0].sale_id, role) not in scored]
    take(story, "outputs", OUTPUTS, [(world.sales[0].sale_id, "ann", role, "1") for role in roles], 1)


def clean() -> None:
    assert verify(cycles=list(Cycle.objects.all())).findings == []


@pytest.mark.usefixtures("one_duckdb")
@pytest.mark.parametrize("pooling", ["per_model", "single"])
@settings(real, max_examples=examples(quick=3, long=8))
@given(data=st.data())
def test_two_months_are_what_the_slow_twin_says(story: Story, pooling: str, data: st.DataObject) -> None:
    world = data.draw(worlds(pooling=pooling))
    with transaction.atomic():
        assert tell(story, world) == without_zeros(Twin(world, 2).result)
        exact_to_the_micro(world)
        more_arrives(story, world)
        clean()
        transaction.set_rollback(True)


@pytest.mark.usefixtures("one_duckdb")
@settings(real, max_examples=examples(quick=2, long=4))
@given(world=worlds(refunds=False))
def test_a_sale_and_its_full_refund_in_one_month_leave_nothing_anywhere(story: Story, world: World) -> None:
    with transaction.atomic():
        assert tell(story, refunded(world, later=0)) == {}
        clean()
        transaction.set_rollback(True)


@pytest.mark.usefixtures("one_duckdb")
@settings(real, max_examples=examples(quick=2, long=4))
@given(world=worlds(refunds=False))
def test_a_refund_a_month_later_takes_back_all_in_total(story: Story, world: World) -> None:
    with transaction.atomic():
        result = tell(story, refunded(world, later=1))
        # What June carried on is in July's pools.
        assert sum(micros for (cycle, _, who), micros in result.items() if who != "<carried>" or cycle == 1) == 0
        clean()
        transaction.set_rollback(True)


@pytest.mark.usefixtures("one_duckdb")
@settings(real, max_examples=examples(quick=1, long=3))
@given(world=worlds(), seed=st.integers(0, 99))
def test_the_order_of_rows_and_the_cut_into_files_decide_nothing(story: Story, world: World, seed: int) -> None:
    results = []
    for files, shuffle in ((1, None), (3, random.Random(seed))):
        with transaction.atomic():
            results.append(tell(story, world, files=files, shuffle=shuffle))
            transaction.set_rollback(True)
    assert results[0] == results[1]
