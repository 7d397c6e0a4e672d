"""What the database asks of entries before they are part of the ledger: each wrong set is refused whole."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

import numpy as np
import psycopg
import pytest
from django.db import IntegrityError, connection, transaction

from revshare.allocation.models import Rest
from revshare.cycles import operations as cycles
from revshare.cycles.models import Cycle
from revshare.cycles.queries import gathered, pinned_of, ranges_of, sources_of
from revshare.ledger.folios import Rolls, Statements
from revshare.ledger.models import AccountControl, PoolControl
from revshare.ledger.operations import enter
from revshare.pools.models import Pool
from revshare.pools.operations import build
from tests.folios import ARRAYS, OF_ENTRY, OF_STATEMENT, Line, Row, a_folio, a_roll, image, insert
from tests.stories import Story

M = 1_000_000
TICKS = 720_720
NOTHING = np.zeros(0, np.int64)


class ByHand(Rolls):
    """Rows as they are given."""

    def __init__(self, rolls: list[Row], folios: list[Row]) -> None:
        self._rolls, self._folios = image(*rolls), image(*folios)

    def images(self, cycle_id: int, people: int) -> Iterator[bytes]:
        yield self._rolls

    def folios(self, cycle_id: int, statements: Statements) -> bytes:
        return self._folios


@dataclass
class Batch:
    """Two contributors' entries of a pool of 20 and one of 40, as they are right, with their controls: for tests to
    spoil."""

    of: tuple[Pool, Pool]
    rolls: list[Row] = field(default_factory=list)
    folios: list[Row] = field(default_factory=list)
    pools: list[PoolControl] = field(default_factory=list)
    accounts: list[AccountControl] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.rolls = [a_roll(self.cycle_id, "ann", "ben")]
        self.folios = [a_folio(self.cycle_id, {1: self.lines(3), 2: self.lines(1)})]
        self.pools = [
            PoolControl(
                cycle_id=self.cycle_id, pool=pool, entries=2, numerator_ticks=4 * TICKS,
                amount_micros=pool.distributable_micros, residue_micros=0, sha256="0" * 64,
            )
            for pool in self.of
        ]  # fmt: skip
        self.accounts = [
            AccountControl(
                cycle_id=self.cycle_id, currency="USD", accounts=2, credited=2, opening_micros=0, earned_micros=60 * M,
                sha256="0" * 64,
            )
        ]  # fmt: skip

    @property
    def cycle_id(self) -> int:
        return self.of[0].cycle_id

    def lines(self, assets: int) -> list[Line]:
        """What somebody gets who holds so many of the four assets."""
        return [(pool.pk, assets * TICKS, assets * pool.distributable_micros // 4) for pool in self.of]

    def enter(self) -> int:
        entries = sum(len(folio["pools"]) for folio in self.folios)
        statements = Statements(
            currency="", first_no=1, people=NOTHING, opening_micros=NOTHING, earned_micros=NOTHING, ends=NOTHING,
            pools=np.zeros(entries, np.int32), ticks=NOTHING, amounts_micros=NOTHING,
        )  # fmt: skip
        return enter(
            cycle_id=self.cycle_id, rolls=ByHand(self.rolls, self.folios), statements=[statements], entries=entries,
            controls=lambda: (self.pools, self.accounts),
        )  # fmt: skip


@pytest.fixture
def batch(story: Story) -> Batch:
    return prepared(story)


def prepared(story: Story, *, after_may: bool = False) -> Batch:
    """For a locked cycle whose pools are made; before it none, or one with the same contributors."""
    story.take("contributors", ("contributor_id", "contributor_name"), [("ann", ""), ("ben", ""), ("cyd", "")])
    story.models(("m", "ds@1"), ("n", "ds@1"))
    story.attributions(*[("ds@1", f"a{i}", "ann") for i in range(3)], ("ds@1", "b1", "ben"))
    story.policy()
    story.sales(("s1", "2026-06-10T00:00:00Z", "m", "USD", "100"), ("s2", "2026-06-10T00:00:00Z", "n", "USD", "200"))
    if after_may:
        story.sales(("s0", "2026-05-10T00:00:00Z", "m", "USD", "100"))
        story.calculate("may", "2026-05-01", "2026-06-01")
    story.open("june", "2026-06-01", "2026-07-01")
    cycle = cycles.lock(key="june", act=story.act())
    sources = sources_of(cycle, pinned_of(cycle), ranges_of(cycle))
    items = gathered(sources, pinned_of(cycle), {})
    first, second = build(
        cycle_id=cycle.pk, items=items, denominators=dict.fromkeys((item.key for item in items), 4 * TICKS)
    )
    assert [pool.distributable_micros for pool in (first, second)] == [20 * M, 40 * M]
    assert [pool.denominator_ticks for pool in (first, second)] == [4 * TICKS] * 2
    assert first.pk < second.pk
    return Batch((first, second))


def stored() -> int:
    with connection.cursor() as cursor:
        cursor.execute("SELECT count(*) FROM ledger_entry")
        return int(cursor.fetchone()[0])


Spoil = Callable[[Batch], None]


def change(place: int = -1, /, **values: int) -> Spoil:
    """Adds to the last elements of the folio's arrays, or to those in another place."""

    def spoil(batch: Batch) -> None:
        for name, more in values.items():
            batch.folios[0][name][place] += more

    return spoil


