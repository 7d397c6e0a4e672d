"""The day whose exchange rate a sale takes. Pure but for the words of SQL."""

from collections.abc import Sequence
from contextlib import suppress
from datetime import date, timedelta
from typing import Any

from revshare.periods import NoSuchDay, first_instant, zone
from revshare.policies.currency import DAY, Currency
from revshare.sales.queries import Range


def rated_day(rule: Currency | None, *, ranges: Sequence[Range], zone_name: str, last: date) -> tuple[str, list[Any]]:
    """SQL of that day in the time zone, from the column `rated_at` of sales in these ranges, and its parameters. NULL
    without a rule; `last`, the last day of the cycle, where all sales take the same rate."""
    if rule is None:
        return "NULL::date", []
    if rule.rate != DAY or not ranges:
        return "%s::date", [last]
    # Days begin where our time zones say, not the database's, which may be of another year.
    here = zone(zone_name)
    day = min(r.starts_at for r in ranges).astimezone(here).date()
    end = max(r.ends_at for r in ranges).astimezone(here).date()
    days, starts = list[date](), list[Any]()
    while day <= end:
        with suppress(NoSuchDay):
            starts.append(first_instant(day, zone_name))
            days.append(day)
        day += timedelta(days=1)
    return "(%s::date[])[width_bucket(rated_at, %s::timestamptz[])]", [days, starts]
