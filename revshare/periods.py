"""Time zones, calendar days as instants, periods, and the only door from text to instants.

Pure: no Django, no clock. Zones come from the pinned `tzdata` package and never from the machine's own database, so
two machines with the same lock file agree on every bound. Instants are aware datetimes in UTC.

The instant grammars are regular expressions that Python's `re` and RE2 (DuckDB) read alike: ASCII classes only, no
look-around, no flags. Match them whole: `re.fullmatch`, `regexp_full_match`.
"""

from __future__ import annotations

import difflib
import re
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from fractions import Fraction
from functools import cache
from importlib import resources
from typing import Literal
from zoneinfo import ZoneInfo

FIRST_YEAR = 1970
"""Days and instants before this year are refused: the tz database vouches for its rules only from 1970 on."""

LAST_YEAR = 9998
"""Days and instants after this year are refused: in UTC they might leave the range of datetime."""

MAX_OFFSET_MINUTES = 18 * 60
"""Largest offset from UTC that an instant may be written with: ±18:00, as in java.time. Real ones reach +14:00."""

NAIVE_PATTERN = r"([0-9]{4})-([0-9]{2})-([0-9]{2})[T ]([0-9]{2}):([0-9]{2})(?::([0-9]{2})(?:\.([0-9]{1,6}))?)?"
"""A date and time without an offset. Groups 1 to 7: year, month, day, hour, minute, second, fraction."""

INSTANT_PATTERN = NAIVE_PATTERN + r"(Z|([+-])([0-9]{2})(?::?([0-9]{2}))?)"
"""The same with its offset: `Z`, `±HH:MM`, `±HHMM` or `±HH`. Groups 8 to 11: offset, its sign, hours, minutes."""

DAY_PATTERN = r"[0-9]{4}-[0-9]{2}-[0-9]{2}"
"""A calendar day; whether it exists is checked apart."""

DAY_IN_RANGE_PATTERN = (
    r"(19[7-9][0-9]|[2-8][0-9]{3}|9([0-8][0-9]{2}|9[0-8][0-9]|99[0-8]))-(0[1-9]|1[0-2])-(0[1-9]|[12][0-9]|3[01])"
)
"""DAY_PATTERN with every field inside its range: possible, but for days that the month does not have (2011-02-30)."""

INSTANT_IN_RANGE_PATTERN = (
    DAY_IN_RANGE_PATTERN + r"[T ]"
    r"([01][0-9]|2[0-3]):[0-5][0-9](:[0-5][0-9](\.[0-9]{1,6})?)?"
    r"(Z|[+-](0[0-9]|1[0-7])(:?[0-5][0-9])?|[+-]18(:?00)?)"
)
"""INSTANT_PATTERN with every field inside its range. What it matches is possible, but for days that the month does
not have (2011-02-30). So in DuckDB an instant is what matches this and what TRY_CAST to TIMESTAMPTZ does not make NULL;
TRY_CAST alone would take 24:00 and year 10000."""

InstantCode = Literal["time_naive", "time_syntax", "time_impossible"]

_NAIVE = re.compile(NAIVE_PATTERN)
_INSTANT = re.compile(INSTANT_PATTERN)
_DAY = re.compile(DAY_PATTERN)
_ONE_SECOND = timedelta(seconds=1)
_ONE_HOUR_MICROSECONDS = 3_600_000_000
_QUOTED_LENGTH = 60


class PeriodError(ValueError):
    """A period, a day or a zone cannot be used. Base of the errors below."""


class BadPeriod(PeriodError):
    """The period's start or end is not a usable calendar day, or the end is not after the start."""


class NoSuchDay(PeriodError):
    """The zone skipped this calendar day, as Samoa did 2011-12-30 when it crossed the date line."""


class UnknownZone(PeriodError):
    """No such zone in the pinned tz database. `close` holds up to three names that may have been meant."""

    def __init__(self, name: str, close: list[str]) -> None:
        hint = f"; did you mean {' or '.join(close)}?" if close else ""
        super().__init__(f"unknown time zone {_quoted(name)}{hint}")
        self.close = close