def both(folio: dict[str, int], pool: dict[str, int], accounts: dict[str, int]) -> Spoil:
    """Adds to the last elements and, so that it fits, to the controls."""

    def spoil(batch: Batch) -> None:
        change(**folio)(batch)
        for control, more in ((batch.pools[-1], pool), (batch.accounts[0], accounts)):
            for name, value in more.items():
                setattr(control, name, getattr(control, name) + value)

    return spoil


def names(*given: str) -> Spoil:
    """Others, or in another order, on the roll."""
    return lambda batch: batch.rolls[0].update(first_id=given[0], contributors=list(given))


def folio(**columns: object) -> Spoil:
    return lambda batch: batch.folios[0].update(columns)


def each(*spoils: Spoil) -> Spoil:
    def spoil(batch: Batch) -> None:
        for one in spoils:
            one(batch)

    return spoil


def apart(batch: Batch) -> None:
    """Each of the two on a roll and a folio of their own: that is right as well."""
    cycle = batch.cycle_id
    batch.rolls = [a_roll(cycle, "ann"), a_roll(cycle, "ben", roll=2)]
    batch.folios = [
        a_folio(cycle, {1: batch.lines(3)}), a_folio(cycle, {1: batch.lines(1)}, roll=2, first_no=2),
    ]  # fmt: skip


def of_two(first: Row | None = None, second: Row | None = None, *, folios: bool = True) -> Spoil:
    """Apart, and then this changed of the first one's folio and the second's, or of their rolls."""

    def spoil(batch: Batch) -> None:
        apart(batch)
        for row, changed in zip(batch.folios if folios else batch.rolls, (first, second), strict=True):
            row.update(changed or {})

    return spoil


def with_nobody_between(batch: Batch) -> None:
    """Ben has one statement by the first roll and one by the last; all sums and controls are right."""
    cycle = batch.cycle_id
    batch.rolls += [a_roll(cycle, "c", roll=2) | {"contributors": []}, a_roll(cycle, "ben", roll=3)]
    batch.folios = [
        a_folio(cycle, {1: batch.lines(2), 2: batch.lines(1)}), a_folio(cycle, {1: batch.lines(1)}, roll=3, first_no=3),
    ]  # fmt: skip
    for control in batch.pools:
        control.entries += 1
    batch.accounts[0].accounts += 1
    batch.accounts[0].credited += 1


def with_nobody_in_euros(batch: Batch) -> None:
    """A folio of another currency that says nothing."""
    empty: Row = {name: [] for name in ARRAYS}
    batch.folios.append(a_folio(batch.cycle_id, {1: batch.lines(1)}, first_no=3, currency="ZAR") | empty)


def on_one_roll(batch: Batch) -> None:
    """Two folios, both of the one roll, in the same currency."""
    cycle = batch.cycle_id
    batch.folios = [a_folio(cycle, {1: batch.lines(3)}), a_folio(cycle, {2: batch.lines(1)}, first_no=2)]


