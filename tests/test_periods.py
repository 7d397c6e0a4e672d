"""Zones, first instants of days, periods and instants, against a search by brute force and against DuckDB."""

from __future__ import annotations

import os
import time as clock
import zoneinfo
from datetime import UTC, date, datetime, timedelta, timezone
from fractions import Fraction
from importlib import resources
from pathlib import Path

import duckdb
import pytest
from hypothesis import Phase, given, settings
from hypothesis import strategies as st

from revshare import periods
from revshare.periods import (
    INSTANT_IN_RANGE_PATTERN,
    INSTANT_PATTERN,
    NAIVE_PATTERN,
    ZONES,
    BadInstant,
    BadPeriod,
    NoSuchDay,
    Period,
    UnknownZone,
    first_instant,
    parse_instant,
    parse_period,
    zone,
)
from tests.examples import examples


def utc(*fields: int) -> datetime:
    return datetime(*fields, tzinfo=UTC)  # type: ignore[misc,arg-type]


# --- zones -----------------------------------------------------------------------------------------------------------


def test_zones_are_those_of_the_package() -> None:
    assert len(ZONES) > 590
    for name in ZONES:
        assert zone(name).key == name
    assert zone("Europe/Madrid") is zone("Europe/Madrid")


@pytest.mark.parametrize(
    "name",
    [
        "", ".", "..", "../x", "../zones", "/etc/localtime", "/usr/share/zoneinfo/Europe/Madrid", "Europe/../GB",
        "Europe", "Europe/", "europe/madrid", " Europe/Madrid", "Europe/Madrid\n", "Europe\\Madrid", "zones",
        "__init__.py", "tzdata.zi", "leapseconds", "Europe/Madrid\x00", "localtime", "C:\\x", "x" * 100_000,
    ],
)  # fmt: skip
def test_other_names_are_unknown(name: str) -> None:
    with pytest.raises(UnknownZone) as refusal:
        zone(name)
    assert len(str(refusal.value)) < 250


@pytest.mark.parametrize(
    ("name", "meant"),
    [
        ("europe/madrid", "Europe/Madrid"),
        ("Madrid", "Europe/Madrid"),
        ("Europe/Madird", "Europe/Madrid"),
        ("sao paulo", "America/Sao_Paulo"),
        ("Europe/Londn", "Europe/London"),
    ],
)
def test_a_close_name_is_hinted_at(name: str, meant: str) -> None:
    with pytest.raises(UnknownZone, match=meant) as refusal:
        zone(name)
    assert refusal.value.close[0] == meant


