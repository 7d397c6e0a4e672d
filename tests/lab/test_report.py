"""A comparison told, with numbers worked out by hand."""

from fractions import Fraction
from typing import Any

import pytest

from revshare.lab.candidates import drafted
from revshare.lab.csv_file import csv_blocks
from revshare.lab.operations import Comparison, compare
from revshare.lab.report import decimals, report
from revshare.management.lab_report import lines
from revshare.statements.models import Statement
from tests.conftest import AT
from tests.stories import Story

HALF = (
    b'name = "half"\nversion = "1"\n[streams.default]\ncontributor_share = "20%"\npooling = "single"\n'
    b'allocation = "factors"\nfactors = { assets = "50%", "measure:revenue" = "50%" }\n'
)
RICH = HALF.replace(b'"half"', b'"=rich"').replace(b"20%", b"40%")


@pytest.fixture
def comparison(story: Story) -> Comparison:
    """100 USD at 20%: by assets (three, one) Ann has 15 and Ben 5. Half by revenue, all of which is Cy's: Ann has 7.50,
    Ben 2.50, Cy 10. Twice that under 40%."""
    story.take("contributors", ("contributor_id", "contributor_name"), [("ann", "Ann"), ("ben", "Ben"), ("-cy", "Cy")])
    story.models(("m", "ds@1"))
    story.attributions(("ds@1", "1", "ann"), ("ds@1", "2", "ann"), ("ds@1", "3", "ann"), ("ds@1", "4", "ben"))
    header = ("contributor_id", "measure", "start", "end", "value")
    story.take("measures", header, [("-cy", "revenue", "2026-06-01", "2026-07-01", "3.00")])
    story.sales(("s1", "2026-06-10T00:00:00Z", "m", "USD", "100.00"))
    story.policy()
    cycle = story.open("june", "2026-06-01", "2026-07-01")
    return compare(cycle=cycle, others=[drafted(HALF), drafted(RICH)], at=AT)


def test_every_policy_has_a_column(comparison: Comparison) -> None:
    (table,) = report(comparison).tables
    assert table.currency == "USD"
    own, half, rich = table.columns
    nothing = {"commons": 0, "suspense": 0, "held": 0, "carried": 0}
    assert [(c.name, c.net_micros, c.rest) for c in table.columns] == [
        ("p@1", 100_000_000, {"platform": 80_000_000, **nothing}),
        ("half@1", 100_000_000, {"platform": 80_000_000, **nothing}),
        ("=rich@1", 100_000_000, {"platform": 60_000_000, **nothing}),
    ]
    # Of 5 and 15: mean difference 10 ÷ (2 × mean 10) × (1 ÷ 2) = 1/4. Of 2.5, 7.5, 10: Σ (2i - 4) x = 15 ÷ (3 × 20).
    assert (own.spread.gini, own.spread.top, own.spread.median_micros) == (Fraction(1, 4), Fraction(3, 4), 5_000_000)
    assert (half.spread.gini, half.spread.top, half.spread.median_micros) == (
        Fraction(1, 4), Fraction(1, 2), 7_500_000,
    )  # fmt: skip
    assert own.shift is None
    assert own.gains == own.losses == []
    assert half.shift is not None
    assert rich.shift is not None
    assert (half.shift.winners, half.shift.losers, half.shift.unchanged) == (1, 2, 0)
    assert (half.shift.gained_micros, half.shift.lost_micros) == (10_000_000, 10_000_000)
    assert (rich.shift.winners, rich.shift.losers, rich.shift.unchanged) == (1, 0, 2)


def test_gains_and_losses_are_named_the_largest_first(comparison: Comparison) -> None:
    half = report(comparison).tables[0].columns[1]
    assert [(m.contributor_id, m.name, m.difference_micros) for m in half.gains] == [("-cy", "Cy", 10_000_000)]
    assert [(m.contributor_id, m.name, m.before_micros, m.after_micros) for m in half.losses] == [
        ("ann", "Ann", 15_000_000, 7_500_000), ("ben", "Ben", 5_000_000, 2_500_000),
    ]  # fmt: skip
    assert [m.contributor_id for m in report(comparison, shown=1).tables[0].columns[1].losses] == ["ann"]


def test_rules_are_told_with_their_hash_and_pools(comparison: Comparison) -> None:
    own, half, _ = report(comparison).rules
    assert own.is_registered
    assert not half.is_registered
    assert own.sha256 == comparison.cycle.policy.sha256
    assert "Contributors get 20% of sales less refunds." in half.sentences["default"]
    assert [(line.pool.words, line.pool.distributable_micros) for line in half.pools] == [
        ("20% of net sales × 50% × (your assets ÷ all assets in all dataset versions)", 10_000_000),
        ("20% of net sales × 50% × (your revenue ÷ all revenue)", 10_000_000),
    ]