class BadInstant(ValueError):
    """Text that is not an instant. `code` is the reason to record with the row."""

    def __init__(self, code: InstantCode, message: str) -> None:
        super().__init__(message)
        self.code: InstantCode = code


def _zone_names() -> frozenset[str]:
    """Every zone name that the pinned `tzdata` package lists, links such as `GB` included."""
    return frozenset((resources.files("tzdata") / "zones").read_text(encoding="ascii").split())


ZONES: frozenset[str] = _zone_names()
"""All zone names, exactly as `zone` takes them: case counts."""


@cache
def _load_zone(name: str) -> ZoneInfo:
    """The zone of a name in ZONES, read from the `tzdata` package whatever PYTHONTZPATH or the machine holds."""
    with resources.files("tzdata").joinpath("zoneinfo", *name.split("/")).open("rb") as file:
        return ZoneInfo.from_file(file, key=name)


def zone(name: str) -> ZoneInfo:
    """The time zone of an IANA name such as `Europe/Madrid`, cached; the same object for the same name.

    Only names listed in ZONES are ever opened, so a path (`../x`, `/etc/localtime`) is just an unknown name. The
    object cannot be pickled: pass names between processes. Raises UnknownZone with a hint of close names.
    """
    if name not in ZONES:
        raise UnknownZone(name, _close_names(name))
    return _load_zone(name)


def first_instant(day: date, zone_name: str) -> datetime:
    """The first instant, in UTC, at which clocks in the zone show the calendar day `day`.

    This is midnight, the earlier one where clocks went back over it; where clocks jumped over midnight, it is the
    instant of the jump. `day` is of the years 1970 to 9998.
    Raises NoSuchDay if the jump skipped the whole day, BadPeriod for other years, UnknownZone.
    """
    if isinstance(day, datetime) or not FIRST_YEAR <= day.year <= LAST_YEAR:
        raise BadPeriod(f"{day} is not a calendar day of the years {FIRST_YEAR} to {LAST_YEAR}")
    tz = zone(zone_name)
    midnight = datetime.combine(day, time.min)
    instant = midnight.replace(tzinfo=tz, fold=0).astimezone(UTC)
    if _local(instant, tz) == midnight:
        return instant
    # Clocks jumped over midnight. By PEP 495, fold=1 reads it with the offset from after the jump, which gives an
    # instant before the jump; fold=0 with the offset from before it, which gives one at or after the jump.
    before, after = midnight.replace(tzinfo=tz, fold=1).astimezone(UTC), instant
    while after - before > _ONE_SECOND:
        middle = before + (after - before) // (2 * _ONE_SECOND) * _ONE_SECOND
        if _local(middle, tz) < midnight:
            before = middle
        else:
            after = middle
    if _local(after, tz).date() != day:
        raise NoSuchDay(f"{zone_name} had no {day}: its clocks went from {_local(before, tz).date()} to the day after")
    return after


