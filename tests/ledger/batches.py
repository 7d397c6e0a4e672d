"""A batch of entries as it is right, for tests to spoil and to hand to the database."""

from collections.abc import Iterator
from dataclasses import dataclass, field

import numpy as np
from django.db import connection

from revshare.cycles import operations as cycles
from revshare.cycles.queries import gathered, pinned_of, ranges_of, sources_of
from revshare.ledger.folios import Rolls, Statements
from revshare.ledger.models import AccountControl, PoolControl
from revshare.ledger.operations import enter
from revshare.pools.models import Pool
from revshare.pools.operations import build
from tests.folios import Line, Row, a_folio, a_roll, image
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


def prepared(story: Story, *, after_may: bool = False) -> tuple[Pool, Pool]:
    """A locked cycle whose pools are made; before it none, or one with the same contributors."""
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
    return first, second


def stored() -> int:
    with connection.cursor() as cursor:
        cursor.execute("SELECT count(*) FROM ledger_entry")
        return int(cursor.fetchone()[0])