def test_the_machines_own_database_and_zone_do_not_matter(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A machine whose Europe/Madrid is wrong, and which itself sits in Auckland, gets the same bounds."""
    (tmp_path / "Europe").mkdir()
    source = resources.files("tzdata") / "zoneinfo" / "Asia" / "Tokyo"
    (tmp_path / "Europe" / "Madrid").write_bytes(source.read_bytes())
    monkeypatch.setenv("TZ", "Pacific/Auckland")
    clock.tzset()
    zoneinfo.reset_tzpath(to=[os.fspath(tmp_path)])
    zoneinfo.ZoneInfo.clear_cache()
    periods._load_zone.cache_clear()
    try:
        assert utc(2024, 1, 1).astimezone(zoneinfo.ZoneInfo("Europe/Madrid")).hour == 9  # that of Tokyo
        assert first_instant(date(2024, 3, 1), "Europe/Madrid") == utc(2024, 2, 29, 23)
        assert parse_instant("2024-03-01T00:00+01:00") == utc(2024, 2, 29, 23)
    finally:
        monkeypatch.undo()
        clock.tzset()
        zoneinfo.reset_tzpath()
        zoneinfo.ZoneInfo.clear_cache()


# --- first instants --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("day", "name", "expected"),
    [
        ((2011, 11, 1), "Europe/London", (2011, 11, 1, 0)),
        ((2024, 7, 1), "Europe/Madrid", (2024, 6, 30, 22)),
        # no midnight: clocks went from 24:00 to 01:00
        ((2018, 11, 4), "America/Sao_Paulo", (2018, 11, 4, 3)),
        ((2023, 4, 28), "Africa/Cairo", (2023, 4, 27, 22)),
        ((2022, 3, 27), "Asia/Beirut", (2022, 3, 26, 22)),
        ((2024, 3, 31), "Asia/Beirut", (2024, 3, 30, 22)),
        ((2024, 3, 10), "America/Havana", (2024, 3, 10, 5)),
        ((2021, 3, 28), "Atlantic/Azores", (2021, 3, 28, 1)),
        # no midnight, by odd steps: +44:30, +3 hours, +7 hours
        ((1972, 1, 7), "Africa/Monrovia", (1972, 1, 7, 0, 44, 30)),
        ((2016, 10, 22), "Antarctica/Casey", (2016, 10, 21, 16)),
        ((1994, 11, 1), "Antarctica/Vostok", None),
        # midnight twice: the earlier one
        ((2023, 11, 5), "America/Havana", (2023, 11, 5, 4)),
        ((2021, 10, 31), "Atlantic/Azores", (2021, 10, 31, 0)),
        ((2010, 11, 7), "America/St_Johns", (2010, 11, 7, 2, 30)),
        # clocks went back from midnight into the day before: one midnight, an hour late
        ((2018, 2, 18), "America/Sao_Paulo", (2018, 2, 18, 3)),
        ((2023, 10, 27), "Africa/Cairo", (2023, 10, 26, 22)),
        # the days around the one that Samoa skipped
        ((2011, 12, 29), "Pacific/Apia", (2011, 12, 29, 10)),
        ((2011, 12, 31), "Pacific/Apia", (2011, 12, 30, 10)),
        ((9998, 12, 31), "Pacific/Kiritimati", (9998, 12, 30, 10)),
        ((1970, 1, 1), "Asia/Kolkata", (1969, 12, 31, 18, 30)),
    ],
)
def test_first_instants(day: tuple[int, int, int], name: str, expected: tuple[int, ...] | None) -> None:
    found = first_instant(date(*day), name)
    assert found.tzinfo is UTC
    assert expected is None or found == utc(*expected)
    tz = zone(name)
    assert found.astimezone(tz).date() == date(*day)
    assert (found - timedelta(microseconds=1)).astimezone(tz).date() != date(*day)


@pytest.mark.parametrize(
    ("day", "name"),
    [
        ((2011, 12, 30), "Pacific/Apia"),
        ((2011, 12, 30), "Pacific/Fakaofo"),
        ((1994, 12, 31), "Pacific/Kiritimati"),
        ((1993, 8, 21), "Pacific/Kwajalein"),
    ],
)
def test_skipped_days(day: tuple[int, int, int], name: str) -> None:
    with pytest.raises(NoSuchDay, match="-".join(f"{part:02d}" for part in day)):
        first_instant(date(*day), name)


def test_a_jump_that_begins_before_midnight(monkeypatch: pytest.MonkeyPatch) -> None:
    """Toronto, 1919-03-30: from 23:30 to 00:30. None such since 1970, but tomorrow there may be."""
    monkeypatch.setattr(periods, "FIRST_YEAR", 1900)
    assert first_instant(date(1919, 3, 31), "America/Toronto") == utc(1919, 3, 31, 4, 30)


@pytest.mark.parametrize("day", [date(1969, 12, 31), date(9999, 1, 1), date.min, date.max, utc(2011, 1, 1)])
def test_days_out_of_range(day: date) -> None:
    with pytest.raises(BadPeriod):
        first_instant(day, "Europe/Madrid")


def changes(name: str) -> list[date]:
    """Days within a day of a change of the zone's offset, found by looking once a day."""
    tz, found = zone(name), []
    at, before = utc(1970, 1, 3), None
    while at < utc(2038, 1, 1):
        offset = at.astimezone(tz).utcoffset()
        if before is not None and offset != before:
            found += [(at + timedelta(days=shift)).date() for shift in (-2, -1, 0, 1)]
        before, at = offset, at + timedelta(days=1)
    return found


@pytest.mark.parametrize(
    "name",
    [
        "America/Sao_Paulo", "America/Havana", "Africa/Cairo", "Asia/Beirut", "Pacific/Apia", "America/St_Johns",
        "Atlantic/Azores", "Australia/Lord_Howe", "Asia/Gaza", "Antarctica/Casey", "America/Asuncion",
    ],
)  # fmt: skip
def test_against_brute_force_at_every_change(name: str) -> None:
    """Looking every ten minutes over the 28 hours before it, and one microsecond before: nothing shows the day."""
    tz = zone(name)
    for day in changes(name):
        try:
            found = first_instant(day, name)
        except NoSuchDay:
            noon = utc(day.year, day.month, day.day, 12)
            assert all((noon + timedelta(hours=h)).astimezone(tz).date() != day for h in range(-40, 41))
            continue
        assert found.astimezone(tz).date() == day
        earlier = [timedelta(microseconds=1), *(timedelta(minutes=10) * step for step in range(1, 6 * 28))]
        assert all((found - gap).astimezone(tz).date() != day for gap in earlier), day


# --- periods ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("start", "end", "name", "hours"),
    [
        ("2024-03-01", "2024-04-01", "Europe/Madrid", 743),
        ("2024-10-01", "2024-11-01", "Europe/Madrid", 745),
        ("2024-02-01", "2024-03-01", "Europe/Madrid", 696),
        ("2011-11-01", "2011-12-01", "Europe/London", 720),
        ("2011-12-01", "2012-01-01", "Pacific/Apia", 720),
        ("2018-11-04", "2018-11-05", "America/Sao_Paulo", 23),
        ("2018-02-17", "2018-02-18", "America/Sao_Paulo", 25),
        ("2024-04-01", "2024-05-01", "Australia/Lord_Howe", Fraction(1441, 2)),
    ],
)
def test_hours(start: str, end: str, name: str, hours: int | Fraction) -> None:
    assert parse_period(start, end, name).hours() == hours


