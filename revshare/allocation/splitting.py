"""Pools into entries of the payables ledger, by arrays: apportioned, ordered by account, with statements' balances.

Memory is bounded: of each currency, amounts beyond `AMOUNTS_BYTES` lie in files of the scratch folder, and entries are
made for `PEOPLE_AT_ONCE` contributors at a time. While one currency's entries are sent, the next one's are apportioned.
"""

from collections.abc import Iterator, Sequence
from concurrent.futures import Executor, Future, ThreadPoolExecutor
from dataclasses import dataclass, field
from functools import cached_property
from hashlib import sha256
from itertools import groupby
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.parquet as pq

from revshare.allocation.balances import SCHEMA, Before, Run, letters_of, say_runs
from revshare.allocation.models import Rest
from revshare.allocation.movements import Movements
from revshare.allocation.numerators import Holding, Numerators
from revshare.allocation.queries import Int64s
from revshare.allocation.shares import Shares, share_out
from revshare.apportion import exact_sum
from revshare.ledger.folios import Rolls, Statements
from revshare.ledger.models import AccountControl, PoolControl
from revshare.ledger.operations import PEOPLE_AT_ONCE
from revshare.ledger.rules import ColumnsHash, column_digest, columns_hash
from revshare.policies.rules import Rulebook
from revshare.pools.models import Pool
from revshare.pools.queries import key_of

AMOUNTS_BYTES = 256 << 20


@dataclass(frozen=True)
class SplitPool:
    """A pool and the amount of each contributor who holds something of its dataset versions."""

    pool: Pool
    holding: Holding
    amounts: Int64s


@dataclass
class Accounts:
    """What a currency's accounts come to, summed up while their entries go by. `ids`: the hash of whose they are."""

    ids: bytes
    digest: ColumnsHash = field(init=False)
    accounts: int = 0
    credited: int = 0
    opening_micros: int = 0
    earned_micros: int = 0

    def __post_init__(self) -> None:
        self.digest = ColumnsHash(numbers=2, ids=self.ids)

    def add(self, opening: Int64s, earned: Int64s) -> None:
        self.digest.update_numbers((opening, earned))
        self.accounts += len(earned)
        self.credited += int(np.count_nonzero(earned))
        # By Python's integers where 64 bits could be too few: balances of many cycles add up.
        self.opening_micros += (
            sum(map(int, np.add.reduceat(opening, range(0, len(opening), 1024)))) if len(opening) else 0
        )
        self.earned_micros += int(earned.sum())


