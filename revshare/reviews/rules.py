"""How far is too far. Pure; whole numbers and exact fractions throughout.

A value is far from others by Iglewicz and Hoaglin's modified z-score, 0.6745 (x - median) ÷ MAD, where MAD is the
median of |x - median| and 0.6745 the upper quartile of the normal distribution, so that the score reads like a number
of standard deviations (How to Detect and Handle Outliers, 1993; they call more than 3.5 an outlier). Medians are the
lower ones, so that they are values that there are. Where most values are the same the MAD is nothing and any difference
would be infinitely far, so the spread is never taken for less than a tenth of the median.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction

from revshare.money import INT64_MAX

QUARTILE = Fraction(6745, 10_000)
LEAST_SPREAD = 10  # a part in so many of the median
PARTS = 1_000_000


@dataclass(frozen=True)
class Center:
    """Where values lie: their lower median, and the lower median of the distances from it."""

    median: int
    deviation: int

    @property
    def spread(self) -> int:
        return max(self.deviation, abs(self.median) // LEAST_SPREAD, 1)

    def score(self, value: int) -> Fraction:
        """How many robust deviations a value is away."""
        return QUARTILE * abs(value - self.median) / self.spread


def lower_median(values: Sequence[int]) -> int:
    return sorted(values)[(len(values) - 1) // 2]


def center(values: Sequence[int]) -> Center:
    middle = lower_median(values)
    return Center(middle, lower_median([abs(value - middle) for value in values]))


def ratio(after: int, before: int) -> int:
    """after ÷ before in millionths, rounded down, and no more than 64 bits hold; of amounts above zero."""
    return min(after * PARTS // before, INT64_MAX)


def expected(before: int, median_ratio: int) -> int:
    """What somebody would get now had it changed as it did for the one in the middle."""
    return before * median_ratio // PARTS


def reaches(amount: int, total: int, part: Fraction) -> bool:
    """Whether an amount, of either sign, is at least this part of a total."""
    return abs(amount) >= part * abs(total) and amount != 0


def concentrated(
    *, part: int, total: int, part_before: int, total_before: int, limit: Fraction, growth: Fraction
) -> bool:
    """Whether a part is above the limit and grew by so much of the whole since the last time."""
    if not total or not total_before:
        return False
    now, before = Fraction(part, total), Fraction(part_before, total_before)
    return now > limit and now - before >= growth


def percent(part: int, total: int) -> str:
    """For sentences: 12.3%, rounded half up; a part of nothing is nothing."""
    tenths = (part * 2000 + total) // (2 * total) if total else 0
    return f"{tenths // 10}.{tenths % 10}%"


def times(after: int, before: int) -> str:
    """For sentences: 3.2 times."""
    tenths = (after * 20 + before) // (2 * before)
    return f"{tenths // 10}.{tenths % 10} times"
