"""Rolls and folios against a slow twin that goes from person to person; and what the database reads of them."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from django.db import connection, transaction
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from revshare.array_rows import ROOM_BYTES
from revshare.bulk import copy_images
from revshare.ledger.folios import FOLIO, ROLL, Rolls, Statements
from tests.examples import examples
from tests.ownership import owner

CYCLE = 7
PAGE_BYTES = 8160  # what a row may have of a page
LONGEST = 300
IDS = ("a", "A", "9", "10", "é", "e\u0301", "作家", "\U0001f600", "=x", "миша", "ann-with-a-longer-id", "x" * LONGEST)
Row = tuple[Any, ...]


@dataclass(frozen=True)
class Case:
    """Some people, in order; how many entries each has by currency; and how many are asked for at once."""

    ids: list[str]
    counts: dict[str, list[int]]
    people: int
    seed: int

    @property
    def rolls(self) -> Rolls:
        return Rolls(pa.array(self.ids, pa.string()), [np.array(own, np.int64) for own in self.counts.values()])


@st.composite
def cases(draw: st.DrawFn) -> Case:
    texts = st.text(st.characters(exclude_characters="\0", codec="utf-8"), min_size=1, max_size=9)
    ids = draw(st.sets(st.one_of(st.sampled_from(IDS), texts), min_size=1, max_size=12))
    ids |= {f"c{number}" for number in range(draw(st.sampled_from([0, 3, 500])))}
    seed = draw(st.integers(0, 2**32 - 1))
    some = np.random.default_rng(seed)
    most = draw(st.sampled_from([1, 3, 40]))
    counts = {
        currency: some.integers(0, most, len(ids), endpoint=True).tolist()
        for currency in draw(st.sets(st.sampled_from(["EUR", "JPY", "USD"]), min_size=1))
    }
    for own in counts.values():
        if draw(st.booleans()):
            own[draw(st.integers(0, len(ids) - 1))] = draw(st.sampled_from([377, 378, 400, 5000]))
    people = draw(st.sampled_from([1, 2, 50, 100_000]))
    return Case(sorted(ids, key=str.encode), counts, people, seed)


ALONE = Case(["a", "b", "c"], {"USD": [1, 5000, 1]}, 1, 0)


def twin(case: Case) -> list[list[int]]:
    """The places of those on each roll: as many as fit, whether by their names or by what they have in a currency."""
    rolls: list[list[int]] = []
    used = 0
    for place, name in enumerate(case.ids):
        size = 4 + len(name.encode())
        size += -size % 4
        for own in case.counts.values():
            if own[place]:
                size = max(size, 22 + 20 * own[place])
        if not rolls or used + size > ROOM_BYTES:
            rolls.append([])
            used = 0
        rolls[-1].append(place)
        used += size
    return rolls


@given(case=cases())
@example(case=ALONE)
@settings(max_examples=examples(quick=60, long=400), deadline=None)
def test_rolls_are_those_of_the_slow_twin(case: Case) -> None:
    assert [list(range(*cut)) for cut in case.rolls.slices(1)] == twin(case)


@given(case=cases())
@settings(max_examples=examples(quick=30, long=200), deadline=None)
def test_no_roll_is_cut_by_slices(case: Case) -> None:
    rolls = twin(case)
    longest = max(map(len, rolls))
    slices = list(case.rolls.slices(case.people))
    assert [place for cut in slices for place in range(*cut)] == list(range(len(case.ids)))
    assert {first for first, _ in slices} <= {roll[0] for roll in rolls}
    assert all(end - first < case.people + longest for first, end in slices)


def test_of_nobody_there_are_no_rolls() -> None:
    rolls = Rolls(pa.array([], pa.string()), [])
    assert list(rolls.slices(10)) == []
    assert list(rolls.images(CYCLE, 10)) == []


@dataclass
class Plain:
    """A currency's statements as plain rows, from the largest and the smallest numbers there are."""

    currency: str
    first_no: int
    case: Case

    def __post_init__(self) -> None:
        some = np.random.default_rng([self.case.seed, *self.currency.encode()])
        edge = [0, 1, 2**31, 2**62, 2**63 - 1]
        self.people = [place for place, own in enumerate(self.case.counts[self.currency]) if own]
        self.balances = [(int(some.choice([*edge, -1, -(2**63)])), int(some.choice(edge))) for _ in self.people]
        self.lines = [
            [
                (int(pool), int(ticks), int(amount))
                for pool, ticks, amount in zip(
                    np.cumsum(some.integers(1, 9, own)), some.choice(edge, own), some.choice([*edge, -5, -(2**63)], own),
                    strict=True,
                )
            ]
            for own in (self.case.counts[self.currency][place] for place in self.people)
        ]  # fmt: skip

    def accounts(self) -> Iterator[Row]:
        """(number, contributor, currency, opening, earned, lines, pool and amount of the last of them)"""
        for number, (place, balances, lines) in enumerate(
            zip(self.people, self.balances, self.lines, strict=True), self.first_no
        ):
            pool, _, amount = lines[-1]
            yield number, self.case.ids[place], self.currency, *balances, len(lines), pool, amount

    def entries(self) -> Iterator[Row]:
        """(number, contributor, pool, ticks, amount, opening, earned, lines): the last three on the last line."""
        for (number, name, _, opening, earned, count, *_), lines in zip(self.accounts(), self.lines, strict=True):
            for line in lines[:-1]:
                yield number, name, *line, 0, 0, 0
            yield number, name, *lines[-1], opening, earned, count

    def statements(self, first: int, end: int) -> Statements:
        """Of the people in places from `first` to before `end`."""
        of = [at for at, place in enumerate(self.people) if first <= place < end]
        lines = [line for at in of for line in self.lines[at]]
        return Statements(
            currency=self.currency, first_no=self.first_no + (of[0] if of else 0),
            people=np.array([self.people[at] for at in of], np.int64),
            opening_micros=np.array([self.balances[at][0] for at in of], np.int64),
            earned_micros=np.array([self.balances[at][1] for at in of], np.int64),
            ends=np.cumsum([len(self.lines[at]) for at in of], dtype=np.int64),
            pools=np.array([line[0] for line in lines], np.int32), ticks=np.array([line[1] for line in lines], np.int64),
            amounts_micros=np.array([line[2] for line in lines], np.int64),
        )  # fmt: skip


