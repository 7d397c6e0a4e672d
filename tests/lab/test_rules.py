"""How an outcome is spread, and how two differ: against the definitions, pair by pair."""

from fractions import Fraction
from statistics import median_low

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from revshare.lab.rules import shift, spread

amounts = st.lists(st.integers(0, 10**12), max_size=30)


def of(values: list[int]) -> np.ndarray[tuple[int], np.dtype[np.int64]]:
    return np.array(values, np.int64)


@given(amounts)
def test_gini_is_half_the_mean_difference_of_all_pairs_by_the_mean(values: list[int]) -> None:
    found = spread(of(values))
    total, number = sum(values), len(values)
    assert (found.contributors, found.total_micros) == (number, total)
    if not total:
        assert (found.gini, found.top, found.median_micros) == (0, 0, 0)
        return
    differences = sum(abs(one - other) for one in values for other in values)
    assert found.gini == Fraction(differences, 2 * number * total)
    assert found.median_micros == median_low(values)
    assert found.top == Fraction(max(values), total)  # of fewer than 200, a hundredth is one


@pytest.mark.parametrize(
    ("values", "gini"), [([5, 5, 5], 0), ([0, 0, 0, 8], Fraction(3, 4)), ([1, 3], Fraction(1, 4)), ([9], 0)]
)
def test_by_hand(values: list[int], gini: Fraction) -> None:
    assert spread(of(values)).gini == gini


def test_the_best_paid_hundredth_is_rounded_down_and_at_least_one() -> None:
    assert spread(of([1] * 298 + [2, 100])).top == Fraction(103, 400)  # three of 300
    assert spread(of([1] * 298 + [2])).top == Fraction(3, 300)  # two of 299


def test_sums_beyond_64_bits_are_exact() -> None:
    found = spread(of([2**62] * 5))
    assert (found.total_micros, found.gini, found.top) == (5 * 2**62, 0, Fraction(1, 5))


@given(st.lists(st.tuples(st.integers(0, 9), st.integers(0, 9)), max_size=20))
def test_who_gains_and_who_loses(pairs: list[tuple[int, int]]) -> None:
    found = shift(of([before for before, _ in pairs]), of([after for _, after in pairs]))
    gains = [after - before for before, after in pairs if after > before]
    losses = [before - after for before, after in pairs if after < before]
    assert (found.winners, found.losers, found.unchanged) == (
        len(gains),
        len(losses),
        len(pairs) - len(gains) - len(losses),
    )
    assert (found.gained_micros, found.lost_micros) == (sum(gains), sum(losses))
