"""Entries by the folio (ADR 28). A roll names neighbouring contributors of a cycle, in order; a folio has their
statements in one currency, with the entries of these: rows of the database as arrays, of which each fits a page."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import pairwise
from struct import Struct
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from revshare.arrow_texts import opened

ROLL = ("cycle_id", "roll", "first_id", "contributors")
FOLIO = (
    "cycle_id", "roll", "currency", "first_no", "members", "openings", "earned", "ends", "pools", "ticks", "amounts",
)  # fmt: skip
"""The columns of a folio. Its statements are numbered `first_no`, `first_no` + 1, …; `members` are their places in the
roll, and the entries of each are those up to its place in `ends`, after those of the one before."""

# A page of 8 KiB, less what it and the row say of themselves, and what aligns the arrays in it.
ROOM_BYTES = 7_700
STATEMENT_BYTES = 2 + 8 + 8 + 4
ENTRY_BYTES = 4 + 8 + 8

Int64s = npt.NDArray[np.int64]
Bytes = npt.NDArray[np.uint8]
_SHORT, _INT, _LONG, _TEXT = 21, 23, 20, 25  # pg_type.oid of smallint, integer, bigint, text
_SIZES = {_SHORT: (2, ">i2"), _INT: (4, ">i4"), _LONG: (8, ">i8")}
_ROLL_ROW = Struct(">h ii ii")  # how many fields; cycle_id and roll, each after its length
_FOLIO_ROW: list[tuple[str, str]] = [  # the same, and currency and first_no
    ("fields", ">i2"), ("length0", ">i4"), ("cycle_id", ">i4"), ("length1", ">i4"), ("roll", ">i4"),
    ("length2", ">i4"), ("currency", "S3"), ("length3", ">i4"), ("first_no", ">i4"),
]  # fmt: skip
_ARRAY = Struct(">i iiI ii")  # its length; dimensions, whether there are nulls, whose type; how many, from which place
_ARRAYS: list[tuple[str, str]] = [
    ("length", ">i4"), ("dimensions", ">i4"), ("nulls", ">i4"), ("type", ">u4"), ("count", ">i4"), ("first", ">i4"),
]  # fmt: skip


@dataclass(frozen=True)
class Statements:
    """Some statements of one currency, in order, numbered from `first_no`, with their entries one after the other:
    `people` are places among all contributors of the cycle, and `ends` says after how many entries each ends."""

    currency: str
    first_no: int
    people: Int64s
    opening_micros: Int64s
    earned_micros: Int64s
    ends: Int64s
    pools: npt.NDArray[np.int32]
    ticks: Int64s
    amounts_micros: Int64s


class Rolls:
    """The contributors of a cycle, parted so that nobody's folio outgrows a page unless they alone do."""

    def __init__(self, ids: pa.Array, entries: Iterable[Int64s]) -> None:
        """`ids`: of all contributors, in order. `entries`: for each currency how many each of them will have."""
        self._ids = ids
        lengths: Int64s = pc.binary_length(ids).to_numpy(zero_copy_only=False)
        room = (lengths + (4 + 3)) // 4 * 4  # each with its length before it and what aligns the next one after it
        for counts in entries:
            room = np.maximum(room, np.where(counts > 0, STATEMENT_BYTES + ENTRY_BYTES * counts, 0))
        self._starts = np.array(_cuts(room))
        self._rolls = np.repeat(np.arange(1, len(self._starts)), np.diff(self._starts))

    def slices(self, people: int) -> Iterator[tuple[int, int]]:
        """All contributors, so many at once, or a few more: no roll is cut in two."""
        wanted = np.searchsorted(self._starts, range(0, len(self._ids) + people, people))
        yield from pairwise(np.unique(self._starts[wanted.clip(max=len(self._starts) - 1)]).tolist())

    def images(self, cycle_id: int, people: int) -> Iterator[bytes]:
        """The rolls as rows of binary COPY; made for so many people at once."""
        for low, high in self.slices(people):
            texts = _Texts(self._ids.slice(low, high - low))
            pieces: list[bytes | memoryview] = []
            number = int(np.searchsorted(self._starts, low))
            for first, end in pairwise((self._starts[number : np.searchsorted(self._starts, high) + 1] - low).tolist()):
                number += 1
                pieces.append(_ROLL_ROW.pack(len(ROLL), 4, cycle_id, 4, number))
                pieces.append(texts.elements(first, first + 1))  # a text alone is laid out like one in an array
                pieces += texts.array(first, end)
            yield b"".join(pieces)

    def folios(self, cycle_id: int, statements: Statements) -> memoryview:
        """Statements of whole rolls, as rows of binary COPY (PostgreSQL's documentation of COPY, "Binary Format"; of
        arrays: its function array_recv). Laid out by columns, and put together row by row by Arrow, which lets other
        threads go on meanwhile."""
        rolls = self._rolls[statements.people]
        members = statements.people - self._starts[rolls - 1] + 1
        cuts = np.flatnonzero(np.diff(rolls, prepend=0, append=0))
        stops = np.append(0, statements.ends)
        ends = statements.ends - np.repeat(stops[cuts[:-1]], np.diff(cuts))  # each within its folio
        assert len(statements.currency) == 3, statements.currency
        row = np.zeros(len(cuts) - 1, _FOLIO_ROW)
        row["fields"], row["length0"], row["cycle_id"], row["length1"] = len(FOLIO), 4, cycle_id, 4
        row["roll"], row["length2"], row["currency"] = rolls[cuts[:-1]], 3, statements.currency.encode()
        row["length3"], row["first_no"] = 4, statements.first_no + cuts[:-1]
        lows = stops[cuts]
        columns = [
            _pieces(row, np.arange(len(cuts))),
            *_arrays(_SHORT, members, cuts), *_arrays(_LONG, statements.opening_micros, cuts),
            *_arrays(_LONG, statements.earned_micros, cuts), *_arrays(_INT, ends, cuts),
            *_arrays(_INT, statements.pools, lows), *_arrays(_LONG, statements.ticks, lows),
            *_arrays(_LONG, statements.amounts_micros, lows),
        ]  # fmt: skip
        rows = pc.binary_join_element_wise(*columns, pa.scalar(b"", pa.large_binary())).buffers()[2]
        assert rows.size == sum(column.buffers()[2].size for column in columns)
        return memoryview(rows)


