"""One pool over its units: contributors, what is set aside, and the policy's limits."""

from dataclasses import replace
from fractions import Fraction

import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from revshare.allocation.models import Bucket
from revshare.allocation.numerators import Aside, Holding
from revshare.allocation.shares import OVER_CAP, Kept, Shares, share_out
from revshare.apportion import NoWeights
from revshare.policies.terms import Terms
from tests.test_apportion import oracle

PLAIN = Terms("default", Fraction(1, 5), "20%", "per_model", "asset_count")
CAPPED, FLOORED = replace(PLAIN, cap=Fraction(3, 10)), replace(PLAIN, floor_micros=10)
HELD, OPTED = Aside(Bucket.HELD, "claim 1", 3, "ann"), Aside(Bucket.HELD, "opted out", 2)


def commons(units: int) -> Aside:
    return Aside(Bucket.COMMONS, "public domain", units)


def share(total: int, ticks: list[int], *aside: Aside, terms: Terms | None = PLAIN) -> Shares:
    holding = Holding(np.arange(len(ticks)), np.array(ticks, np.int64), aside)
    return share_out(total_micros=total, holding=holding, terms=terms)


@pytest.mark.parametrize("terms", [PLAIN, None])
def test_without_anything_aside(terms: Terms | None) -> None:
    found = share(100, [1, 1, 1], terms=terms)
    assert (found.amounts.tolist(), found.residue, found.set_aside) == ([34, 33, 33], 1, ())


def test_what_is_aside_takes_its_part_after_contributors_in_a_tie() -> None:
    found = share(10, [5, 2], HELD, OPTED)  # twelfths of 10: 4.17, 1.67, 2.5, 1.67
    assert found.amounts.tolist() == [4, 2]
    assert found.set_aside == (Kept(HELD, 2), Kept(OPTED, 2))
    assert found.residue == 1  # of the two units left by the floors, Ben has one; the other is aside


@given(
    st.integers(0, 10**12),
    st.lists(st.integers(0, 10**6), min_size=1, max_size=6),
    st.lists(st.integers(0, 10**6), max_size=3),
)
@example(0, [0], [0])
def test_it_is_largest_remainder_over_all_units(total: int, ticks: list[int], aside: list[int]) -> None:
    kept = [replace(HELD, units=units) for units in aside]
    if not any(ticks + aside):
        if total:
            with pytest.raises(NoWeights):
                share(total, ticks, *kept)
        else:
            found = share(total, ticks, *kept)
            assert (found.amounts.tolist(), found.residue) == ([0] * len(ticks), 0)
        return
    found = share(total, ticks, *kept)
    expected = oracle(total, ticks + aside)
    assert found.amounts.tolist() + [item.amount_micros for item in found.set_aside] == expected
    whole = sum(ticks + aside)
    floors = [total * units // whole for units in ticks]
    assert found.residue == sum(expected[: len(ticks)]) - sum(floors)


def test_a_cap_holds_for_contributors_and_held_money_and_not_for_the_commons() -> None:
    found = share(100, [6, 1], HELD, commons(90), terms=CAPPED)
    assert [item.amount_micros for item in found.set_aside] == [3, 90]
    found = share(100, [90, 1], replace(HELD, units=8), commons(1), terms=CAPPED)
    # 30 each for the two who would have more; 40 by 1:1 for the other and the commons, where 10 more are not over a cap.
    assert found.amounts.tolist() == [30, 20]
    assert found.set_aside == (Kept(replace(HELD, units=8), 30), Kept(commons(1), 20))
    assert found.residue == 0


def test_what_nobody_may_take_goes_to_the_commons() -> None:
    found = share(100, [2, 1, 1], terms=CAPPED)
    assert found.amounts.tolist() == [30, 30, 30]
    assert found.set_aside == (Kept(Aside(Bucket.COMMONS, OVER_CAP, 0), 10),)
    assert found.residue == 0
    with_held = share(100, [2, 1], HELD, terms=CAPPED)
    assert with_held.set_aside == (Kept(HELD, 30), Kept(Aside(Bucket.COMMONS, OVER_CAP, 0), 10))


def test_a_floor_is_in_micros() -> None:
    assert share(100, [98, 1, 1], terms=FLOORED).amounts.tolist() == [80, 10, 10]
    assert share(29, [27, 1, 1], terms=FLOORED).amounts.tolist() == [27, 1, 1]
    both = replace(FLOORED, cap=Fraction(1, 2))
    assert share(100, [98, 1, 1], terms=both).amounts.tolist() == [50, 25, 25]


@pytest.mark.parametrize("terms", [CAPPED, FLOORED])
def test_nothing_to_share_is_nothing_for_all(terms: Terms) -> None:
    found = share(0, [2, 1], HELD, terms=terms)
    assert (found.amounts.tolist(), found.residue, found.set_aside) == ([0, 0], 0, (Kept(HELD, 0),))
