"""Reads: the rates of two currencies by day."""

from datetime import date

from django.db.models import QuerySet

from revshare.rates.models import Rate


def rates(*, base: str, quote: str, start: date, end: date, upto_arrival: int) -> QuerySet[Rate]:
    """The rates of the days from `start` to before `end` that had arrived, in the order of days. None is made up: a day
    without one is missing."""
    days = Rate.objects.filter(base=base, quote=quote, date__gte=start, date__lt=end, arrival__lte=upto_arrival)
    return days.order_by("date")
