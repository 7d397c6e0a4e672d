"""How an outcome is spread, and how two outcomes differ. Pure; whole numbers and exact fractions throughout."""

from dataclasses import dataclass
from fractions import Fraction

import numpy as np
import numpy.typing as npt

from revshare.apportion import exact_sum

Int64s = npt.NDArray[np.int64]
TOP = Fraction(1, 100)


@dataclass(frozen=True)
class Spread:
    """`gini`: 0 where all get the same, towards 1 where one gets all. `top`: the part of the best paid hundredth (at
    least one). Of contributors with an amount, zero included."""

    contributors: int
    total_micros: int
    median_micros: int
    gini: Fraction
    top: Fraction


@dataclass(frozen=True)
class Shift:
    """Who gains and who loses; micros. `moved`: how much changes hands, gains and losses taken apart."""

    winners: int
    losers: int
    unchanged: int
    gained_micros: int
    lost_micros: int


def spread(amounts: Int64s) -> Spread:
    """Gini coefficient by mean difference: with amounts x in ascending order, Σ (2i - n - 1) x_i ÷ (n Σ x), i from 1
    (Sen, On Economic Inequality, 1973)."""
    ordered = np.sort(amounts)
    number, total = len(ordered), exact_sum(ordered)
    if not total:
        return Spread(number, 0, 0, Fraction(0), Fraction(0))
    ranked = sum((2 * place - number - 1) * amount for place, amount in enumerate(ordered.tolist(), 1))
    best = max(1, int(number * TOP))
    return Spread(
        contributors=number, total_micros=total, median_micros=int(ordered[(number - 1) // 2]),
        gini=Fraction(ranked, number * total), top=Fraction(exact_sum(ordered[-best:]), total),
    )  # fmt: skip


def shift(before: Int64s, after: Int64s) -> Shift:
    """`before` and `after`: amounts of the same contributors."""
    difference = after - before
    up, down = difference > 0, difference < 0
    return Shift(
        winners=int(np.count_nonzero(up)), losers=int(np.count_nonzero(down)),
        unchanged=int(np.count_nonzero(difference == 0)), gained_micros=exact_sum(difference[up]),
        lost_micros=exact_sum(-difference[down]),
    )  # fmt: skip