@dataclass(frozen=True)
class Period:
    """Calendar days `start` (included) to `end` (excluded) in the named zone; bounds are the days' first instants.

    Raises BadPeriod unless start < end and both are of the years 1970 to 9998, NoSuchDay if the zone skipped one of
    the two days, UnknownZone.
    """

    start: date
    end: date
    timezone: str

    def __post_init__(self) -> None:
        for day in (self.start, self.end):
            first_instant(day, self.timezone)
        if not self.start < self.end:
            raise BadPeriod(f"the period's end {self.end} (excluded) is not after its start {self.start}")

    def bounds(self) -> tuple[datetime, datetime]:
        """First instant of the period, and first instant after it, in UTC."""
        return first_instant(self.start, self.timezone), first_instant(self.end, self.timezone)

    def hours(self) -> Fraction:
        """Length in hours, exactly: 743 for a March in Madrid; a whole number but for zones such as Lord Howe's."""
        starts_at, ends_at = self.bounds()
        return Fraction((ends_at - starts_at) // timedelta(microseconds=1), _ONE_HOUR_MICROSECONDS)


def parse_period(start: str, end: str, timezone: str) -> Period:
    """The period of two ISO dates (`2011-11-01`, the second excluded) in a zone.

    Raises BadPeriod (bad date, named by its argument; end not after start), NoSuchDay, UnknownZone.
    """
    return Period(start=_parse_day("start", start), end=_parse_day("end", end), timezone=timezone)


def parse_instant(text: str) -> datetime:
    """The instant, in UTC, that an ISO 8601 date and time with offset says, by INSTANT_PATTERN and nothing else.

    `2011-11-01T09:30+01:00` is 08:30 UTC; seconds and up to 6 decimals of them may follow; `Z`, `+01`, `+0100` work.
    Raises BadInstant with code `time_naive` (NAIVE_PATTERN: no offset), `time_impossible` (INSTANT_PATTERN, but no
    such day, hour 24, second 60, offset beyond ±18:00 or with 60 minutes and more, year as written not in 1970 to 9998)
    or `time_syntax` (all else).
    """
    match = _INSTANT.fullmatch(text)
    if match is None:
        if _NAIVE.fullmatch(text):
            raise BadInstant("time_naive", f"{_quoted(text)} has no offset from UTC, such as Z or +01:00")
        raise BadInstant("time_syntax", f'{_quoted(text)} is not a time such as "2011-11-01T09:30:00+01:00"')
    year, month, day, hour, minute, second, fraction, _, sign, offset_hours, offset_minutes = match.groups()
    if not FIRST_YEAR <= int(year) <= LAST_YEAR:
        raise BadInstant("time_impossible", f"{text!r} is not of the years {FIRST_YEAR} to {LAST_YEAR}")
    offset = int(offset_hours or 0) * 60 + int(offset_minutes or 0)
    if int(offset_minutes or 0) > 59 or offset > MAX_OFFSET_MINUTES:
        raise BadInstant("time_impossible", f"{text!r} has an offset that is beyond ±18:00 or no time")
    microsecond = int((fraction or "").ljust(6, "0"))
    try:
        local = datetime(  # noqa: DTZ001 - its offset is taken off in the next line
            int(year), int(month), int(day), int(hour), int(minute), int(second or 0), microsecond
        )
    except ValueError:
        raise BadInstant("time_impossible", f"{text!r} names a day or a time that does not exist") from None
    return (local - timedelta(minutes=-offset if sign == "-" else offset)).replace(tzinfo=UTC)


def _local(instant: datetime, tz: ZoneInfo) -> datetime:
    """What clocks in the zone show at `instant`, as a naive datetime."""
    return instant.astimezone(tz).replace(tzinfo=None, fold=0)


def _parse_day(field: str, text: str) -> date:
    """The calendar day of an ISO date, for the argument named `field`. Raises BadPeriod."""
    if not _DAY.fullmatch(text):
        raise BadPeriod(f'{field} is {_quoted(text)}, not a date such as "2011-11-01"')
    try:
        return date(int(text[:4]), int(text[5:7]), int(text[8:]))
    except ValueError:
        raise BadPeriod(f"{field} is {text}, a day that does not exist") from None


def _close_names(name: str) -> list[str]:
    """Up to three zone names that resemble `name`: its last part alone (`Madrid`), another case, a slip of the pen."""
    if len(name) > _QUOTED_LENGTH:
        return []
    wanted = name.strip().replace(" ", "_").casefold()
    by_folded = {known.casefold(): known for known in sorted(ZONES)}
    same_city = [known for folded, known in by_folded.items() if wanted in (folded, folded.rpartition("/")[2])]
    close = [by_folded[folded] for folded in difflib.get_close_matches(wanted, by_folded, n=3, cutoff=0.7)]
    return list(dict.fromkeys(same_city + close))[:3]


def _quoted(text: str) -> str:
    """`text` in quotes, control characters escaped, cut to a length that is safe to log."""
    return ascii(text) if len(text) <= _QUOTED_LENGTH else f"{text[:_QUOTED_LENGTH]!a}… ({len(text)} characters)"
