"""A comparison told, with numbers worked out by hand."""

from fractions import Fraction
from typing import Any

import pytest

from revshare.lab.candidates import drafted
from revshare.lab.csv_file import csv_blocks
from revshare.lab.operations import Comparison, compare
from revshare.lab.report import decimals, report
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
