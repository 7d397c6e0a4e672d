"""What the database asks of entries before they are part of the ledger: each wrong set is refused whole."""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import psycopg
import pytest
from django.db import IntegrityError, connection, transaction

from revshare.allocation.models import Rest
from revshare.bulk import Array
from revshare.cycles import operations as cycles
from revshare.cycles.models import Cycle
from revshare.cycles.queries import gathered, pinned_of, ranges_of, sources_of
from revshare.ledger.models import AccountControl, PoolControl
from revshare.ledger.operations import ENTRY, enter
from revshare.pools.models import Pool
from revshare.pools.operations import build
from tests.stories import Story

M = 1_000_000
TICKS = 720_720
KINDS = dict.fromkeys(ENTRY, np.int64) | dict.fromkeys(
    ("cycle_id", "statement_no", "pool_id", "statement_lines"), np.int32
)


@dataclass
class Batch:
    """Two contributors' entries of a pool of 20, as they are right, with their controls: for tests to spoil."""

    pool: Pool
    rows: list[dict[str, Any]] = field(default_factory=list)
    pools: list[PoolControl] = field(default_factory=list)
    accounts: list[AccountControl] = field(default_factory=list)

    def __post_init__(self) -> None:
        cycle = self.pool.cycle_id
        for number, (name, assets, amount) in enumerate((("ann", 3, 15 * M), ("ben", 1, 5 * M)), 1):
            self.rows.append({
                "cycle_id": cycle, "statement_no": number, "numerator_ticks": assets * TICKS, "amount_micros": amount,
                "opening_micros": 0, "earned_micros": amount, "pool_id": self.pool.pk, "statement_lines": 1,
                "contributor_id": name,
            })  # fmt: skip
        self.pools = [
            PoolControl(
                cycle_id=cycle, pool=self.pool, entries=2, numerator_ticks=4 * TICKS, amount_micros=20 * M,
                residue_micros=0, sha256="0" * 64,
            )
        ]  # fmt: skip
        self.accounts = [
            AccountControl(
                cycle_id=cycle, currency="USD", accounts=2, credited=2, opening_micros=0, earned_micros=20 * M,
                sha256="0" * 64,
            )
        ]  # fmt: skip

    def enter(self, cycle_id: int | None = None) -> int:
        def column(name: str) -> Array:
            values = [row[name] for row in self.rows]
            if name == "contributor_id":
                return np.array([value.encode() for value in values])
            return np.array(values, KINDS[name])

        blocks = [[column(name) for name in ENTRY]]
        return enter(
            cycle_id=cycle_id or self.pool.cycle_id, blocks=blocks, entries=len(self.rows),
            controls=lambda: (self.pools, self.accounts),
        )  # fmt: skip


@pytest.fixture
def batch(story: Story) -> Batch:
    """For a locked cycle whose pools are made."""
    story.take("contributors", ("contributor_id", "contributor_name"), [("ann", ""), ("ben", ""), ("cyd", "")])
    story.models(("m", "ds@1"))
    story.attributions(*[("ds@1", f"a{i}", "ann") for i in range(3)], ("ds@1", "b1", "ben"))
    story.policy()
    story.sales(("s1", "2026-06-10T00:00:00Z", "m", "USD", "100"))
    story.open("june", "2026-06-01", "2026-07-01")
    cycle = cycles.lock(key="june", act=story.act())
    sources = sources_of(cycle, pinned_of(cycle), ranges_of(cycle))
    items = gathered(sources, pinned_of(cycle), {})
    (pool,) = build(cycle_id=cycle.pk, items=items, denominators={items[0].key: 4 * TICKS})
    assert (pool.distributable_micros, pool.denominator_ticks) == (20 * M, 4 * TICKS)
    return Batch(pool)


def stored() -> int:
    with connection.cursor() as cursor:
        cursor.execute("SELECT count(*) FROM ledger_entry")
        return int(cursor.fetchone()[0])


def change(**values: int) -> Callable[[Batch], None]:
    """Adds to the second row's columns."""

    def spoil(batch: Batch) -> None:
        for name, more in values.items():
            batch.rows[1][name] += more

    return spoil


def both(row: dict[str, int], pool: dict[str, int], accounts: dict[str, int]) -> Callable[[Batch], None]:
    """Adds to the second row and, so that it fits, to the controls."""

    def spoil(batch: Batch) -> None:
        change(**row)(batch)
        for control, more in ((batch.pools[0], pool), (batch.accounts[0], accounts)):
            for name, value in more.items():
                setattr(control, name, getattr(control, name) + value)

    return spoil


def rename(name: str) -> Callable[[Batch], None]:
    return lambda batch: batch.rows[1].update(contributor_id=name)


