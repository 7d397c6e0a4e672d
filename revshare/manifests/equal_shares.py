"""Assets shared equally, as nearly all are: their ticks, counted by numpy, with no group and no window.

An asset with one record gives its contributor all its ticks. One with n gives each 720,720 // n, and one more to the
first 720,720 % n by contributor: all remainders are the same, so this is the largest remainder with its ties broken
(`apportion.split_ticks` is the same rule for one asset in Python).

How many records an asset has is found by a 64-bit hash of it. A first scan fetches only the hashes; those that come
once belong to an asset with one record. A second scan counts these, and fetches the ids of the others: records are of
one asset only where the ids themselves are equal. Two scans, or more where the setting REVSHARE_ARRAY_BYTES bounds what
may be in memory at a time.

Whose a record is, is found by a hash of the contributor too, unless two of the contributors known have the same one
(`contributor_codes`).
"""

import threading
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field

import duckdb
import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc
from django.conf import settings

from revshare.ahead import one_ahead
from revshare.apportion import TICKS_PER_ASSET, ApportionmentBroken
from revshare.files.hashes import Gathered, Hashes
from revshare.manifests import contributor_codes
from revshare.manifests.contributor_codes import Codes, codes_of, hashed

RECORD_BYTES = 10  # what a record takes in memory while its hash is sorted and compared
SHARED_BYTES = 80  # what a record of a shared asset takes, besides its asset id, twice
BATCH_ROWS = 200_000
HASH = "hash(dataset_version, asset_id)"
BITMAP_BITS = 27
MIDDLE = np.uint64(1 << 63)  # of all hashes
BITS_PER_HASH = 16

Longs = npt.NDArray[np.int64]
Cells = npt.NDArray[np.int32]
"""Places in `Tally.ticks`, rows after rows: dataset version × people + contributor."""


