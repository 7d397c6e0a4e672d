"""Reads: the rates of some days."""

from datetime import date
from fractions import Fraction

from revshare.rates.models import Rate
from revshare.rates.rules import Given


def rates(*, start: date, end: date, upto_arrival: int, source: str = "") -> list[Given]:
    """The rates of the days from `start` to before `end` that had arrived, in the order of days and pairs; of one
    source, if it is named. None is made up: a day without one is missing."""
    found = Rate.objects.filter(date__gte=start, date__lt=end, arrival__lte=upto_arrival)
    if source:
        found = found.filter(source=source)
    return [
        Given(on=rate.date, base=rate.base, quote=rate.quote, rate=Fraction(rate.rate), source=rate.source)
        for rate in found.order_by("date", "base", "quote")
    ]