CHECK, KEY, ONCE = psycopg.errors.CheckViolation, psycopg.errors.ForeignKeyViolation, psycopg.errors.UniqueViolation
SPOILT: dict[str, tuple[Callable[[Batch], None], type[psycopg.Error]]] = {
    "an amount is less": (change(amount_micros=-1), CHECK),
    "a numerator is more": (change(numerator_ticks=1), CHECK),
    "something was earned that no pool gave": (change(earned_micros=1), CHECK),
    "an opening balance is more": (change(opening_micros=1), CHECK),
    "a statement says more lines": (change(statement_lines=1), CHECK),
    "a statement has no end": (change(statement_lines=-1), CHECK),
    "an amount is below zero": (change(amount_micros=-6 * M), CHECK),
    "an entry is of another cycle": (change(cycle_id=1), CHECK),
    "an entry is of another pool": (change(pool_id=1), CHECK),
    "a contributor nobody knows": (rename("zoe"), KEY),
    "a contributor has two entries of a pool": (rename("ann"), ONCE),
    "less than the pool has, and its controls say so too": (
        both({"amount_micros": -1, "earned_micros": -1}, {"amount_micros": -1}, {"earned_micros": -1}), CHECK,
    ),
    "other ticks than the pool has, and its control says so too": (
        both({"numerator_ticks": 1}, {"numerator_ticks": 1}, {}), CHECK,
    ),
    "more is earned than given, and the control says so too": (
        both({"earned_micros": 1}, {}, {"earned_micros": 1}), CHECK,
    ),
    "a pool's control says more entries": (both({}, {"entries": 1}, {}), CHECK),
    "the accounts' control says more accounts": (both({}, {}, {"accounts": 1}), CHECK),
    "the accounts' control says fewer were credited": (both({}, {}, {"credited": -1}), CHECK),
    "the accounts' control says another opening balance": (both({}, {}, {"opening_micros": 1}), CHECK),
    "a pool has no control": (lambda batch: batch.pools.clear(), CHECK),
    "accounts have no control": (lambda batch: batch.accounts.clear(), CHECK),
    "there are controls and nothing else": (lambda batch: batch.rows.clear(), CHECK),
}  # fmt: skip


def test_what_fits_is_taken(batch: Batch) -> None:
    assert batch.enter() == stored() == 2


def test_the_same_person_may_stand_in_for_another_only_by_name(batch: Batch) -> None:
    """The database knows names and sums: that Cyd holds nothing, only `verify` finds out."""
    rename("cyd")(batch)
    assert batch.enter() == 2


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
        cursor.execute("SELECT to_regclass(%s)", [f"ledger_entry_{batch.pool.cycle_id}"])
        assert cursor.fetchone() == (None,)


def attach(cycle_id: int, *rows: tuple[int, ...]) -> None:
    """By hand: a partition, rows (ticks, amount, pool) of Ann, and the function that attaches it."""
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute("SELECT revshare_new_entries(%s)", [cycle_id])
        for ticks, amount, pool in rows:
            cursor.execute(
                f"INSERT INTO ledger_entry_{cycle_id} (cycle_id, statement_no, numerator_ticks, amount_micros, "
                "opening_micros, earned_micros, pool_id, statement_lines, contributor_id) "
                "VALUES (%s, 1, %s, %s, 0, %s, %s, 1, 'ann')",
                [cycle_id, ticks, amount, amount, pool],
            )
        cursor.execute("SELECT revshare_attach_entries(%s)", [cycle_id])


def test_a_partition_that_was_begun_and_left_is_made_anew(batch: Batch) -> None:
    with connection.cursor() as cursor:
        cursor.execute("SELECT revshare_new_entries(%s)", [batch.pool.cycle_id])
    assert batch.enter() == 2


def test_an_open_cycle_and_a_calculated_one_take_no_entries(batch: Batch, story: Story) -> None:
    opened = story.open("july", "2026-07-01", "2026-08-01")
    with pytest.raises(IntegrityError, match="it is not locked"):
        attach(opened.pk)
    done = cycles.calculate(key="june", act=story.act())
    with pytest.raises(IntegrityError, match="it is not locked"):
        attach(done.pk)
    assert stored() == 2


def test_attaching_by_hand_is_judged_as_well(batch: Batch) -> None:
    """A locked cycle, a forged partition, and no controls that would fit it."""
    with pytest.raises(IntegrityError, match="not what their controls say"):
        attach(batch.pool.cycle_id, (4 * TICKS, 20 * M, batch.pool.pk))
    assert stored() == 0


def test_what_goes_to_nobody_is_of_a_locked_cycle_too(story: Story) -> None:
    cycle = Cycle.objects.get(pk=story.open("july", "2026-07-01", "2026-08-01", policy=story.policy().name).pk)
    with pytest.raises(IntegrityError, match="is closed"), transaction.atomic():
        Rest.objects.create(cycle=cycle, pool_id=1, bucket="suspense", amount_micros=1)
