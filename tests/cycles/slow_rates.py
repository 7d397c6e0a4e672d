"""Exchange rates in plain Python, written from docs/currencies.md: which rate, of which day, by which way."""

from datetime import date, timedelta
from fractions import Fraction
from typing import Any

Rate = tuple[str, str, str, Fraction, str]  # day, base, quote, rate, source
Pairs = dict[tuple[str, str], Fraction]


def rate_for(said: dict[str, Any], rates: list[Rate], *, day: str, days: tuple[str, str], base: str) -> Fraction:
    """What one `base` is worth in the currency of the pools. `said`: the table `[currency]` of a policy; `day`: the one
    whose rate counts; `days`: of the cycle, the end exclusive."""
    given = [rate for rate in rates if said.get("source", rate[4]) == rate[4]]
    if said["rate"] == "average":
        return _way(_means([rate for rate in given if days[0] <= rate[0] < days[1]]), base, said["pools"])
    for age in range(said.get("max_age_days", 0) + 1):
        on = str(date.fromisoformat(day) - timedelta(days=age))
        try:
            return _way({(one, other): rate for when, one, other, rate, _ in given if when == on}, base, said["pools"])
        except KeyError:
            continue
    raise KeyError((base, said["pools"], day))


def rate_in(rates: list[Rate], *, day: str, base: str, quote: str) -> Fraction:
    """By all rates of a day, whosever."""
    return _way({(one, other): rate for when, one, other, rate, _ in rates if when == day}, base, quote)


def _means(rates: list[Rate]) -> Pairs:
    found: dict[tuple[str, str], list[Fraction]] = {}
    for _, base, quote, rate, _ in rates:
        found.setdefault((base, quote), []).append(rate)
    return {pair: sum(given, Fraction(0)) / len(given) for pair, given in found.items()}


def _way(rates: Pairs, base: str, quote: str) -> Fraction:
    """As it is given; else the other way round; else through the third currency of the lowest code."""
    try:
        return _straight(rates, base, quote)
    except KeyError:
        for third in sorted({code for pair in rates for code in pair} - {base, quote}):
            try:
                return _straight(rates, base, third) * _straight(rates, third, quote)
            except KeyError:
                continue
        raise


def _straight(rates: Pairs, base: str, quote: str) -> Fraction:
    return rates[base, quote] if (base, quote) in rates else 1 / rates[quote, base]
