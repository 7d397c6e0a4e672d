"""Arrays as fields of rows of binary COPY, of which each row fits a page of PostgreSQL; and rolls: neighbouring people,
in order, a row for as many as fit (PostgreSQL's documentation of COPY, "Binary Format"; of arrays: its function
array_recv)."""

from bisect import bisect_right
from collections.abc import Iterator, Sequence
from itertools import pairwise
from struct import Struct
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from revshare.arrow_texts import opened

# A page of 8 KiB, less what it and the row say of themselves, and what aligns the arrays in it.
ROOM_BYTES = 7_700

Int64s = npt.NDArray[np.int64]
Bytes = npt.NDArray[np.uint8]
Held = npt.NDArray[np.bool_]
SHORT, INT, LONG, TEXT, NUMERIC = 21, 23, 20, 25, 1700  # pg_type.oid of smallint, integer, bigint, text, numeric
NO_ARRAY = pa.scalar(Struct(">i").pack(-1), pa.large_binary())
_SIZES = {SHORT: (2, ">i2"), INT: (4, ">i4"), LONG: (8, ">i8")}
_ROLL_ROW = Struct(">h ii ii")  # how many fields; whose rolls they are, and which of them, each after its length
_ROLL_FIELDS = 4
_ARRAY = Struct(">i iiI ii")  # its length; dimensions, whether there are nulls, whose type; how many, from which place
_ARRAYS: list[tuple[str, str]] = [
    ("length", ">i4"), ("dimensions", ">i4"), ("nulls", ">i4"), ("type", ">u4"), ("count", ">i4"), ("first", ">i4"),
]  # fmt: skip
_WORD = 4