def _cuts(sizes: Int64s) -> list[int]:
    """Where rolls begin, and where the last one ends: as many people as there is room for, and at least one."""
    used = np.cumsum(sizes)
    cuts = [0]
    while (first := cuts[-1]) < len(used):
        before = int(used[first - 1]) if first else 0
        cuts.append(max(first + 1, int(np.searchsorted(used, before + ROOM_BYTES, side="right"))))
    return cuts


def _array(oid: int, count: int, elements: memoryview) -> tuple[bytes, memoryview]:
    """An array of elements that stand each after its length."""
    return _ARRAY.pack(_ARRAY.size - 4 + len(elements), 1, 0, oid, count, 1), elements


def _arrays(oid: int, values: npt.NDArray[np.integer[Any]], cuts: Int64s) -> tuple[pa.Array, pa.Array]:
    """Numbers as arrays that end at the cuts: what stands before each, and its elements."""
    size, kind = _SIZES[oid]
    image = np.empty(len(values), [("length", ">i4"), ("value", kind)])
    image["length"] = size
    image["value"] = values
    head = np.zeros(len(cuts) - 1, _ARRAYS)
    head["dimensions"] = head["first"] = 1
    head["type"], head["count"] = oid, np.diff(cuts)
    head["length"] = _ARRAY.size - 4 + image.itemsize * head["count"]
    return _pieces(head, np.arange(len(cuts))), _pieces(image, cuts)


def _pieces(rows: npt.NDArray[np.void], cuts: Int64s) -> pa.Array:
    """The bytes of the rows from each cut to the next, as they lie there."""
    buffers = [None, pa.py_buffer(cuts * rows.itemsize), pa.py_buffer(rows)]
    return pa.Array.from_buffers(pa.large_binary(), len(cuts) - 1, buffers)


class _Texts:
    """Texts as elements of arrays."""

    def __init__(self, array: pa.Array) -> None:
        ends, signs = opened(array)
        lengths = np.diff(ends)
        starts = ends - ends[0] + 4 * np.arange(len(ends))
        image = np.empty(int(starts[-1]), np.uint8)
        is_length = np.zeros(len(image), bool)
        of_length = starts[:-1, None] + np.arange(4)
        is_length[of_length] = True
        image[of_length] = lengths.astype(">i4").view(np.uint8).reshape(-1, 4)
        image[~is_length] = signs[ends[0] : ends[-1]]
        self._starts = starts.tolist()
        self._image = memoryview(image)  # type: ignore[arg-type]

    def elements(self, first: int, end: int) -> memoryview:
        return self._image[self._starts[first] : self._starts[end]]

    def array(self, first: int, end: int) -> tuple[bytes, memoryview]:
        return _array(_TEXT, end - first, self.elements(first, end))