def test_periods_meet_without_gap_or_overlap() -> None:
    days = [date(2018, month, 1) for month in range(1, 13)] + [date(2018, 11, 4)]
    for name in ("America/Sao_Paulo", "Europe/Madrid", "Asia/Kathmandu"):
        bounds = [Period(day, day + timedelta(days=1), name).bounds() for day in sorted(days)]
        following = [Period(day + timedelta(days=1), day + timedelta(days=2), name).bounds() for day in sorted(days)]
        assert [end for _, end in bounds] == [start for start, _ in following]
        assert all(start < end and start.tzinfo is UTC and end.tzinfo is UTC for start, end in bounds)


@pytest.mark.parametrize(
    ("start", "end", "message"),
    [
        ("2011-11-01", "2011-11-01", "not after"),
        ("2011-11-02", "2011-11-01", "not after"),
        ("2011-02-30", "2011-11-01", "start is 2011-02-30"),
        ("2011-11-01", "2011-13-01", "end is 2011-13-01"),
        ("20111101", "2011-12-01", "start is '20111101'"),
        ("2011-W44-2", "2011-12-01", "start"),
        ("2011-11-01T00:00", "2011-12-01", "start"),
        ("2011-11-01\n", "2011-12-01", "start"),
        ("２０１１-11-01", "2011-12-01", "start"),
        ("2011-11-01", "", "end is ''"),
        ("1969-12-31", "2011-12-01", "1970"),
        ("2011-11-01", "9999-01-01", "9998"),
    ],
)
def test_periods_refused(start: str, end: str, message: str) -> None:
    with pytest.raises(BadPeriod, match=message):
        parse_period(start, end, "Europe/Madrid")


def test_periods_refuse_zones_and_skipped_days() -> None:
    with pytest.raises(UnknownZone):
        parse_period("2011-11-01", "2011-12-01", "Europe/Nowhere")
    with pytest.raises(NoSuchDay):
        parse_period("2011-11-30", "2011-12-30", "Pacific/Apia")
    with pytest.raises(AttributeError):
        Period(date(2011, 1, 1), date(2011, 2, 1), "UTC").start = date(2012, 1, 1)  # type: ignore[misc]