class Splitter:
    """Makes the entries of a cycle, once. Afterwards `controls` has their sums, `set_aside` what of the pools no
    contributor got, and the file `balances` what every account touched closed with."""

    def __init__(
        self, *, cycle_id: int, pools: Sequence[Pool], numerators: Numerators, rulebook: Rulebook, before: str,
        scratch: Path, movements: Movements | None = None,
    ) -> None:  # fmt: skip
        """`pools`: those with somebody to share them, in order of their keys. `before`: the lake's file of all earlier
        balances, or ''. `movements`: what else moves accounts; it comes last on each statement."""
        self._cycle_id = cycle_id
        self._people = numerators.people
        self._numerators = numerators
        self._rulebook = rulebook
        self._before = Before(before)
        self._scratch = scratch
        self._pools = pools
        self._pool_controls: dict[int, PoolControl] = {}
        self._entries_hashes: dict[int, Future[str]] = {}  # by pool: what its control is to say
        self._hashed: dict[int, tuple[bytes, bytes]] = {}  # of a holding, by its id: all of them are kept
        self._accounts: dict[str, Accounts] = {}
        self.set_aside: list[Rest] = []
        self.balances = scratch / "closing.parquet"
        self._holdings = {pool.pk: numerators.holding(key_of(pool), pool.measure, pool.versions) for pool in pools}
        self._moved = self._take_in(movements) if movements else []
        self.entries = sum(len(holding.codes) for holding in self._holdings.values())
        self.entries += sum(len(item.amounts) for item in self._moved)

    @cached_property
    def rolls(self) -> Rolls:
        """On which the contributors stand."""
        return Rolls(self._people.ids, self._counts())

    def statements(self) -> Iterator[Statements]:
        """The entries by currency, contributor, pool. Asks nothing of PostgreSQL, so any thread may make them."""
        number = 1
        with (
            pq.ParquetWriter(self.balances, SCHEMA, compression="snappy", use_dictionary=["currency"]) as closing,
            ThreadPoolExecutor(1) as beside,
            ThreadPoolExecutor(1) as hashing,
        ):
            noted: Future[None] = beside.submit(lambda: None)
            for currency, split in self._by_currency(hashing):
                if not split:  # all of its pools are set aside
                    continue
                codes = _touched(split, len(self._people.ids))
                accounts = self._accounts[currency] = Accounts(self._ids_digest(codes))
                before = self._balances_before(currency, codes, accounts)
                for first, end in self.rolls.slices(PEOPLE_AT_ONCE):
                    entries = _gather(split, first, end)
                    if not len(entries.pools):
                        continue
                    opening = before[entries.people]
                    noted.result()
                    noted = beside.submit(self._note, closing, currency, entries, opening)
                    yield Statements(
                        currency=currency, first_no=number, people=entries.people, opening_micros=opening,
                        earned_micros=entries.earned, ends=entries.ends, pools=entries.pools, ticks=entries.ticks,
                        amounts_micros=entries.amounts,
                    )  # fmt: skip
                    number += len(entries.people)
            noted.result()
            say_runs(
                closing,
                (Run(name, item.accounts, item.ids.hex()) for name, item in self._accounts.items()),
                letters_of(self._people.ids),
            )

    @property
    def touches_all(self) -> bool:
        """Once the statements are made: whether all accounts there were before are among them."""
        return self._before.is_all_touched

    def controls(self) -> tuple[list[PoolControl], list[AccountControl]]:
        """The sums of all entries, by pool and by currency."""
        accounts = [
            AccountControl(
                cycle_id=self._cycle_id, currency=currency, accounts=item.accounts, credited=item.credited,
                opening_micros=item.opening_micros, earned_micros=item.earned_micros, sha256=item.digest.hexdigest(),
            )
            for currency, item in self._accounts.items()
        ]  # fmt: skip
        for pool_id, digest in self._entries_hashes.items():
            self._pool_controls[pool_id].sha256 = digest.result()
        moved = [item.pool for item in self._moved]
        pools = [self._pool_controls[pool.pk] for pool in (*self._pools, *moved) if pool.pk in self._pool_controls]
        return pools, accounts

    def _by_currency(self, hashing: Executor) -> Iterator[tuple[str, list[SplitPool]]]:
        """The pools of each currency, split one currency ahead, and what moved in it."""
        groups = [list(group) for _, group in groupby(sorted(self._pools, key=_currency), key=_currency)]
        moved = {item.pool.currency: [item] for item in self._moved}
        others = sorted(moved.keys() - {group[0].currency for group in groups})
        with ThreadPoolExecutor(1) as ahead:
            coming: Future[list[SplitPool]] | None = None
            for number, group in enumerate(groups, 1):
                split = coming.result() if coming else self._apportion(group, hashing)
                if number < len(groups):
                    coming = ahead.submit(self._apportion, groups[number], hashing)
                currency = group[0].currency
                while others and others[0] < currency:
                    yield others[0], moved[others.pop(0)]
                yield currency, split + moved.get(currency, [])
        for currency in others:
            yield currency, moved[currency]

    def _balances_before(self, currency: str, codes: Int64s, accounts: Accounts) -> Int64s:
        """By code: what these, of whom there are entries, closed with before."""
        closings = self._before.of_same(currency, accounts.ids.hex(), len(codes))
        if closings is None:
            return self._people.balances(self._before.path, currency)
        before = np.zeros(len(self._people.ids), np.int64)
        before[codes] = closings
        return before

    def _ids_digest(self, codes: Int64s) -> bytes:
        return sha256(self._people.texts.joined(codes)).digest()

    def _entries_hash(self, holding: Holding, amounts: Int64s) -> str:
        """Of entries by contributor, ticks, amount. Several pools may be of one holding, which is hashed once."""
        if id(holding) not in self._hashed:
            self._hashed[id(holding)] = (self._ids_digest(holding.codes), column_digest(holding.ticks))
        return columns_hash([*self._hashed[id(holding)], column_digest(amounts)])

    def _counts(self) -> Iterator[Int64s]:
        """By currency: how many entries each of the people can have."""
        holdings = [(pool.currency, self._holdings[pool.pk]) for pool in self._pools]
        holdings += [(item.pool.currency, item.holding) for item in self._moved]
        for currency in {currency for currency, _ in holdings}:
            counts = np.zeros(len(self._people.ids), np.int64)
            for _, holding in (item for item in holdings if item[0] == currency):
                counts[holding.codes] += 1
            yield counts

    def _apportion(self, pools: Sequence[Pool], hashing: Executor) -> list[SplitPool]:
        """Splits these pools. Their entries are hashed meanwhile, which nobody waits for before the end."""
        split = []
        in_memory = 0
        for pool in pools:
            holding = self._holdings[pool.pk]
            terms = self._rulebook.tables.get(pool.table)
            result = share_out(total_micros=pool.distributable_micros, holding=holding, terms=terms)
            amounts = result.amounts
            self.set_aside += set_aside(pool, result)
            if not len(amounts):
                continue
            self._pool_controls[pool.pk] = PoolControl(
                cycle_id=self._cycle_id, pool_id=pool.pk, entries=len(amounts),
                numerator_ticks=exact_sum(holding.ticks), amount_micros=exact_sum(amounts),
                residue_micros=result.residue,
            )  # fmt: skip
            hashed = self._entries_hashes[pool.pk] = hashing.submit(self._entries_hash, holding, amounts)
            in_memory += amounts.nbytes
            if in_memory > AMOUNTS_BYTES:
                hashed.result()  # or amounts would stay in memory until their turn comes
                spilled = self._scratch / f"amounts-{pool.pk}.npy"
                np.save(spilled, amounts)
                amounts = np.load(spilled, mmap_mode="r")
            split.append(SplitPool(pool, holding, amounts))
        return split

    def _take_in(self, movements: Movements) -> list[SplitPool]:
        """What stands under the pools of movements, and its controls."""
        split = []
        for pool, holding, amounts in movements.split():
            self._pool_controls[pool.pk] = PoolControl(
                cycle_id=self._cycle_id, pool_id=pool.pk, entries=len(amounts), numerator_ticks=0,
                amount_micros=sum(amounts.tolist()), residue_micros=0, sha256=self._entries_hash(holding, amounts),
            )  # fmt: skip
            split.append(SplitPool(pool, holding, amounts))
        return split

    def _note(self, closing: pq.ParquetWriter, currency: str, entries: "Entries", opening: Int64s) -> None:
        """Sums the accounts up, and keeps what they close with."""
        earned = entries.earned
        self._accounts[currency].add(opening, earned)
        balances = opening + earned if entries.moved is None else opening + earned + entries.moved
        ids = self._people.ids.take(pa.array(entries.people)).cast(pa.string())
        closing.write_table(pa.table([ids, pa.repeat(currency, len(ids)), balances, earned], schema=SCHEMA))


