"""What one currency is worth in another, by the rates of a day or of several. Pure; exact fractions.

A rate that was given as it is asked for comes first, then 1 ÷ the reverse one, then the way through a third currency,
both halves of it found like this; of several such currencies, the one with the lowest code.
"""

from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date
from fractions import Fraction

JOINT = ", "


@dataclass(frozen=True)
class Given:
    """A rate as a file gave it; or the mean of several of the same pair, as many as `days`, the last of them `on`."""

    on: date
    base: str
    quote: str
    rate: Fraction
    source: str
    days: int = 1


@dataclass(frozen=True)
class Found:
    """1 of the base is `rate` of the quote. `way`: how that was found, in words."""

    rate: Fraction
    on: date
    source: str
    way: str


Board = Mapping[tuple[str, str], Given]
"""The rates that apply together, by base and quote."""


def board(rates: Iterable[Given]) -> Board:
    return {(given.base, given.quote): given for given in rates}


def mean(rates: Iterable[Given]) -> Board:
    """The arithmetic mean of the rates of each pair, over the days that have one."""
    of_pairs = defaultdict(list)
    for given in rates:
        of_pairs[given.base, given.quote].append(given)
    return {
        (base, quote): Given(
            on=max(given.on for given in group), base=base, quote=quote,
            rate=sum((given.rate for given in group), Fraction(0)) / len(group),
            source=_joined(given.source for given in group), days=len(group),
        )
        for (base, quote), group in of_pairs.items()
    }  # fmt: skip


def found_in(rates: Board, *, base: str, quote: str) -> Found | None:
    """What 1 `base` is in `quote`; None if the rates do not say."""
    if half := _half(rates, base, quote):
        return half
    for middle in sorted({code for pair in rates for code in pair} - {base, quote}):
        first, second = _half(rates, base, middle), _half(rates, middle, quote)
        if first and second:
            return Found(
                rate=first.rate * second.rate, on=max(first.on, second.on),
                source=_joined([first.source, second.source]),
                way=f"through {middle}: {base}/{middle} {first.way}, {middle}/{quote} {second.way}",
            )  # fmt: skip
    return None


def _half(rates: Board, base: str, quote: str) -> Found | None:
    if given := rates.get((base, quote)):
        return Found(given.rate, given.on, given.source, "as given" + _of_days(given))
    if given := rates.get((quote, base)):
        return Found(1 / given.rate, given.on, given.source, "1 ÷ the reverse" + _of_days(given))
    return None


def _of_days(given: Given) -> str:
    return "" if given.days == 1 else f", mean of {given.days} days"


def _joined(sources: Iterable[str]) -> str:
    return JOINT.join(sorted({source for joined in sources for source in joined.split(JOINT)}))