def plain(case: Case) -> list[Plain]:
    found: list[Plain] = []
    for currency in sorted(case.counts):
        found.append(Plain(currency, found[-1].first_no + len(found[-1].people) if found else 1, case))
    return found


def take_in(case: Case, currencies: list[Plain]) -> None:
    """As `ledger.operations.enter` does, but for what the database asks of a cycle."""
    rolls = case.rolls
    with connection.cursor() as cursor:
        cursor.execute("SELECT revshare_new_folios(%s)", [CYCLE])
        copy_images(
            table=f"ledger_roll_{CYCLE}", columns=ROLL, images=rolls.images(CYCLE, case.people), frozen=True
        )  # fmt: skip
        some = [item.statements(*cut) for item in currencies for cut in rolls.slices(case.people)]
        images = (rolls.folios(CYCLE, item) for item in some if len(item.people))
        copy_images(table=f"ledger_folio_{CYCLE}", columns=FOLIO, images=images, frozen=True)
        cursor.execute("SELECT revshare_index_entries(%s)", [CYCLE])
        cursor.execute("SELECT revshare_attach_folios(%s)", [CYCLE])


def rows(query: str) -> list[Row]:
    with connection.cursor() as cursor:
        cursor.execute(query)
        return list(cursor.fetchall())


@pytest.mark.django_db
@given(case=cases())
@example(case=ALONE)
@settings(
    max_examples=examples(quick=15, long=100), deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)  # fmt: skip
def test_what_is_copied_in_is_read_back(case: Case) -> None:
    currencies = plain(case)
    with owner():
        take_in(case, currencies)
        _as_the_twin_has_them(case)
        _in_pages(case)
        accounts = rows(
            "SELECT statement_no, contributor_id, currency, opening_micros, earned_micros, statement_lines, pool_id, "
            "amount_micros FROM ledger_account ORDER BY statement_no"
        )
        entries = rows(
            "SELECT statement_no, contributor_id, pool_id, numerator_ticks, amount_micros, opening_micros, earned_micros, "
            "statement_lines FROM ledger_entry ORDER BY statement_no, pool_id"
        )
        transaction.set_rollback(True)
    assert accounts == [row for item in currencies for row in item.accounts()]
    assert entries == [row for item in currencies for row in item.entries()]


def _as_the_twin_has_them(case: Case) -> None:
    """Rolls by number, and in each folio those of its roll who have something in its currency."""
    numbered = list(enumerate(twin(case), 1))
    assert rows("SELECT cycle_id, roll, first_id, contributors FROM ledger_roll ORDER BY roll") == [
        (CYCLE, number, case.ids[roll[0]], [case.ids[place] for place in roll]) for number, roll in numbered
    ]
    assert rows("SELECT cycle_id, currency, roll, members FROM ledger_folio ORDER BY first_no") == [
        (CYCLE, currency, number, members)
        for currency in sorted(case.counts)
        for number, roll in numbered
        if (members := [at for at, place in enumerate(roll, 1) if case.counts[currency][place]])
    ]


def _in_pages(case: Case) -> None:
    """Nothing lies beside its page but the folios of those who outgrow one alone."""
    sizes = rows("SELECT pg_column_size(f.*), cardinality(members), roll FROM ledger_folio f")
    alone = {number for number, roll in enumerate(twin(case), 1) if len(roll) == 1}
    assert [size for size in sizes if size[0] > PAGE_BYTES and size[2] not in alone] == []
    assert all(size <= PAGE_BYTES for (size,) in rows("SELECT pg_column_size(r.*) FROM ledger_roll r"))
    for table, outgrown in (("roll", False), ("folio", any(size > PAGE_BYTES for size, *_ in sizes))):
        beside = rows(f"SELECT pg_relation_size(reltoastrelid) FROM pg_class WHERE relname = 'ledger_{table}_{CYCLE}'")
        assert bool(beside[0][0]) == outgrown