@dataclass(frozen=True)
class Tally:
    """What has been counted so far. `ticks`, `unpaid`: dataset versions × people."""

    ticks: Longs
    unpaid: npt.NDArray[np.bool_]  # who has a record that brings nothing: an asset of more people than ticks
    assets: Longs  # of each dataset version
    alone: threading.Lock = field(default_factory=threading.Lock)  # held by who counts while others may

    @classmethod
    def empty(cls, versions: int, people: int) -> "Tally":
        shape = (versions, people)
        return cls(np.zeros(shape, np.int64), np.zeros(shape, np.bool_), np.zeros(versions, np.int64))

    def add(self, cells: Cells, ticks: Longs | int) -> None:
        """Adds to these cells, of which some may come several times."""
        np.add.at(self.ticks.reshape(-1), cells, ticks)

    def count(self, cells: Cells) -> None:
        """Counts an asset for each of these cells."""
        self.assets[:] += np.bincount(cells // self.people, minlength=len(self.assets))

    def check(self) -> None:
        """Raises ApportionmentBroken unless each asset has all its ticks."""
        if (self.ticks.sum(axis=1) != self.assets * TICKS_PER_ASSET).any():
            raise ApportionmentBroken("The ticks of assets shared equally do not add up: nothing was kept.")

    @property
    def people(self) -> int:
        return self.ticks.shape[1]


@dataclass(frozen=True)
class Shared:
    """Records of assets that may have several, with what makes the asset and the cell of each."""

    hashes: Hashes
    cells: Cells
    assets: pa.LargeStringArray

    def those(self, chosen: npt.NDArray[np.bool_]) -> "Shared":
        return Shared(self.hashes[chosen], self.cells[chosen], self.assets.filter(pa.array(chosen)))


def count_equal(
    con: duckdb.DuckDBPyConnection, *, source: str, versions: Sequence[str], people: int, records: int
) -> tuple[Tally, int]:
    """Weighs `source` (a relation of dataset_version, asset_id, contributor_id: each record once, all shares equal) for
    these versions. Returns the tally and how many records have a contributor of the table `person` (contributor_id,
    code from 0 to `people` in the order of ids)."""
    con.register(
        "numbers", pa.table({"dataset_version": versions, "number": pa.array(range(len(versions)), pa.int32())})
    )
    con.execute("CREATE OR REPLACE TEMP TABLE version AS SELECT * FROM numbers")
    con.unregister("numbers")
    tally, seen = Tally.empty(len(versions), people), 0
    passes = max(1, -(-records * RECORD_BYTES // settings.REVSHARE_ARRAY_BYTES))
    with ThreadPoolExecutor(2) as pool:
        codes = pool.submit(codes_of, *hashed(con))  # while the hashes of assets are fetched
        for turn in range(passes):
            repeated, parts = _repeated(con, source, _chosen(passes, turn))
            for part in range(parts):
                chosen = _chosen(passes * parts, turn + passes * part)
                cells = _cells(con, source, chosen, codes.result(), people)
                halves, counted = _count_singles(cells, repeated, tally)
                list(pool.map(_count_shared, halves, (tally, tally)))  # of no hash there are records in both
                seen += counted
    tally.check()
    return tally, seen


def _chosen(passes: int, turn: int) -> str:
    return f"WHERE {HASH} % {passes} = {turn}" if passes > 1 else ""


def _repeated(con: duckdb.DuckDBPyConnection, source: str, chosen: str) -> tuple[Hashes, int]:
    """The hashes that come more than once; and in how many parts their records have to be fetched."""
    gathered, rows, text_bytes = Gathered(), 0, 0
    query = f"SELECT {HASH}, strlen(asset_id) FROM {source} SEMI JOIN version USING (dataset_version) {chosen}"
    for found, lengths in _batches(con, query):
        gathered.add(found.to_numpy())
        rows, text_bytes = rows + len(found), text_bytes + int(lengths.to_numpy().sum())
    repeated, again = gathered.take_repeated()
    shared = again + len(repeated) + (rows * len(repeated) >> _bits(repeated))
    room = shared * (SHARED_BYTES + 2 * text_bytes // max(1, rows))
    return repeated, max(1, -(-room // settings.REVSHARE_ARRAY_BYTES))


def _bits(hashes: Hashes) -> int:
    """How many bits of a hash tell these from others well enough."""
    return min(BITMAP_BITS, max(1, (len(hashes) * BITS_PER_HASH).bit_length()))


def _cells(
    con: duckdb.DuckDBPyConnection, source: str, chosen: str, codes: Codes | None, people: int
) -> Iterator[tuple[Hashes, Cells, pa.Array]]:
    """Of each record whose contributor is known, batch by batch: the asset's hash, its cell, the asset."""
    first = f"CAST(number * {people} AS INTEGER)"
    if codes is None:
        query = f"SELECT {HASH}, {first} + code, asset_id FROM {source} JOIN version USING (dataset_version) "
        for found, cells, assets in _batches(con, f"{query} JOIN person USING (contributor_id) {chosen}"):
            yield found.to_numpy(), cells.to_numpy(), assets
        return
    query = f"SELECT {HASH}, {first}, asset_id, {contributor_codes.HASH} FROM {source}"
    for found, starts, assets, contributors in _batches(con, f"{query} JOIN version USING (dataset_version) {chosen}"):
        places, known = codes.of(contributors.to_numpy())
        hashes, cells = found.to_numpy(), starts.to_numpy() + places
        if known.all():
            yield hashes, cells, assets
        else:
            yield hashes[known], cells[known], assets.filter(pa.array(known))


def _count_singles(
    records: Iterator[tuple[Hashes, Cells, pa.Array]], repeated: Hashes, tally: Tally
) -> tuple[tuple[Shared, Shared], int]:
    """Counts the assets with one record; returns the records of the others, those with low and those with high hashes,
    and how many were read in all.

    Asked in bits of the hash: a few that have one record are taken for shared, with the same result.
    """
    bits = _bits(repeated)
    shift = np.uint64(64 - bits)
    marked = np.zeros(1 << bits, np.bool_)
    marked[repeated >> shift] = True
    kept: tuple[list[Shared], list[Shared]] = ([], [])
    seen = 0
    for hashes, cells, assets in records:
        seen += len(cells)
        perhaps = marked[(hashes >> shift).view(np.int64)]
        alone = cells[~perhaps]
        tally.add(alone, TICKS_PER_ASSET)
        tally.count(alone)
        shared = Shared(hashes[perhaps], cells[perhaps], assets.filter(pa.array(perhaps)).cast(pa.large_string()))
        high = shared.hashes >= MIDDLE
        kept[0].append(shared.those(~high))
        kept[1].append(shared.those(high))
    return (_joined(kept[0]), _joined(kept[1])), seen


def _joined(parts: list[Shared]) -> Shared:
    if not parts:
        return Shared(np.empty(0, np.uint64), np.empty(0, np.int32), pa.array([], pa.large_string()))
    return Shared(
        np.concatenate([part.hashes for part in parts]), np.concatenate([part.cells for part in parts]),
        pa.concat_arrays([part.assets for part in parts]),
    )  # fmt: skip


def _batches(con: duckdb.DuckDBPyConnection, query: str) -> Iterator[list[pa.Array]]:
    for batch in one_ahead(con.sql(query).to_arrow_reader(BATCH_ROWS)):
        yield batch.columns


def _count_shared(shared: Shared, tally: Tally) -> None:
    """Counts assets that may have several records: by their hashes where each hash is of one asset; the rest by id."""
    groups, order = _sorted(shared.hashes)
    cells = shared.cells[order]
    torn = groups[_torn(groups, order, cells // tally.people, shared.assets)]
    if len(torn):
        edges = np.zeros(len(groups) + 1, np.int64)
        edges[np.searchsorted(groups, torn)] = 1
        edges[np.searchsorted(groups, torn, side="right")] -= 1
        unclear = np.cumsum(edges[:-1]) > 0
        _count_by_id(shared.assets.take(pa.array(order[unclear])), cells[unclear], tally)
        groups, cells = groups[~unclear], cells[~unclear]
    _count_groups(groups, cells, tally)


def _sorted(hashes: Hashes) -> tuple[Hashes, Longs]:
    """The first bits of the hashes in ascending order, and the place of each. The others hold the places meanwhile:
    numbers are sorted many times faster than the places of numbers."""
    mask = np.uint64((1 << len(hashes).bit_length()) - 1)
    packed = (hashes & ~mask) | np.arange(len(hashes), dtype=np.uint64)
    packed.sort()
    return packed & ~mask, (packed & mask).view(np.int64)


def _torn(groups: Hashes, order: Longs, versions: Cells, assets: pa.LargeStringArray) -> Longs:
    """Where two that stand side by side have the same hash, but are not of the same asset."""
    later = np.flatnonzero(groups[1:] == groups[:-1]) + 1
    same_id = pc.equal(assets.take(pa.array(order[later])), assets.take(pa.array(order[later - 1])))
    return later[~same_id.to_numpy(zero_copy_only=False) | (versions[later] != versions[later - 1])]


def _count_by_id(assets: pa.LargeStringArray, cells: Cells, tally: Tally) -> None:
    """Where hashes met: each asset of a dataset version under a number of its own."""
    numbers = assets.dictionary_encode().indices.to_numpy().astype(np.uint64)
    groups = numbers * np.uint64(len(tally.assets)) + (cells // tally.people).astype(np.uint64)
    order = np.argsort(groups)
    _count_groups(groups[order], cells[order], tally)


def _count_groups(groups: Hashes, cells: Cells, tally: Tally) -> None:
    """Counts assets, each given by the same number on all its records, in ascending order."""
    if not len(groups):
        return
    starts = np.flatnonzero(np.concatenate([[True], groups[1:] != groups[:-1]]))
    holders = np.diff(starts, append=len(groups))
    people = np.repeat(holders, holders)
    ticks = TICKS_PER_ASSET // people
    uneven = np.flatnonzero(TICKS_PER_ASSET % people)
    # By asset, then by contributor: the same runs as before, each now in the order in which what is left goes out.
    order = uneven[np.lexsort((cells[uneven], groups[uneven]))]
    place = uneven - np.repeat(starts, holders)[uneven]
    first = order[place < TICKS_PER_ASSET % people[uneven]]
    with tally.alone:
        tally.count(cells[starts])
        tally.add(cells, ticks)
        tally.unpaid.reshape(-1)[cells[people > TICKS_PER_ASSET]] = True
        tally.add(cells[first], 1)