def test_csv_is_in_code_point_order_and_safe_to_open(comparison: Comparison) -> None:
    assert b"".join(csv_blocks(comparison)).decode() == (
        "contributor_id,currency,p@1_micros,half@1_micros,'=rich@1_micros,half@1_difference_micros,"
        "'=rich@1_difference_micros\n"
        "'-cy,USD,0,10000000,20000000,10000000,20000000\n"
        "ann,USD,15000000,7500000,15000000,-7500000,0\n"
        "ben,USD,5000000,2500000,5000000,-2500000,0\n"
    )


def test_csv_of_two_policies_has_one_difference(comparison: Comparison) -> None:
    two = Comparison(comparison.cycle, comparison.ids, comparison.outcomes[:2])
    assert b"".join(csv_blocks(two)).splitlines()[:2] == [
        b"contributor_id,currency,p@1_micros,half@1_micros,difference_micros", b"'-cy,USD,0,10000000,10000000",
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("part", "said"), [(Fraction(1, 4), "0.2500"), (Fraction(2, 3), "0.6667"), (Fraction(1, 20_000), "0.0000")]
)
def test_parts_are_rounded_half_to_even(part: Fraction, said: Any) -> None:
    assert decimals(part, 4) == said


@pytest.fixture
def split(story: Story, comparison: Comparison) -> Comparison:
    """Ann passes a tenth on to an agency that owns nothing, and a half to Ben; Ben passes a fifth on to Ann."""
    story.take("contributors", ("contributor_id", "contributor_name"), [("agency", "Agency")])
    story.take("splits", ("contributor_id", "payee_id", "share", "start"), [
        ("ann", "agency", "0.1", "2026-01-01"), ("ann", "ben", "0.5", "2026-01-01"), ("ben", "ann", "0.2", "2026-01-01"),
    ])  # fmt: skip
    return compare(cycle=comparison.cycle, others=[drafted(HALF)], at=AT)


def test_both_what_is_earned_and_what_is_paid_after_splits(split: Comparison) -> None:
    (table,) = report(split).tables
    own, half = table.columns
    assert (own.spread.contributors, own.spread.total_micros) == (2, 20_000_000)
    assert own.after is not None
    assert half.after is not None
    # Of Ann's 15 are 1.50 the agency's and 7.50 Ben's; of Ben's 5 is 1 Ann's: Ann 7, Ben 11.50, the agency 1.50.
    assert (own.after.contributors, own.after.total_micros, own.after.median_micros) == (3, 20_000_000, 7_000_000)
    assert own.passed_on_micros == 8_000_000
    # Of Ann's 7.50 are 0.75 and 3.75; of Ben's 2.50 is 0.50. Cy's 10 stay.
    assert (half.after.contributors, half.after.median_micros, half.passed_on_micros) == (4, 3_500_000, 4_000_000)
    assert half.shift is not None
    assert (half.shift.winners, half.shift.losers) == (1, 2)  # by what is earned
    assert b"".join(csv_blocks(split)).decode() == (
        "contributor_id,currency,p@1_micros,half@1_micros,difference_micros,p@1_after_splits_micros,"
        "half@1_after_splits_micros\n"
        "'-cy,USD,0,10000000,10000000,0,10000000\n"
        "agency,USD,0,0,0,1500000,750000\n"
        "ann,USD,15000000,7500000,-7500000,7000000,3500000\n"
        "ben,USD,5000000,2500000,-2500000,11500000,5750000\n"
    )
    told = "\n".join(lines(report(split)))
    assert "Gini after splits" in told
    assert "moved by splits" in told


def test_what_the_lab_says_after_splits_is_what_the_cycle_pays(story: Story, split: Comparison) -> None:
    cycle = story.calculate("june")
    paid = {row.contributor_id: row.closing_micros for row in Statement.objects.filter(cycle=cycle)}
    kept = split.after_splits(0, "USD")
    assert paid == {str(name): int(kept[code]) for code, name in enumerate(split.ids.to_pylist()) if kept[code]}


def test_where_nobody_has_splits_nothing_is_said_of_them(comparison: Comparison) -> None:
    assert {column.after for column in report(comparison).tables[0].columns} == {None}
    assert "splits" not in "\n".join(lines(report(comparison)))