# --- instants --------------------------------------------------------------------------------------------------------


def code_of(text: str) -> str:
    """`ok`, or the code of the refusal."""
    try:
        parse_instant(text)
    except BadInstant as refusal:
        return refusal.code
    return "ok"


def by_duckdb(texts: list[str]) -> list[tuple[str, str, int | None]]:
    """Text, code and microseconds since 1970 of every text, by the patterns in DuckDB."""
    return duckdb.execute(
        """
        SELECT text, CASE
            WHEN regexp_full_match(text, ?) AND TRY_CAST(text AS TIMESTAMPTZ) IS NOT NULL THEN 'ok'
            WHEN regexp_full_match(text, ?) THEN 'time_impossible'
            WHEN regexp_full_match(text, ?) THEN 'time_naive'
            ELSE 'time_syntax' END AS code, CASE WHEN code = 'ok' THEN epoch_us(TRY_CAST(text AS TIMESTAMPTZ)) END
        FROM unnest(?::VARCHAR[]) AS corpus(text)
        """,
        [INSTANT_IN_RANGE_PATTERN, INSTANT_PATTERN, NAIVE_PATTERN, texts],
    ).fetchall()


@pytest.mark.parametrize(
    ("text", "instant"),
    [
        ("2011-11-01T09:30Z", utc(2011, 11, 1, 9, 30)),
        ("2011-11-01 09:30:15Z", utc(2011, 11, 1, 9, 30, 15)),
        ("2011-11-01T09:30:15.5Z", utc(2011, 11, 1, 9, 30, 15, 500_000)),
        ("2011-11-01T09:30:15.000001+01:00", utc(2011, 11, 1, 8, 30, 15, 1)),
        ("2011-11-01T09:30+0530", utc(2011, 11, 1, 4)),
        ("2011-11-01T09:30-03", utc(2011, 11, 1, 12, 30)),
        ("2011-11-01T09:30-00:30", utc(2011, 11, 1, 10)),
        ("2011-11-01T00:00+18:00", utc(2011, 10, 31, 6)),
        ("2011-11-01T00:00-1800", utc(2011, 11, 1, 18)),
        ("2012-02-29T00:00-00:00", utc(2012, 2, 29)),
        ("1970-01-01T00:00+14:00", utc(1969, 12, 31, 10)),
        ("9998-12-31T23:59:59-18", utc(9999, 1, 1, 17, 59, 59)),
    ],
)
def test_instants_read(text: str, instant: datetime) -> None:
    assert parse_instant(text) == instant
    assert parse_instant(text).tzinfo is UTC


@pytest.mark.parametrize(
    ("code", "texts"),
    [
        ("time_naive", ["2011-11-01T09:30", "2011-11-01 09:30:15", "2011-11-01T09:30:15.123456", "2011-02-30T25:00"]),
        (
            "time_impossible",
            [
                "2011-02-30T00:00Z", "2011-02-29T00:00Z", "1900-02-29T00:00Z", "2011-00-01T00:00Z", "2011-13-01T00:00Z",
                "2011-01-00T00:00Z", "2011-01-32T00:00Z", "2011-11-01T24:00Z", "2011-11-01T24:00:00Z",
                "2011-11-01T23:60Z", "2011-11-01T23:59:60Z", "2011-11-01T00:00+18:01", "2011-11-01T00:00-19",
                "2011-11-01T00:00+9900", "2011-11-01T00:00+01:60", "1969-12-31T23:59:59Z", "1969-12-31T23:00-05:00",
                "0000-01-01T00:00Z", "0001-01-01T00:00Z", "9999-01-01T00:00Z",
            ],
        ),
        (
            "time_syntax",
            [
                "", "2011-11-01", "2011-11-01Z", "2011-11-01T09Z", "2011-11-01T09:30z", "2011-11-01t09:30Z",
                "2011-11-01T09:30 Z", "2011-11-01  09:30Z", " 2011-11-01T09:30Z", "2011-11-01T09:30Z\n",
                "2011-11-01T09:30Z ", "2011-11-01T09:30:15,5Z", "2011-11-01T09:30:15.1234567Z", "2011-11-01T09:30:15.Z",
                "2011-11-01T09:30.5Z", "20111101T0930Z", "2011-1-1T09:30Z", "11-11-01T09:30Z", "+2011-11-01T09:30Z",
                "2011-W44-2T09:30Z", "2011-305T09:30Z", "1320139800", "2011-11-01T09:30+1", "2011-11-01T09:30+100",
                "2011-11-01T09:30+01:0", "2011-11-01T09:30−01:00", "2011-11-01T09:30+01:00:00", "2011-11-01T09:30 UTC",
                "2011-11-01T09:30[Europe/Madrid]", "２０１１-11-01T09:30Z", "2011-11-01T09:3٠Z", "01/11/2011 09:30",
                "NaT", "2011-11-01T09:30Z\x00", "2011-11-01T09:30+", "2011-11-01T9:30Z", "12011-11-01T09:30Z",
            ],
        ),
    ],
)  # fmt: skip
def test_instants_refused(code: str, texts: list[str]) -> None:
    assert {text: code_of(text) for text in texts} == dict.fromkeys(texts, code)
    assert {text: found for text, found, _ in by_duckdb(texts)} == dict.fromkeys(texts, code)