def turned(batch: Batch) -> None:
    """The lines of the first statement in descending order of pools; all sums are right."""
    batch.folios = [a_folio(batch.cycle_id, {1: batch.lines(3)[::-1], 2: batch.lines(1)})]


def in_two_lines(batch: Batch) -> None:
    """What the first has of the first pool comes in two lines; all sums and controls are right."""
    (pool, ticks, amount), other = batch.lines(3)
    twice = [(pool, 1, 1), (pool, ticks - 1, amount - 1), other]
    batch.folios = [a_folio(batch.cycle_id, {1: twice, 2: batch.lines(1)})]
    batch.pools[0].entries += 1


def a_pool_each(batch: Batch) -> None:
    """The first has one pool, the second the other: that is right as well."""
    first, second = batch.lines(4)
    batch.folios = [a_folio(batch.cycle_id, {1: [first], 2: [second]})]
    for control in batch.pools:
        control.entries = 1


def below_zero(batch: Batch) -> None:
    """The first gets more than the pool has, the second owes it: all sums are right."""
    change(0, amounts=6 * M, earned=6 * M)(batch)
    batch.folios[0]["amounts"][2] -= 6 * M
    change(earned=-6 * M)(batch)


def shape(name: str, form: str) -> Spoil:
    """An array that is like `form`: `{all}` are its elements, `{last}` is the last, `{end}` its number less one."""

    def spoil(batch: Batch) -> None:
        row = batch.rolls[0] if name == "contributors" else batch.folios[0]
        values = row[name]
        row[name] = form.format(
            all=",".join(map(str, values)),
            but_last=",".join(map(str, values[:-1])),
            last=values[-1],
            end=len(values) - 1,
        )

    return spoil


