"""What can be wrong with a batch of entries, or only other than usual: each changes the batch it is given."""

from collections.abc import Callable

from tests.folios import ARRAYS, Row, a_folio, a_roll
from tests.ledger.batches import Batch, M

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
