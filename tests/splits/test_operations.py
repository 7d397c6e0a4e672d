"""Splits in: each once, ended by a later row, on no day more than the whole."""

from datetime import date, timedelta
from pathlib import Path

import pytest
from django.db import transaction
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from revshare.audit_trail.operations import Act
from revshare.files.models import QuarantinedRow
from revshare.files.queries import last_arrival
from revshare.ingest.operations import retry_quarantine
from revshare.splits.models import Split
from revshare.splits.queries import Part, in_force
from tests.examples import examples
from tests.files import forms
from tests.files.hostile_rows import BAD_AMOUNTS, BAD_DAYS, BAD_IDS, EXACT_IDS, Case, conserved, found, take_in_hostile
from tests.stories import Story

pytestmark = pytest.mark.django_db
PEOPLE = ("contributor_id", "contributor_name")
HEADER = ("contributor_id", "payee_id", "share", "start", "end", "reason")
ROW = {"contributor_id": "ann", "payee_id": "ben", "share": "0.2", "start": "2026-06-01", "end": "", "reason": ""}
BAD: list[Case] = [
    ({}, None),
    *(({"contributor_id": name}, f"{code}@contributor_id") for name, code in BAD_IDS.items()),
    *(({"payee_id": name}, f"{code}@payee_id") for name, code in BAD_IDS.items()),
    *(({"contributor_id": name}, None) for name in EXACT_IDS),
    *(({"contributor_id": "cy", "payee_id": name, "share": "0.01"}, None) for name in EXACT_IDS),
    ({"payee_id": "ann"}, "split_to_self@payee_id"),
    *(({"share": text}, "split_syntax@share") for text in (
        *BAD_AMOUNTS, "0", "0.0", "0.000000", "-0.1", "1.000001", "2", "0.0000001", "20%",
    )),
    *(({"start": day}, f"{code}@start") for day, code in BAD_DAYS.items()),
    *(({"end": day}, f"{code}@end") for day, code in BAD_DAYS.items() if day),
    ({"end": "2026-06-01"}, "period_empty@end"),
    *(({"reason": text}, "split_reason_unknown@reason") for text in ("Agency", "agent", " ", "co-author")),
    *(({"payee_id": "cy", "start": f"20{n}-01-01", "end": f"20{n}-02-01", "reason": text}, None)
      for n, text in ((30, "agency"), (31, "co_author"), (32, "estate"))),
    ({"contributor_id": "nobody"}, "contributor_unknown@contributor_id"),
    ({"payee_id": "nobody"}, "contributor_unknown@payee_id"),
    ({"contributor_id": "dee", "share": "0.000001", "end": "2026-06-02"}, None),
    ({"contributor_id": "eve", "share": "1.000000"}, None),
    ({"contributor_id": "fay", "share": "0.6"}, "split_above_one@share"),
    ({"contributor_id": "fay", "payee_id": "cy", "share": "0.400001", "start": "2026-07-01"}, "split_above_one@share"),
    ({"contributor_id": "fay", "payee_id": "dee", "share": "0.4", "start": "2026-05-01", "end": "2026-06-01"}, None),
    ({"contributor_id": "gil", "share": "0.1"}, "conflicting_duplicate@payee_id"),
    ({"contributor_id": "gil", "share": "0.2", "end": "2026-07-01"}, "conflicting_duplicate@payee_id"),
    ({"contributor_id": "hal", "end": "2026-07-01"}, "conflicting_duplicate@payee_id"),
    ({"contributor_id": "hal", "end": "2026-07-02"}, "conflicting_duplicate@payee_id"),
]  # fmt: skip
NAMES = ("ann", "ben", "cy", "dee", "eve", "fay", "gil", "hal")


