"""Weights by the page (ADR 30). Rolls list people, in order; a page has what those on a roll have of one manifest, NULL
where somebody has nothing of it. The manifests that are frozen together share their rolls."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from revshare.apportion import ApportionmentBroken
from revshare.array_rows import (
    LONG,
    NO_ARRAY,
    NUMERIC,
    Int64s,
    Rolls,
    arrays_with_gaps,
    decimals,
    numbers,
    pieces,
    side_by_side,
)
from revshare.manifests.weighing import UnknownContributor, Weighed

ROLL = ("rolls_of", "roll", "first_id", "contributors")
PAGE = ("manifest_id", "rolls_of", "roll", "ticks", "weights")
"""The columns of a page. `rolls_of`: the manifest with which the rolls came in. `weights` are NULL where they are what
the ticks are, all of them or some."""

Places = npt.NDArray[np.int32]
MOSTLY = 2  # so many on a list for one who is named
TICKS_BYTES = 9  # of one person, with the bit that says whether there are any
_ROW: list[tuple[str, str]] = [  # how many fields; manifest_id, rolls_of, roll, each after its length
    ("fields", ">i2"), ("length0", ">i4"), ("manifest_id", ">i4"), ("length1", ">i4"), ("rolls_of", ">i4"),
    ("length2", ">i4"), ("roll", ">i4"),
]  # fmt: skip


@dataclass(frozen=True)
class Placed:
    """What a version weighs by the places of its contributors on a list, in ascending order. `weights`: of those whose
    weighted ticks differ from their ticks (`weighted`: which of them)."""

    places: Places
    ticks: Int64s
    weighted: npt.NDArray[np.bool_]
    weights: pa.Decimal128Array


@dataclass(frozen=True)
class Listed:
    """People, each once and in order, and the rolls on which they stand, which come in with the manifest numbered
    `rolls_of`."""

    people: pa.LargeStringArray
    rolls: Rolls
    rolls_of: int

    @classmethod
    def of(cls, people: pa.LargeStringArray, rolls_of: int) -> "Listed":
        return cls(people, Rolls(people, np.full(len(people), TICKS_BYTES)), rolls_of)


def everybody_in(weighed: Iterable[Weighed]) -> pa.LargeStringArray:
    """A list of people, each once and in order, on which all are that these files name: the one in which they number
    them already, if it is one and the same, and not mostly of others."""
    files = list(weighed)
    if (people := files[0].people) is not None and all(file.people is people for file in files):
        named = sum(pq.read_metadata(file.weights).num_rows for file in files)
        if named * MOSTLY >= len(people):
            return people.cast(pa.large_string())
    names = [pq.read_table(file.weights, columns=["contributor_id"]).column(0) for file in files]
    found = pa.chunked_array([chunk.cast(pa.large_string()) for column in names for chunk in column.chunks])
    return pc.unique(found).sort() if len(found) else pa.array([], pa.large_string())


class Placing:
    """Takes the rows of a file of weights, batch by batch."""

    def __init__(self, people: pa.LargeStringArray) -> None:
        self._people = people
        self._places: list[Places] = [np.zeros(0, np.int32)]
        self._ticks: list[Int64s] = [np.zeros(0, np.int64)]
        self._weighted: list[npt.NDArray[np.bool_]] = [np.zeros(0, bool)]
        self._weights: list[pa.Array] = []

    def take(self, rows: pa.RecordBatch) -> bool:
        """Whether weighted ticks differ from ticks anywhere. Rows that say none have no other."""
        ticks = rows.column("assets_ticks")
        self._places.append(self._placed(rows))
        self._ticks.append(ticks.to_numpy())
        if "weight_ticks" not in rows.schema.names:
            self._weighted.append(np.zeros(len(rows), bool))
            return False
        weights = rows.column("weight_ticks")
        differs = pc.not_equal(weights, ticks.cast(weights.type))
        self._weighted.append(differs.to_numpy(zero_copy_only=False))
        self._weights.append(weights.filter(differs))
        return bool(self._weighted[-1].any())

    def _placed(self, rows: pa.RecordBatch) -> Places:
        """Where those whom the rows name stand. The file's own numbers are quicker, the names are what counts."""
        names = rows.column("contributor_id").cast(pa.large_string())
        if "place" in rows.schema.names:
            places = rows.column("place").fill_null(len(self._people)).to_numpy(zero_copy_only=False)
            if places.max(initial=-1) < len(self._people) and self._people.take(pa.array(places)).equals(names):
                return places
        found = pc.index_in(names, value_set=self._people)
        if found.null_count:
            raise UnknownContributor(f"Weights name {found.null_count:,} contributors nobody knows: run `verify`.")
        return found.to_numpy()

    def done(self) -> Placed:
        """Raises ApportionmentBroken unless each contributor was named once, in order."""
        places = np.concatenate(self._places)
        if (np.diff(places) <= 0).any():
            raise ApportionmentBroken("Weights do not name each contributor once, in order: nothing was kept.")
        weights = pa.chunked_array(self._weights, pa.decimal128(38, 6)).combine_chunks()
        return Placed(places, np.concatenate(self._ticks), np.concatenate(self._weighted), weights)


def images(listed: Listed, placed: Placed, manifest_id: int, people: int) -> Iterator[memoryview]:
    """The pages as rows of binary COPY, made for so many people at once. Of rolls on which nobody has anything there
    are none."""
    for low, high in listed.rolls.slices(people):
        first, end = np.searchsorted(placed.places, [low, high]).tolist()
        if first == end:
            continue
        number, cuts = listed.rolls.within(low, high)
        places, differs = placed.places[first:end] - low, placed.weighted[first:end]
        held = _marked(places, high - low)
        rows = np.zeros(len(cuts) - 1, _ROW)
        rows["fields"], rows["length0"], rows["length1"], rows["length2"] = len(PAGE), 4, 4, 4
        rows["manifest_id"], rows["rolls_of"] = manifest_id, listed.rolls_of
        rows["roll"] = number + np.arange(len(rows))
        columns = [pieces(rows, np.arange(len(cuts)))]
        columns += arrays_with_gaps(LONG, numbers(placed.ticks[first:end]), held, cuts)
        if own := int(differs.sum()):
            some = decimals(placed.weights.slice(int(placed.weighted[:first].sum()), own))
            columns += arrays_with_gaps(NUMERIC, some, _marked(places[differs], high - low), cuts)
        anybody = pa.array(np.add.reduceat(held, cuts[:-1], dtype=np.int64) > 0)
        yield side_by_side([column.filter(anybody) for column in columns] + ([] if own else [NO_ARRAY]))


def _marked(places: Places, size: int) -> npt.NDArray[np.bool_]:
    marks = np.zeros(size, bool)
    marks[places] = True
    return marks