CHECK, KEY, ONCE = psycopg.errors.CheckViolation, psycopg.errors.ForeignKeyViolation, psycopg.errors.UniqueViolation
SPOILT: dict[str, tuple[Spoil, type[psycopg.Error]]] = {
    "an amount is less": (change(amounts=-1), CHECK),
    "a numerator is more": (change(ticks=1), CHECK),
    "a numerator is below zero": (each(change(ticks=-2 * TICKS), change(1, ticks=2 * TICKS)), CHECK),
    "something was earned that no pool gave": (change(earned=1), CHECK),
    "less than nothing was earned, and all sums fit": (
        each(change(earned=-16 * M), change(0, earned=16 * M), both({}, {}, {"credited": -1})), CHECK,
    ),
    "an opening balance is more": (change(openings=1), CHECK),
    "a statement says more lines": (change(ends=1), CHECK),
    "a statement has no end": (lambda batch: batch.folios[0]["ends"].pop(), CHECK),
    "a statement has no lines": (change(0, ends=-2), CHECK),
    "an amount is below zero": (change(amounts=-16 * M), CHECK),
    "an amount is below zero, and all sums fit": (below_zero, CHECK),
    "a folio is of another cycle": (lambda batch: batch.folios[0].update(cycle_id=batch.cycle_id + 1), CHECK),
    "a roll is of another cycle": (lambda batch: batch.rolls[0].update(cycle_id=batch.cycle_id + 1), CHECK),
    "an entry is of another pool": (change(pools=1), CHECK),
    "a contributor nobody knows": (names("ann", "zoe"), KEY),
    "a contributor has two entries of a pool": (folio(members=[1, 1]), ONCE),
    "less than the pool has, and its controls say so too": (
        both({"amounts": -1, "earned": -1}, {"amount_micros": -1}, {"earned_micros": -1}), CHECK,
    ),
    "other ticks than the pool has, and its control says so too": (both({"ticks": 1}, {"numerator_ticks": 1}, {}), CHECK),
    "more is earned than given, and the control says so too": (both({"earned": 1}, {}, {"earned_micros": 1}), CHECK),
    "a pool's control says more entries": (both({}, {"entries": 1}, {}), CHECK),
    "the accounts' control says more accounts": (both({}, {}, {"accounts": 1}), CHECK),
    "the accounts' control says fewer were credited": (both({}, {}, {"credited": -1}), CHECK),
    "the accounts' control says another opening balance": (both({}, {}, {"opening_micros": 1}), CHECK),
    "a pool has no control": (lambda batch: batch.pools.clear(), CHECK),
    "accounts have no control": (lambda batch: batch.accounts.clear(), CHECK),
    "there are controls and nothing else": (each(lambda batch: batch.rolls.clear(), lambda batch: batch.folios.clear()), CHECK),
    "there are controls and a roll, and nothing else": (lambda batch: batch.folios.clear(), CHECK),
    # Rolls
    "ids out of order in a roll": (names("ben", "ann"), ONCE),
    "somebody is twice on a roll": (names("ann", "ann"), ONCE),
    "a roll begins with another": (lambda batch: batch.rolls[0].update(first_id="ben"), CHECK),
    "ids out of order between rolls": (
        of_two({"first_id": "ben", "contributors": ["ben"]}, {"first_id": "ann", "contributors": ["ann"]}, folios=False), ONCE,
    ),
    "who ends a roll begins the next": (of_two({"contributors": ["ann", "ben"]}, folios=False), ONCE),
    "somebody is on two rolls": (of_two(None, {"first_id": "ann", "contributors": ["ann"]}, folios=False), ONCE),
    "somebody is on two rolls, and one of nobody is between them": (with_nobody_between, CHECK),
    "two rolls have one number": (of_two(None, {"roll": 1}, folios=False), ONCE),
    "a roll without a number": (lambda batch: batch.rolls[0].update(roll=0), CHECK),
    "a roll is missing": (each(apart, lambda batch: batch.rolls.pop()), ONCE),
    "there is no roll": (lambda batch: batch.rolls.clear(), ONCE),
    # Members
    "members out of order": (folio(members=[2, 1]), ONCE),
    "a member beyond the roll": (folio(members=[1, 3]), ONCE),
    "a member before the roll": (folio(members=[0, 1]), CHECK),
    # Numbers
    "numbers with a gap": (of_two(None, {"first_no": 3}), ONCE),
    "numbers that do not begin with one": (folio(first_no=2), ONCE),
    "numbers against the order of rolls": (of_two({"first_no": 2}, {"first_no": 1}), ONCE),
    "two statements with one number": (of_two(None, {"first_no": 1}), ONCE),
    # Statements
    "ends that fall": (folio(ends=[5, 4]), ONCE),
    "ends that fall, and pools rise all the same": (each(a_pool_each, folio(ends=[3, 2])), ONCE),
    "an end that comes twice": (folio(ends=[4, 4]), ONCE),
    "an end that comes twice, and pools rise all the same": (each(a_pool_each, folio(ends=[2, 2])), ONCE),
    "a statement takes a line of the next": (change(0, ends=1), ONCE),
    "a pool twice in a statement": (in_two_lines, ONCE),
    "pools out of order": (turned, ONCE),
    # Folios
    "pools of another currency": (folio(currency="EUR"), CHECK),
    "pools of another currency, and the control says so too": (
        each(folio(currency="EUR"), lambda batch: setattr(batch.accounts[0], "currency", "EUR")), CHECK,
    ),
    "two folios of one roll and currency": (on_one_roll, ONCE),
    "a folio of nobody": (with_nobody_in_euros, CHECK),
    "a roll of nobody": (lambda batch: batch.rolls.append(a_roll(batch.cycle_id, "x", roll=2) | {"contributors": []}), CHECK),
}  # fmt: skip
SPOILT |= {f"a NULL among {name}": (shape(name, "{{{but_last},NULL}}"), CHECK) for name in (*ARRAYS, "contributors")}
SPOILT |= {
    f"{name} that count from 0": (shape(name, "[0:{end}]={{{all}}}"), CHECK) for name in (*ARRAYS, "contributors")
}
SPOILT |= {f"{name} within an array": (shape(name, "{{{{{all}}}}}"), CHECK) for name in (*ARRAYS, "contributors")}
SPOILT |= {f"more {name} than others": (shape(name, "{{{all},{last}}}"), CHECK) for name in (*OF_STATEMENT, *OF_ENTRY)}