@dataclass(frozen=True)
class Entries:
    """Some entries, in order of contributors and pools. By the `people` whose they are: after how many entries each
    `ends`, what they `earned`, and if anything did, what `moved` beside it."""

    ticks: Int64s
    amounts: Int64s
    pools: npt.NDArray[np.int32]
    ends: Int64s
    people: Int64s
    earned: Int64s
    moved: Int64s | None


def _touched(split: Sequence[SplitPool], people: int) -> Int64s:
    """The codes of those of whom there are entries."""
    held = np.zeros(people, bool)
    for item in split:
        held[item.holding.codes] = True
    return np.flatnonzero(held)


def _gather(split: Sequence[SplitPool], first: int, end: int) -> Entries:
    """The entries of contributors with codes from `first` to before `end`, of pools in one currency."""
    pieces = [(item, *np.searchsorted(item.holding.codes, (first, end))) for item in split]
    counts = np.zeros(end - first, np.int64)
    for item, low, high in pieces:
        counts[item.holding.codes[low:high] - first] += 1
    stops = np.cumsum(counts)
    # Each pool's entries go where its people's next ones are due: as if all had been sorted, at less cost.
    due = stops - counts
    size = int(stops[-1]) if len(stops) else 0
    ticks, amounts, pools = np.empty(size, np.int64), np.empty(size, np.int64), np.empty(size, np.int32)
    earned, moved = np.zeros(end - first, np.int64), None
    for item, low, high in pieces:
        people = item.holding.codes[low:high] - first
        places = due[people]
        due[people] += 1
        ticks[places], amounts[places] = item.holding.ticks[low:high], item.amounts[low:high]
        pools[places] = item.pool.pk
        if item.pool.kind == Pool.Kind.MOVEMENTS:
            moved = np.zeros(end - first, np.int64) if moved is None else moved
            moved[people] += item.amounts[low:high]
        else:
            earned[people] += item.amounts[low:high]
    held = np.flatnonzero(counts)
    return Entries(
        ticks=ticks, amounts=amounts, pools=pools, ends=stops[held], people=held + first, earned=earned[held],
        moved=None if moved is None else moved[held],
    )  # fmt: skip


def set_aside(pool: Pool, shares: Shares) -> list[Rest]:
    """What of a pool is set aside, as rows."""
    return [
        Rest(
            cycle_id=pool.cycle_id, pool_id=pool.pk, bucket=item.aside.bucket, reason=item.aside.reason,
            contributor_id=item.aside.contributor_id or None, units=item.aside.units, amount_micros=item.amount_micros,
        )
        for item in shares.set_aside
    ]  # fmt: skip


def _currency(pool: Pool) -> str:
    return pool.currency
