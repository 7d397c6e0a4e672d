"""A sale and its full refund under every way to share, one stream for each: nothing is left anywhere."""

from collections import defaultdict
from typing import Any

import pytest

from revshare.allocation.models import Allocation
from revshare.policies.operations import register
from revshare.policies.terms import ALLOCATIONS
from tests.cycles.test_methods_twin import CYCLES, MEASURES, OUTPUTS, RECORDS, SALES, USAGE, clean
from tests.stories import Story

LIMITS = 'commons = "10%"\ncap = "40%"\nfloor = "0.03"\nmin_assets = 2\n'
TABLES = {
    "plain": 'allocation = "asset_count"\n', "weighted": 'allocation = "weighted"\n',
    "factors": 'allocation = "factors"\n[streams.factors.factors]\nassets = "33.333333%"\n"measure:revenue" = "66.666667%"\n',
    "outputs": 'allocation = "per_output"\n', "usage": 'allocation = "by_usage"\n', "centric": 'allocation = "user_centric"\n',
    "directed": 'allocation = "asset_count"\n[streams.directed.directed]\nstyle = "10%"\nmodified = "33.3%"\n',
    "limits": f'allocation = "asset_count"\n{LIMITS}', "limited_outputs": f'allocation = "per_output"\n{LIMITS}',
    "limited_usage": f'allocation = "by_usage"\n{LIMITS}', "net": 'allocation = "weighted"\nbase = "net"\n',
    "rates": 'allocation = "asset_count"\n[[streams.rates.rates]]\nplan = "pro"\ncontributor_share = "41%"\nquota = 7\nover = "12.5%"\n',
    "tiers": 'allocation = "asset_count"\n[[streams.tiers.tiers]]\nabove = "0.3"\ncontributor_share = "66.6%"\n',
    "data_deal": 'allocation = "asset_count"\n', "single": 'allocation = "asset_count"\n',
}  # fmt: skip
ELIGIBILITY = (
    '[eligibility]\ncommons_licences = ["cc0"]\ncommons_contributors = ["di"]\nexcluded_licences = ["editorial"]\n'
    'opted_out = "hold"\n'
)


def policy() -> str:
    text = 'name = "p"\nversion = "1"\n'
    for name, terms in TABLES.items():
        pooling = "single" if name == "single" else "per_model"
        text += f'[streams.{name}]\ncontributor_share = "33.333333%"\npooling = "{pooling}"\n{terms}'
    return text + ELIGIBILITY


def rows(month: str, *, refunds: bool) -> list[tuple[Any, ...]]:
    """A sale in each stream, of amounts that do not divide; or the full refund of each."""
    found: list[tuple[Any, ...]] = []
    for number, name in enumerate(TABLES):
        target = ("", "d1") if name == "data_deal" else ("m2", "")
        micros, fees = f"{number}.{700_001 + 13 * number}", "" if refunds else "0.000031"
        sale = (f"s-{name}", f"2026-{month}-10T00:00:00Z", name, *target, "USD", micros, fees, "", "k1", "pro", "")
        if refunds:
            sale = (f"r-{name}", f"2026-{month}-20T00:00:00Z", *sale[2:6], f"-{micros}", "", "", "k1", "pro", sale[0])
        found.append(sale)
    return found


@pytest.fixture
def shop(story: Story) -> Story:
    """Four people, shared assets, a model with a mix, somebody's use of two models, and sales that name contributors."""
    story.policies["p"], _ = register(content=policy().encode(), act=story.act())
    story.take(
        "contributors", ("contributor_id", "contributor_name"), [(who, who) for who in ("ann", "ben", "cy", "di")]
    )
    story.take("consents", ("contributor_id", "asset_id", "decision", "effective_at"), [
        ("ben", "c", "opt_out", "2026-01-01T00:00:00Z"),
    ])  # fmt: skip
    story.take(
        "models", ("model", "dataset_version", "mix"), [("m1", "d1", ""), ("m2", "d1", "0.3"), ("m2", "d2", "0.45")]
    )
    story.take("attributions", RECORDS, [
        ("d1", "a", "ann", "2.5", "", "", ""), ("d1", "b", "ann", "1", "", "", ""), ("d1", "b", "ben", "1", "", "", ""),
        ("d1", "c", "ben", "0.125", "", "", ""), ("d2", "e", "cy", "7", "cc0", "", ""), ("d2", "f", "cy", "1", "", "", ""),
        ("d2", "g", "cy", "1", "", "", ""), ("d2", "h", "di", "1", "", "", ""), ("d2", "i", "ann", "1", "editorial", "", ""),
    ])  # fmt: skip
    story.take("measures", MEASURES, [
        (who, "revenue", start, end, value) for _, start, end in CYCLES for who, value in (("ann", "7.13"), ("cy", "1.01"))
    ])  # fmt: skip
    story.take(
        "usage", USAGE, [("k1", "m1", "2026-06-03", 3), ("k1", "m2", "2026-06-04", 10), ("k1", "m2", "2026-07-04", 10)]
    )
    story.take("sales", SALES, rows("06", refunds=False))
    story.take("outputs", OUTPUTS, [
        (f"s-{name}", who, role, score)
        for name in ("outputs", "limited_outputs", "directed")
        for who, role, score in (("ann", "output", "0.333333"), ("cy", "output", "0.5"), ("ben", "style", "0.7"),
                                 ("di", "modified", "0.1"))
    ])  # fmt: skip
    return story


def amounts() -> dict[tuple[str, str, str], int]:
    """(table, cycle, contributor or <bucket>): micros."""
    found: dict[tuple[str, str, str], int] = defaultdict(int)
    for row in Allocation.objects.select_related("cycle", "pool"):
        found[row.pool.table, row.cycle.key, row.contributor_id or f"<{row.bucket}>"] += row.amount_micros
    return found


def test_every_method_and_limit_is_here() -> None:
    text = policy()
    assert all(f'allocation = "{name}"' in text for name in ALLOCATIONS)
    assert all(f"\n{key} = " in text for key in ("commons", "cap", "floor", "min_assets", "base"))


@pytest.mark.usefixtures("one_duckdb")
def test_in_one_cycle_nothing_is_left_in_any_bucket(shop: Story) -> None:
    shop.take("sales", SALES, rows("06", refunds=True))
    shop.calculate(*CYCLES[0])
    assert {at: micros for at, micros in amounts().items() if micros} == {}
    clean()


@pytest.mark.usefixtures("one_duckdb")
def test_across_cycles_all_buckets_come_to_nothing_under_each_method(shop: Story) -> None:
    shop.calculate(*CYCLES[0])
    earning = {table for (table, _, who), micros in amounts().items() if micros > 0 and not who.startswith("<")}
    assert earning == set(TABLES)  # or nothing would be shown
    shop.take("sales", SALES, rows("07", refunds=True))
    shop.calculate(*CYCLES[1])
    totals: dict[str, int] = defaultdict(int)
    for (table, cycle, who), micros in amounts().items():
        if who != "<carried>" or cycle == CYCLES[1][0]:  # what June carried on is in July's pools
            totals[table] += micros
    assert totals == dict.fromkeys(TABLES, 0)
    clean()
