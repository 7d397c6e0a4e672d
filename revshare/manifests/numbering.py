"""Contributors by number in files of weights: each row says at which place of a list its contributor stands, and the
file which list that is: all contributors there were when it was weighed, in order.

Files of the same list are put together by these numbers, where to compare millions of names would take several times as
long. The names are what counts: what the numbers give is compared with them.
"""

import hashlib
import itertools
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from revshare.arrow_texts import opened

NUMBERING = "numbering"
"""In a file's metadata: the hash of the list that its column `place` counts in (0 for the first)."""


def hash_of(ids: pa.Array) -> str:
    """SHA-256 over the lengths in bytes of all ids (64 bits each, big end first), then the ids in UTF-8."""
    texts = opened(ids)
    digest = hashlib.sha256(np.diff(texts.ends).astype(">i8").tobytes())
    digest.update(texts.own.data)
    return digest.hexdigest()


@dataclass(frozen=True)
class Numbered:
    """The contributors of several files of weights, each once, in order (`ids`). `codes`: by file, where the
    contributor of each of its rows stands among them."""

    ids: pa.LargeStringArray
    codes: Mapping[Path, npt.NDArray[np.int64]]


def together(paths: Sequence[Path]) -> Numbered | None:
    """Whose weights the files hold; None if they do not count in the same list, or their numbers and names differ."""
    if not paths or None in (lists := {_list_of(path) for path in paths}) or len(lists) > 1:
        return None
    with ThreadPoolExecutor(2) as pool:
        places, names = map(list, zip(*pool.map(_read, paths), strict=True))
        every = pool.submit(pa.concat_arrays, names)
        held = np.zeros(max((int(own.max()) for own in places if len(own)), default=-1) + 1, bool)
        for own in places:
            held[own] = True
        code_of = np.cumsum(held) - 1
        codes = list(pool.map(code_of.take, places))
        # Of each contributor, one of the rows that name them.
        rows = np.zeros(int(held.sum()), np.int64)
        first = 0
        for own in codes:
            rows[own] = np.arange(first, first + len(own))
            first += len(own)
        ids = every.result().take(pa.array(rows))
        if not _rise(ids) or not all(pool.map(_name, itertools.repeat(ids), codes, names)):
            return None
    return Numbered(ids, dict(zip(paths, codes, strict=True)))


def _read(path: Path) -> tuple[npt.NDArray[np.int64], pa.LargeStringArray]:
    """The numbers and the names of a file."""
    with pq.ParquetFile(path) as file:
        table = file.read(columns=["place", "contributor_id"], use_threads=False)
    names = table.column("contributor_id").cast(pa.large_string()).combine_chunks()
    return table.column("place").to_numpy(), names


def _list_of(path: Path) -> bytes | None:
    return (pq.read_metadata(path).metadata or {}).get(NUMBERING.encode())


def _rise(ids: pa.LargeStringArray) -> bool:
    return len(ids) < 2 or bool(pc.all(pc.less(ids[:-1], ids[1:])).as_py())


def _name(ids: pa.LargeStringArray, codes: npt.NDArray[np.int64], names: pa.LargeStringArray) -> bool:
    return bool(ids.take(pa.array(codes)).equals(names))