class Rolls:
    """People, parted so that what is said of those on a roll does not outgrow a page unless it is of one alone."""

    def __init__(self, ids: pa.Array, room: Int64s) -> None:
        """`ids`: of all of them, in order. `room`: how many bytes each takes besides the name."""
        self._ids = ids
        lengths: Int64s = pc.binary_length(ids).to_numpy(zero_copy_only=False)
        # Each name with its length before it and what aligns the next one after it.
        self.starts = np.array(_cuts(np.maximum((lengths + (4 + 3)) // 4 * 4, room)))

    def slices(self, people: int) -> Iterator[tuple[int, int]]:
        """All people, so many at once, or a few more: no roll is cut in two."""
        wanted = np.searchsorted(self.starts, range(0, len(self._ids) + people, people))
        yield from pairwise(np.unique(self.starts[wanted.clip(max=len(self.starts) - 1)]).tolist())

    def within(self, low: int, high: int) -> tuple[int, Int64s]:
        """Of a slice: the number of its first roll, and where its rolls begin and the last one ends, counted in it."""
        number = int(np.searchsorted(self.starts, low))
        return number + 1, self.starts[number : np.searchsorted(self.starts, high) + 1] - low

    def images(self, key: int, people: int) -> Iterator[bytes]:
        """Rows of (key, roll, its first id, all its ids), numbered from 1; made for so many people at once."""
        for low, high in self.slices(people):
            texts = _Texts(self._ids.slice(low, high - low))
            pieces: list[bytes | memoryview] = []
            number, starts = self.within(low, high)
            for roll, (first, end) in enumerate(pairwise(starts.tolist()), number):
                pieces.append(_ROLL_ROW.pack(_ROLL_FIELDS, 4, key, 4, roll))
                pieces.append(texts.elements(first, first + 1))  # a text alone is laid out like one in an array
                pieces += texts.array(first, end)
            yield b"".join(pieces)


def side_by_side(columns: Sequence[pa.Array | pa.Scalar]) -> memoryview:
    """Rows of what their fields are laid out as, put together by Arrow, which lets other threads go on meanwhile."""
    rows = pc.binary_join_element_wise(*columns, pa.scalar(b"", pa.large_binary()))
    offsets = np.frombuffer(rows.buffers()[1], np.int64)
    whole = memoryview(rows.buffers()[2])
    assert (offsets[rows.offset], offsets[rows.offset + len(rows)]) == (0, len(whole))
    return whole


def arrays(oid: int, values: npt.NDArray[np.integer[Any]], cuts: Int64s) -> tuple[pa.Array, pa.Array]:
    """Numbers as arrays that end at the cuts: what stands before each, and its elements."""
    size, kind = _SIZES[oid]
    image = np.empty(len(values), [("length", ">i4"), ("value", kind)])
    image["length"] = size
    image["value"] = values
    elements = pieces(image, cuts)
    return _heads(oid, cuts, image.itemsize * np.diff(cuts), np.zeros(len(cuts) - 1, bool)), elements


def arrays_with_gaps(oid: int, values: Bytes, held: Held, cuts: Int64s) -> tuple[pa.Array, pa.Array]:
    """The same of elements of which only those `held` are there; the others are NULL. Where none is there, no array is.
    `values`: of each that is there the bytes that stand for it (`numbers`, `decimals`)."""
    size = values.shape[1]
    starts = np.zeros(len(held) + 1, np.int64)
    np.cumsum(1 + size // _WORD * held, out=starts[1:])
    image = np.full(int(starts[-1]), -1, ">i4")
    at = starts[:-1][held]
    image[at] = size
    for place, word in enumerate(values.view(">i4").T, 1):
        image[at + place] = word
    counts = np.add.reduceat(held, cuts[:-1], dtype=np.int64)
    ends = starts[cuts]
    heads, elements = _heads(oid, cuts, _WORD * np.diff(ends), counts < np.diff(cuts)), pieces(image, ends)
    if counts.all():
        return heads, elements
    anything = pa.array(counts > 0)
    return pc.if_else(anything, heads, NO_ARRAY), pc.if_else(anything, elements, pa.scalar(b"", pa.large_binary()))


def numbers(values: Int64s) -> Bytes:
    """Of each its eight bytes, as an element of bigint[]."""
    return values.astype(">i8").view(np.uint8).reshape(-1, 8)


def decimals(values: pa.Decimal128Array) -> Bytes:
    """Numbers of 38 digits, six of which follow the point, none below zero: of each its 28 bytes, as an element of
    numeric(38, 6)[] (PostgreSQL's function numeric_recv). Always ten digits of base 10,000, the last two after the
    point; it drops zeros before and after by itself."""
    assert values.type == pa.decimal128(38, 6), values.type
    assert not values.null_count
    halves = np.frombuffer(values.buffers()[1], "<u8")[2 * values.offset : 2 * (values.offset + len(values))]
    low, high = halves[::2], halves[1::2]
    limbs = [part for half in (high, low) for part in (half >> np.uint64(32), half & np.uint64(0xFFFFFFFF))]
    image = np.empty((len(values), 14), ">i2")
    image[:, :4] = 10, 7, 0, 6  # digits; where the first of them stands; not below zero; digits after the point
    image[:, 13] = 100 * _take_digit(limbs, 100)
    for place in range(12, 3, -1):
        image[:, place] = _take_digit(limbs, 10_000)
    return image.view(np.uint8).reshape(-1, 28)


def _take_digit(limbs: list[npt.NDArray[np.uint64]], base: int) -> npt.NDArray[np.int16]:
    """Divides numbers, given by their 32 bits each, highest first; returns the remainders."""
    rest = np.zeros(len(limbs[0]), np.uint64)
    for place, limb in enumerate(limbs):
        limbs[place], rest = np.divmod(rest << np.uint64(32) | limb, np.uint64(base))
    return rest.astype(np.int16)


def pieces(rows: npt.NDArray[Any], cuts: Int64s) -> pa.Array:
    """The bytes of the rows from each cut to the next, as they lie there."""
    buffers = [None, pa.py_buffer(cuts * rows.itemsize), pa.py_buffer(rows)]
    return pa.Array.from_buffers(pa.large_binary(), len(cuts) - 1, buffers)


def _cuts(sizes: Int64s) -> list[int]:
    """Where rolls begin, and where the last one ends: as many people as there is room for, and at least one. `sizes`:
    none below 1, so no more than ROOM_BYTES people have to be looked through."""
    used = memoryview(np.cumsum(sizes))  # type: ignore[arg-type]
    cuts, before = [0], 0
    while (first := cuts[-1]) < len(used):
        end = bisect_right(used, before + ROOM_BYTES, first, min(first + ROOM_BYTES, len(used)))
        cuts.append(max(first + 1, end))
        before = used[cuts[-1] - 1]
    return cuts


def _heads(oid: int, cuts: Int64s, sizes: Int64s, gaps: Held) -> pa.Array:
    """What stands before arrays that end at the cuts. `sizes`: of their elements, in bytes. `gaps`: whether they have
    nulls."""
    head = np.zeros(len(cuts) - 1, _ARRAYS)
    head["dimensions"] = head["first"] = 1
    head["nulls"] = gaps
    head["type"], head["count"] = oid, np.diff(cuts)
    head["length"] = _ARRAY.size - 4 + sizes
    return pieces(head, np.arange(len(cuts)))


class _Texts:
    """Texts as elements of arrays."""

    def __init__(self, array: pa.Array) -> None:
        own = opened(array)
        ends, texts = own.ends, own.own
        lengths = np.diff(ends)
        self._starts = (ends - ends[0] + _WORD * np.arange(len(ends))).tolist()
        image = _of_one_length(lengths, texts) if (lengths == lengths[0]).all() else _one_by_one(lengths, texts)
        self._image = memoryview(image)  # type: ignore[arg-type]

    def elements(self, first: int, end: int) -> memoryview:
        return self._image[self._starts[first] : self._starts[end]]

    def array(self, first: int, end: int) -> tuple[bytes, memoryview]:
        elements = self.elements(first, end)
        return _ARRAY.pack(_ARRAY.size - 4 + len(elements), 1, 0, TEXT, end - first, 1), elements


def _of_one_length(lengths: Int64s, texts: Bytes) -> Bytes:
    """Texts of one length, each after its length."""
    image = np.empty((len(lengths), _WORD + int(lengths[0])), np.uint8)
    image[:, :_WORD] = np.frombuffer(int(lengths[0]).to_bytes(_WORD), np.uint8)
    image[:, _WORD:] = texts.reshape(len(lengths), -1)
    return image.reshape(-1)


def _one_by_one(lengths: Int64s, texts: Bytes) -> Bytes:
    """Texts of any lengths, each after its length."""
    image = np.empty(len(texts) + _WORD * len(lengths), np.uint8)
    is_length = np.zeros(len(image), bool)
    of_length = (np.cumsum(_WORD + lengths) - lengths - _WORD)[:, None] + np.arange(_WORD)
    is_length[of_length] = True
    image[of_length] = lengths.astype(">i4").view(np.uint8).reshape(-1, _WORD)
    image[~is_length] = texts
    return image