@pytest.mark.parametrize("form", forms.FORMATS)
def test_each_bad_split_is_quarantined_on_its_line(form: str, story: Story, tmp_path: Path, act: Act) -> None:
    story.take("contributors", PEOPLE, [(name, "") for name in (*NAMES, *EXACT_IDS)])
    take_in_hostile(kind="splits", form=form, good=ROW, cases=BAD, folder=tmp_path, act=act)
    good = [ROW | changes for changes, reason in BAD if reason is None]
    stored = Split.objects.values_list("contributor_id", "payee_id", "starts_on", "ends_on", "reason")
    assert {(who, payee, f"{start}", f"{end or ''}", why) for who, payee, start, end, why in stored} == {
        (row["contributor_id"], row["payee_id"], row["start"], row["end"], row["reason"]) for row in good
    }
    shares = dict(Split.objects.values_list("contributor_id", "share_millionths"))
    assert (shares["ann"], shares["dee"], shares["eve"]) == (200_000, 1, 1_000_000)


@pytest.fixture
def people(story: Story) -> None:
    story.take("contributors", PEOPLE, [(name, "") for name in NAMES])


def on(day: str) -> list[Part]:
    return list(in_force(day=date.fromisoformat(day), upto_arrival=last_arrival()))


def test_a_split_stays_and_comes_in_once(people: None, story: Story) -> None:
    row = ("ann", "ben", "0.25", "2026-01-01", "", "agency")
    assert story.take("splits", HEADER, [row, row]).file.rows_duplicate == 1
    assert story.take("splits", HEADER, [row, ("ann", "cy", "0.1", "2026-01-01", "", "")]).file.rows_duplicate == 1
    for other in (
        ("ann", "ben", "0.3", "2026-01-01", "", "agency"),
        ("ann", "ben", "0.25", "2026-01-01", "", "estate"),
    ):
        report = conserved(story.take("splits", HEADER, [other]))
        assert found(report) == {2: "conflicting_duplicate@payee_id"}
    assert on("2026-01-01") == [Part("ann", "ben", 250_000, "agency"), Part("ann", "cy", 100_000, "")]
    assert on("2025-12-31") == []


@pytest.mark.parametrize("order", [("", "2026-07-01"), ("2026-07-01", "")])
def test_an_open_split_is_ended_by_a_row_that_gives_its_end(people: None, story: Story, order: tuple[str, str]) -> None:
    for end in order:
        report = story.take("splits", HEADER, [("ann", "ben", "0.6", "2026-01-01", end, "agency")])
        assert report.file.rows_accepted == 1
    assert on("2026-06-30") == [Part("ann", "ben", 600_000, "agency")]
    assert on("2026-07-01") == []
    again = story.take("splits", HEADER, [("ann", "ben", "0.6", "2026-01-01", "2026-08-01", "agency")])
    assert found(again) == {2: "conflicting_duplicate@payee_id"}
    # There is room from the day on which it no longer counts.
    report = story.take(
        "splits",
        HEADER,
        [("ann", "cy", "1", "2026-07-01", "", ""), ("ann", "dee", "0.5", "2026-06-30", "2026-07-01", "")],
    )
    assert found(report) == {3: "split_above_one@share"}


def test_the_end_of_a_split_counts_from_its_arrival(people: None, story: Story) -> None:
    story.take("splits", HEADER, [("ann", "ben", "0.6", "2026-01-01", "", "")])
    before = last_arrival()
    story.take(
        "splits",
        HEADER,
        [("ann", "ben", "0.6", "2026-01-01", "2026-02-01", ""), ("ann", "cy", "0.7", "2026-02-01", "", "")],
    )
    then = list(in_force(day=date(2026, 3, 1), upto_arrival=before))
    assert then == [Part("ann", "ben", 600_000, "")]
    assert on("2026-03-01") == [Part("ann", "cy", 700_000, "")]