def test_what_fits_is_taken(batch: Batch) -> None:
    assert batch.enter() == stored() == 4


@pytest.mark.parametrize(("make", "entries"), [(apart, 4), (a_pool_each, 2)])
def test_what_fits_is_taken_in_other_forms(batch: Batch, make: Spoil, entries: int) -> None:
    make(batch)
    assert batch.enter() == stored() == entries


def test_the_same_person_may_stand_in_for_another_only_by_name(batch: Batch) -> None:
    """The database knows names and sums: that Cyd holds nothing, only `verify` finds out."""
    names("ann", "cyd")(batch)
    assert batch.enter() == 4


@pytest.mark.parametrize(("people", "kind"), [(("ann", "zoe"), KEY), (("ben", "ann"), ONCE), (("ann", "ben"), None)])
def test_a_roll_that_the_cycle_before_has_not_is_looked_up(
    story: Story, people: tuple[str, str], kind: type | None
) -> None:
    batch = prepared(story, after_may=True)
    names(*people)(batch)
    if kind is None:
        assert batch.enter() == 4
        return
    with pytest.raises((IntegrityError, psycopg.IntegrityError)) as caught, transaction.atomic():
        batch.enter()
    assert isinstance(caught.value.__cause__ or caught.value, kind), caught.value


@pytest.mark.parametrize("what", SPOILT)
def test_what_does_not_fit_is_refused_whole(batch: Batch, what: str) -> None:
    spoil, kind = SPOILT[what]
    spoil(batch)
    # What COPY itself refuses comes as the driver says it; Django wraps the rest.
    with pytest.raises((IntegrityError, psycopg.IntegrityError)) as caught, transaction.atomic():
        batch.enter()
    assert isinstance(caught.value.__cause__ or caught.value, kind), caught.value
    assert (stored(), PoolControl.objects.count(), AccountControl.objects.count()) == (0, 0, 0)
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT to_regclass(%s), to_regclass(%s)", [f"ledger_{x}_{batch.cycle_id}" for x in ("roll", "folio")]
        )
        assert cursor.fetchone() == (None, None)


def attach(cycle_id: int, *lines: Line) -> None:
    """By hand: partitions, lines of Ann, and the function that attaches them."""
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute("SELECT revshare_new_entries(%s)", [cycle_id])
        if lines:
            insert(a_roll(cycle_id, "ann"), a_folio(cycle_id, {1: lines}))
        cursor.execute("SELECT revshare_attach_entries(%s)", [cycle_id])


def test_a_partition_that_was_begun_and_left_is_made_anew(batch: Batch) -> None:
    with connection.cursor() as cursor:
        cursor.execute("SELECT revshare_new_entries(%s)", [batch.cycle_id])
    insert(*batch.rolls, *batch.folios)
    assert batch.enter() == 4


def test_an_open_cycle_and_a_calculated_one_take_no_entries(batch: Batch, story: Story) -> None:
    opened = story.open("july", "2026-07-01", "2026-08-01")
    with pytest.raises(IntegrityError, match="it is not locked"):
        attach(opened.pk)
    done = cycles.calculate(key="june", act=story.act())
    with pytest.raises(IntegrityError, match="it is not locked"):
        attach(done.pk)
    assert stored() == 4


def test_attaching_by_hand_is_judged_as_well(batch: Batch) -> None:
    """A locked cycle, forged partitions, and no controls that would fit them."""
    with pytest.raises(IntegrityError, match="not what their controls say"):
        attach(batch.cycle_id, *batch.lines(4))
    assert stored() == 0


def test_what_goes_to_nobody_is_of_a_locked_cycle_too(story: Story) -> None:
    cycle = Cycle.objects.get(pk=story.open("july", "2026-07-01", "2026-08-01", policy=story.policy().name).pk)
    with pytest.raises(IntegrityError, match="is closed"), transaction.atomic():
        Rest.objects.create(cycle=cycle, pool_id=1, bucket="suspense", amount_micros=1)