@given(
    seconds=st.integers(86_400, 253_000_000_000),
    micros=st.integers(0, 999_999),
    offset=st.integers(-18 * 60, 18 * 60),
    separator=st.sampled_from("T "),
    colon=st.booleans(),
)
def test_instants_read_as_the_standard_library_writes_them(
    seconds: int, micros: int, offset: int, separator: str, colon: bool
) -> None:
    aware = utc(1970, 1, 1) + timedelta(seconds=seconds, microseconds=micros)
    aware = aware.astimezone(timezone(timedelta(minutes=offset)))
    text = aware.isoformat(sep=separator)
    if not colon:
        text = text[:-3] + text[-2:]
    assert parse_instant(text) == aware


two_digits = st.one_of(st.integers(0, 99).map("{:02d}".format), st.sampled_from(["00", "01", "12", "18", "23", "31"]))
years = st.sampled_from(
    ["0000", "1969", "1970", "1999", "2011", "2012", "2100", "8999", "9899", "9989", "9998", "9999"]
)
built = st.builds(
    "{}-{}-{}{}{}:{}{}{}".format,
    st.one_of(years, st.integers(0, 9999).map("{:04d}".format)),
    st.one_of(st.sampled_from(["01", "02", "11", "12"]), two_digits),
    st.one_of(st.integers(1, 31).map("{:02d}".format), two_digits),
    st.sampled_from(["T", " ", "T", "t", ""]),
    st.one_of(st.integers(0, 24).map("{:02d}".format), two_digits),
    st.one_of(st.integers(0, 60).map("{:02d}".format), two_digits),
    st.sampled_from(["", ":00", ":59", ":60", ":30.5", ":30.123456", ":30.1234567", ":30."]),
    st.sampled_from(
        ["", "Z", "+01:00", "-0330", "+14", "+18:00", "-18", "+18:01", "-1959", "+01:60", "z", " Z", "Z\n"]
    ),
)
near_instants = st.one_of(
    built,
    st.from_regex(INSTANT_PATTERN, fullmatch=True),
    st.from_regex(NAIVE_PATTERN, fullmatch=True),
    st.from_regex(INSTANT_IN_RANGE_PATTERN, fullmatch=True),
    st.text(alphabet="0123456789-:TZ+ .\n", max_size=28),
    st.text(max_size=5),
)


@given(texts=st.lists(near_instants, min_size=20, max_size=120, unique=True))
@settings(
    max_examples=examples(quick=15, long=40), deadline=None, phases=[Phase.generate]
)  # shrinking whole lists would take minutes
def test_duckdb_tells_the_same_codes_and_instants(texts: list[str]) -> None:
    expected = []
    for text in texts:
        code = code_of(text)
        micros = (parse_instant(text) - utc(1970, 1, 1)) // timedelta(microseconds=1) if code == "ok" else None
        expected.append((text, code, micros))
    assert sorted(by_duckdb(texts)) == sorted(expected)