def test_a_split_and_the_one_that_follows_it_come_in_together(people: None, story: Story) -> None:
    """The row that ends a stored split never waits, whatever else its file holds: others may rely on it."""
    story.take("splits", HEADER, [("ann", "ben", "0.6", "2026-01-01", "", "")])
    report = story.take("splits", HEADER, [
        ("ann", "ben", "0.6", "2026-01-01", "2026-07-01", ""), ("ann", "cy", "0.7", "2026-06-01", "2026-07-01", ""),
        ("ann", "dee", "0.5", "2026-07-01", "", ""),
    ])  # fmt: skip
    assert found(report) == {3: "split_above_one@share"}
    assert on("2026-06-15") == [Part("ann", "ben", 600_000, "")]
    assert on("2026-07-15") == [Part("ann", "dee", 500_000, "")]
    assert retry_quarantine(file_id=None, act=story.act())["quarantined"] == 1


def test_both_sides_of_a_split_are_waited_for(story: Story) -> None:
    story.take("splits", HEADER, [("ann", "ben", "0.5", "2026-01-01", "", "")])
    story.take("contributors", PEOPLE, [("ann", "")])
    assert QuarantinedRow.objects.get().reason == "contributor_unknown@payee_id"
    assert story.take("contributors", PEOPLE, [("ben", "")]).facts["released_unknown"] == 1
    assert on("2026-01-01") == [Part("ann", "ben", 500_000, "")]


FIRST = date(2026, 1, 1)
DAYS = 6
Told = tuple[str, int, int, int | None]
"""Payee, tenths, first day, last day (excluded): of one contributor."""


def slow(stored: list[Told], told: list[Told]) -> tuple[list[Told], list[int]]:
    """What is stored afterwards, and the rows of `told` that wait, day by day."""

    def together(rows: list[Told]) -> dict[tuple[str, int], list[Told]]:
        splits: dict[tuple[str, int], list[Told]] = {}
        for row in rows:
            splits.setdefault((row[0], row[2]), []).append(row)
        return splits

    disputed = {
        key for key, rows in together(stored + told).items()
        if len({row[1] for row in rows}) > 1 or len({row[3] for row in rows} - {None}) > 1
    }  # fmt: skip
    waiting = [n for n, row in enumerate(told) if (row[0], row[2]) in disputed]
    new: dict[Told, int] = {}
    for n, row in enumerate(told):
        if n not in waiting and row not in stored and row not in new:
            new[row] = n
    splits = {key: (rows[0][1], max((row[3] for row in rows if row[3] is not None), default=DAYS + 9))
              for key, rows in together([*stored, *new]).items()}  # fmt: skip
    before = set(together(stored))
    above = [
        day for day in range(DAYS + 2)
        if sum(tenths for (_, start), (tenths, end) in splits.items() if start <= day < end) > 10
    ]  # fmt: skip
    for row, n in new.items():
        key = (row[0], row[2])
        if key not in before and any(key[1] <= day < splits[key][1] for day in above):
            waiting.append(n)
    return stored + [row for row, n in new.items() if n not in waiting], sorted(waiting)


TOLD = st.tuples(
    st.sampled_from(("ben", "cy", "dee")),
    st.integers(1, 10),
    st.integers(0, DAYS - 1),
    st.none() | st.integers(1, DAYS),
).filter(lambda row: row[3] is None or row[3] > row[2])


def as_row(row: Told) -> tuple[str, ...]:
    payee, tenths, start, end = row
    days = [f"{FIRST + timedelta(days=day)}" if day is not None else "" for day in (start, end)]
    return ("ann", payee, "1" if tenths == 10 else f"0.{tenths}", *days, "")


@given(files=st.lists(st.lists(TOLD, min_size=1, max_size=6), min_size=1, max_size=3))
@settings(
    max_examples=examples(quick=8, long=25), deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
def test_what_waits_is_what_a_look_at_every_day_finds(people: None, story: Story, files: list[list[Told]]) -> None:
    with transaction.atomic():
        stored: list[Told] = []
        for told in files:
            report = story.take("splits", HEADER, [as_row(row) for row in told])
            if not report.seen_before:
                stored, waiting = slow(stored, told)
                assert sorted(found(report)) == [n + 2 for n in waiting]
        assert Split.objects.count() == len(stored)
        transaction.set_rollback(True)
