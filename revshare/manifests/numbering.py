"""Contributors by number in files of weights: each row says at which place of a list its contributor stands, and the
file which list that is: all contributors there were when it was weighed, in order.

Files of the same list are put together by these numbers, where to compare millions of names would take several times as
long. The names are what counts: what the numbers give is compared with them.
"""

import hashlib
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

NUMBERING = "numbering"
"""In a file's metadata: the hash of the list that its column `place` counts in (0 for the first)."""


def hash_of(ids: pa.Array) -> str:
    """SHA-256 over the lengths in bytes of all ids (64 bits each, big end first), then the ids in UTF-8."""
    ids = ids.cast(pa.large_string())
    _, offsets, data = ids.buffers()
    ends = np.frombuffer(offsets, np.int64)[ids.offset : ids.offset + len(ids) + 1]
    digest = hashlib.sha256(np.diff(ends).astype(">i8").tobytes())
    if data is not None and len(ends):
        digest.update(memoryview(data)[ends[0] : ends[-1]])
    return digest.hexdigest()


class Numbered:
    """The contributors of several files of weights, each once, in order (`ids`)."""

    def __init__(self, ids: pa.LargeStringArray, codes: npt.NDArray[np.int64]) -> None:
        """`codes`: where those at the places of the list stand among the ids."""
        self.ids = ids
        self._codes = codes

    def codes(self, places: npt.NDArray[np.integer]) -> npt.NDArray[np.int64]:
        """Where the contributors at these places of the list stand among the ids."""
        return self._codes[places]


def together(paths: Sequence[Path]) -> Numbered | None:
    """Whose weights the files hold; None if they do not count in the same list, or their numbers and names differ."""
    if not paths or None in (lists := {_list_of(path) for path in paths}) or len(lists) > 1:
        return None
    tables = [_read(path) for path in paths]
    places = [table.column("place").to_numpy() for table in tables]
    names = [table.column("contributor_id").cast(pa.large_string()) for table in tables]
    held = np.zeros(max((int(place.max()) for place in places if len(place)), default=-1) + 1, bool)
    for place in places:
        held[place] = True
    codes = np.cumsum(held) - 1
    # Of each contributor, one of the rows that name them.
    rows = np.zeros(int(held.sum()), np.int64)
    first = 0
    for place in places:
        rows[codes[place]] = np.arange(first, first + len(place))
        first += len(place)
    chunks = [chunk for column in names for chunk in column.chunks]
    ids = pa.concat_arrays(chunks).take(pa.array(rows)) if chunks else pa.array([], pa.large_string())
    if not _rise(ids) or not all(_name(ids, codes, *own) for own in zip(places, names, strict=True)):
        return None
    return Numbered(ids, codes)


def _read(path: Path) -> pa.Table:
    with pq.ParquetFile(path) as file:
        return file.read(columns=["place", "contributor_id"])


def _list_of(path: Path) -> bytes | None:
    return (pq.read_metadata(path).metadata or {}).get(NUMBERING.encode())


def _rise(ids: pa.LargeStringArray) -> bool:
    return len(ids) < 2 or bool(pc.all(pc.less(ids[:-1], ids[1:])).as_py())


def _name(
    ids: pa.LargeStringArray, codes: npt.NDArray[np.int64], places: npt.NDArray[np.int32], names: pa.ChunkedArray
) -> bool:
    return bool(pa.chunked_array([ids.take(pa.array(codes[places]))]).equals(names))
