"""A pool in parts: nothing is lost between them, and a refund is the mirror of its sale."""

from dataclasses import replace
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from revshare.policies.terms import Rate, Terms, Tier
from revshare.pools.division import Part, Takings, divide, tiered

PLAIN = Terms("default", Fraction(1, 5), "20%", "per_model", "asset_count")
FACTORS = replace(
    PLAIN, allocation="factors", factors=(("assets", Fraction(33_333_333, 10**8)), ("measure:x", Fraction(66_666_667, 10**8)))
)  # fmt: skip
PER_OUTPUT = replace(
    PLAIN, allocation="per_output", directed=(("style", Fraction(1, 10)), ("modified", Fraction(3, 10)))
)
MIX = {"b@1": 3, "a@1": 1, "c@1": 3}
TIERS = (Tier(100, Fraction(3, 10)), Tier(200, Fraction(1, 2)))


def parts(terms: Terms, mix: dict[str, int] | None = None, rate: Rate | None = None, **taken: object) -> list[Part]:
    return divide(takings=Takings(**taken), terms=terms, rate=rate, mix=mix or {})  # type: ignore[arg-type]


def test_a_plain_pool_is_one_part() -> None:
    (whole,) = parts(PLAIN, net_micros=7, deducted_micros=2, count=3)
    assert (whole.label, whole.measure, whole.share, whole.share_text) == ("", "assets", Fraction(1, 5), "20%")
    assert (whole.net_micros, whole.deducted_micros, whole.count, whole.versions) == (7, 2, 3, None)


def test_the_mix_goes_in_order_of_versions_by_largest_remainder() -> None:
    # 10 by a 1, b 3, c 3: 1.43, 4.29, 4.29; the one left over to the largest remainder.
    found = parts(PLAIN, MIX, net_micros=10, count=4)
    assert [(p.label, p.net_micros, p.count, p.versions) for p in found] == [
        ("mix:a@1", 2, 4, ("a@1",)), ("mix:b@1", 4, 0, ("b@1",)), ("mix:c@1", 4, 0, ("c@1",)),
    ]  # fmt: skip
    assert found[0].words == "1/7 of 20% of net sales × (your assets ÷ all assets in a@1)"
    assert {(p.measure, p.share, p.share_text) for p in found} == {("assets", Fraction(1, 5), "20%")}


def test_a_mix_divides_assets_and_weight_only_and_no_single_pool() -> None:
    assert [p.label for p in parts(FACTORS, MIX)] == [
        "assets · mix:a@1",
        "assets · mix:b@1",
        "assets · mix:c@1",
        "measure:x",
    ]
    assert [p.label for p in parts(replace(PLAIN, pooling="single"), MIX)] == [""]


def test_directed_parts_and_outputs_come_off_the_top() -> None:
    rate = Rate(Fraction(1, 2), None, "pro")
    taken = {"style": 10, "modified": 20, "output": 33}
    found = parts(PER_OUTPUT, rate=rate, net_micros=100, deducted_micros=5, attributed=taken)
    assert [(p.label, p.net_micros, p.share, p.deducted_micros) for p in found] == [
        ("pro · directed:style", 10, 1, 0), ("pro · directed:modified", 20, 1, 0),
        ("pro · outputs", 33, Fraction(1, 2), 0), ("pro", 37, Fraction(1, 2), 5),
    ]  # fmt: skip
    assert [(p.measure, p.share_text, p.words) for p in found] == [
        ("directed:style", "10%", "10% of the sales whose style was asked for, before the pool × (your part ÷ all parts)"),
        ("directed:modified", "30%", "30% of the sales whose image was modified, before the pool × (your part ÷ all parts)"),
        ("outputs", "50%", "50% of what outputs were attributed × (attributed to you ÷ attributed to all)"),
        ("assets", "50%", "50% of net sales × (your assets ÷ all assets in the model's dataset versions)"),
    ]  # fmt: skip


def test_factors_divide_to_the_micro_and_say_so() -> None:
    found = parts(FACTORS, net_micros=30_000_000_000)
    assert [(p.net_micros, p.words) for p in found] == [
        (9_999_999_900, "20% of net sales × 33.333333% × (your assets ÷ all assets in the model's dataset versions)"),
        (20_000_000_100, "20% of net sales × 66.666667% × (your x ÷ all x)"),
    ]


def test_a_role_that_nothing_is_attributed_to_has_nothing() -> None:
    found = parts(PER_OUTPUT, net_micros=100, attributed={"output": 30})
    assert [p.net_micros for p in found] == [0, 0, 30, 70]


@given(
    st.sampled_from([PLAIN, FACTORS, PER_OUTPUT]), st.sampled_from([{}, MIX]), st.integers(-(10**9), 10**9),
    st.integers(-(10**6), 10**6), st.tuples(*[st.integers(-(10**6), 10**6)] * 3),
)  # fmt: skip
def test_parts_come_to_the_whole_and_mirror(
    terms: Terms, mix: dict[str, int], net: int, deducted: int, given: tuple[int, ...]
) -> None:
    roles = dict(zip(("output", "style", "modified"), given, strict=True))
    whole, mirror = (
        parts(
            terms, mix, net_micros=sign * net, deducted_micros=sign * deducted, count=5,
            attributed={role: sign * micros for role, micros in roles.items()},
        ) for sign in (1, -1)
    )  # fmt: skip
    assert sum(p.net_micros for p in whole) == net
    assert sum(p.deducted_micros for p in whole) == deducted
    assert sum(p.count for p in whole) == 5
    assert [(p.label, -p.net_micros, -p.deducted_micros) for p in mirror] == [
        (p.label, p.net_micros, p.deducted_micros) for p in whole
    ]
    assert len({p.label for p in whole}) == len(whole)


@pytest.mark.parametrize(("base", "shared"), [(0, 0), (50, 10), (100, 20), (150, 35), (200, 50), (240, 70)])
def test_tiers_are_bands(base: int, shared: int) -> None:
    assert tiered(base, Fraction(1, 5), TIERS) == shared


@given(st.integers(0, 400))
def test_tiers_are_a_sum_over_single_micros(base: int) -> None:
    one_by_one = sum(
        Fraction(1, 2) if n >= 200 else Fraction(3, 10) if n >= 100 else Fraction(1, 5) for n in range(base)
    )
    assert tiered(base, Fraction(1, 5), TIERS) == one_by_one


def test_the_share_of_a_tiered_pool_is_that_of_all_it_takes_in() -> None:
    terms = replace(PER_OUTPUT, directed=(), tiers=TIERS)
    found = parts(terms, net_micros=240, attributed={"output": 60})
    assert [(p.net_micros, p.share, p.share_text) for p in found] == [
        (60, Fraction(70, 240), "20% to 50% by volume"), (180, Fraction(70, 240), "20% to 50% by volume"),
    ]  # fmt: skip
    # Tax and fees of 60 are taken off first; of a single micro the first band has all.
    (net,) = parts(replace(PLAIN, base="net", tiers=TIERS), net_micros=300, deducted_micros=60)
    assert net.share == Fraction(70, 240)
    three = replace(PLAIN, tiers=(*TIERS, Tier(300, Fraction(3, 5))))
    assert [(p.share, p.share_text) for p in parts(three, net_micros=1)] == [(Fraction(1, 5), "20% to 60% by volume")]
    # Nothing taken in, or less than nothing: the table's own share.
    assert {p.share for taken in (0, -5) for p in parts(terms, net_micros=taken)} == {Fraction(1, 5)}
