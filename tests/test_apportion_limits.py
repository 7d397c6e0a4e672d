"""Caps and floors: against the definition of water-filling in exact fractions."""

from fractions import Fraction
from itertools import pairwise
from typing import Any

import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from revshare.apportion import apportion
from revshare.apportion_limits import Limited, apportion_within

weights = st.lists(st.integers(0, 60), min_size=1, max_size=9)


def within(total: int, of: list[int], **limits: object) -> Limited:
    return apportion_within(total=total, weights=np.array(of, np.int64), **limits)  # type: ignore[arg-type]


def level(total: int, of: list[int], cap: int) -> Fraction | None:
    """How much a unit of weight brings where nobody may have more than the cap: Σ min(cap, level × w) = total. None if
    all are at the cap. Found by trying how many of the heaviest are capped."""
    holders = sorted((w for w in of if w), reverse=True)
    for capped in range(len(holders)):
        per_unit = Fraction(total - capped * cap, sum(holders[capped:]))
        if all(w * per_unit <= cap for w in holders[capped:]) and per_unit >= 0:
            return per_unit
    return None


@given(st.integers(0, 10_000), weights, st.integers(0, 3_000))
@example(10, [5, 3, 1, 1], 4)
def test_a_cap_is_water_filling(total: int, of: list[int], cap: int) -> None:
    result = within(total, of, cap=cap)
    amounts = result.amounts.tolist()
    assert sum(amounts) + result.rest == total
    assert max(amounts) <= cap
    assert all(amount == 0 for amount, weight in zip(amounts, of, strict=True) if weight == 0)
    per_unit = level(total, of, cap)
    if not any(of) or per_unit is None:
        assert amounts == [cap if weight else 0 for weight in of]
        assert result.rest == total - cap * sum(map(bool, of))
        return
    assert result.rest == 0 or all(a == cap for a, w in zip(amounts, of, strict=True) if w)
    for amount, weight in zip(amounts, of, strict=True):
        # Whole units: within as many of the ideal as there are rounds, of which each rounds once.
        assert abs(amount - min(Fraction(cap), per_unit * weight)) < len(of) + 1


@given(st.integers(0, 10_000), weights, st.integers(0, 400))
def test_a_floor_is_kept_for_all_or_for_none(total: int, of: list[int], floor: int) -> None:
    amounts = within(total, of, floor=floor).amounts.tolist() if any(of) or not total else []
    if not amounts:
        return
    assert sum(amounts) == total or not any(of)
    if floor * sum(map(bool, of)) > total:
        assert amounts == apportion(total=total, weights=of)
    else:
        assert all(amount >= floor for amount, weight in zip(amounts, of, strict=True) if weight)
    ordered = sorted(zip(of, amounts, strict=True))
    assert all(low <= high + 1 for (_, low), (_, high) in pairwise(ordered))


@given(st.integers(0, 10_000), weights)
def test_without_limits_it_is_plain_apportionment(total: int, of: list[int]) -> None:
    if any(of) or not total:
        assert within(total, of).amounts.tolist() == apportion(total=total, weights=of)
        assert within(total, of, cap=total).amounts.tolist() == apportion(total=total, weights=of)


@pytest.mark.parametrize(
    ("total", "of", "limits", "amounts", "rest"),
    [
        (100, [70, 20, 10], {"cap": 50}, [50, 33, 17], 0),  # 50 left for 20:10 is 33.3 and 16.7
        (100, [70, 20, 10], {"cap": 40}, [40, 40, 20], 0),
        (100, [1, 1, 1], {"cap": 30}, [30, 30, 30], 10),
        (100, [98, 1, 1], {"floor": 5}, [90, 5, 5], 0),
        (9, [98, 1, 1], {"floor": 5}, [9, 0, 0], 0),  # 15 would be needed
        (100, [98, 1, 1, 0], {"floor": 5, "cap": 60}, [60, 20, 20, 0], 0),
        (15, [98, 1, 1], {"floor": 5}, [5, 5, 5], 0),  # just enough for all
        (100, [98, 1, 1], {"floor": 5, "cap": 5}, [5, 5, 5], 85),
        (100, [1, 99], {"floor": 10, "cap": 10, "free": np.array([False, True])}, [10, 90], 0),
        (7, [20, 28, 6], {"floor": 1}, [2, 4, 1], 0),  # all have their share above it: nobody is raised
        (100, [98, 1, 1], {"floor": 6, "cap": 5}, [5, 5, 5], 85),  # the floor is above the cap: it does not apply
        # 8 of 100 have enough until the three below them are raised: 76 by 86:8 leaves them 6.5, so they are raised too.
        (100, [86, 8, 2, 2, 2], {"floor": 8}, [68, 8, 8, 8, 8], 0),
        (5, [1, 3, 5], {"cap": 3}, [0, 2, 3], 0),  # 0.6, 1.7, 2.8: who is at the cap by rounding is not above it
    ],
)
def test_by_hand(total: int, of: list[int], limits: dict[str, Any], amounts: list[int], rest: int) -> None:
    result = within(total, of, **limits)
    assert (result.amounts.tolist(), result.rest) == (amounts, rest)
    assert result.amounts.dtype == np.int64


def test_neither_limit_holds_for_the_free() -> None:
    result = within(100, [90, 9, 1], cap=20, floor=3, free=np.array([True, False, False]))
    assert result.amounts.tolist() == [88, 9, 3]


def test_amounts_are_whole_numbers_though_nobody_holds_anything() -> None:
    assert within(0, [0, 0], cap=1).amounts.dtype == np.int64
