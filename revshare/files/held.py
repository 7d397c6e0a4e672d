"""A CSV of middle size without quotes, read by Arrow into memory while its bytes are still hashed and counted.

Nothing is written down between: its rows are judged where they stand. Arrow is strict about the number of values; what
it is not strict about is known when the first pass over the bytes is done (`plain_csv.fits`). What does not fit, or
takes more memory than there is for all files that are held at once, is left to the patient reader.
"""

from collections.abc import Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from threading import Event, Lock

import numpy as np
import pyarrow as pa
from django.conf import settings

from revshare.arrow_texts import opened
from revshare.files import plain_csv
from revshare.files.csv_file import header_of
from revshare.files.formats import Columns
from revshare.files.glance import NotPlain
from revshare.files.headers import match
from revshare.files.preflight import FileRefused, begins_as_plain_csv

# A smaller file takes no time, a larger one too much memory.
FROM_BYTES, UPTO_BYTES = 1 << 20, 128 << 20
HELD = "held"  # what DuckDB calls the rows
SHARE = 6  # of the memory for arrays, for all of them together: of the default 256 MB


@dataclass
class Held:
    """`rows`: the columns of ours that the file has, as text, and before them `row`, from 0; None once they are taken.
    `names`: all that the file has. `said`: those of ours in which some row says something. `mark`: the file's size and
    time of change before it was read."""

    rows: pa.Table | None
    names: list[str]
    said: frozenset[str]
    mark: tuple[int, int]

    def take(self) -> pa.Table:
        """The rows, once: they take as much memory as the file and more, and whoever has them alone can let them go."""
        rows, self.rows = self.rows, None
        assert rows is not None, "taken already"
        return rows


class _Room:
    """The memory for all files that are held at once: several are taken in side by side."""

    def __init__(self) -> None:
        self._lock = Lock()
        self._taken = 0

    def take(self, size: int) -> bool:
        """Whether there was so much left."""
        with self._lock:
            if (self._taken + size) * SHARE > settings.REVSHARE_ARRAY_BYTES:
                return False
            self._taken += size
            return True

    def give_back(self, size: int) -> None:
        with self._lock:
            self._taken -= size


class _Place:
    """What one file takes of it."""

    def __init__(self, room: _Room) -> None:
        self._room, self._taken = room, 0

    def grow(self, size: int) -> bool:
        if not self._room.take(size):
            return False
        self._taken += size
        return True

    def leave(self) -> None:
        self._room.give_back(self._taken)
        self._taken = 0


_room = _Room()


@contextmanager
def holding(path: Path, *, columns: Columns | None) -> Iterator[Future[Held] | None]:
    """Begins to read the file, if it is such a one by its size and its first bytes; else gives None. Whoever leaves
    before the end ends the reading. `columns`: of its kind; None if it has other names. The result raises NotPlain. Its
    memory counts as taken until the end, also where the rows were let go before."""
    try:
        status = path.stat()
    except OSError:
        status = None  # `inspect` says what is wrong
    fit = status is not None and FROM_BYTES <= status.st_size <= UPTO_BYTES
    if columns is None or columns.whole or status is None or not fit or not begins_as_plain_csv(path):
        yield None
        return
    mark, left, place = (status.st_size, status.st_mtime_ns), Event(), _Place(_room)
    try:
        with ThreadPoolExecutor(1) as pool:
            try:
                yield pool.submit(_read, path, columns, mark, left, place)
            finally:
                left.set()
    finally:
        place.leave()


def _read(path: Path, columns: Columns, mark: tuple[int, int], left: Event, place: _Place) -> Held:
    try:
        names = header_of(path)
        match(names, columns)
        there = [name for name in columns.known if name in names]
        with plain_csv.stream(path, names, there) as stream:
            # Nothing but Arrow holds the batches: whoever gives up has let go of them, though the error is kept.
            rows = pa.Table.from_batches(_while_there_is_room(stream, left, place), stream.schema)
    except (NotPlain, FileRefused, OSError, ValueError, pa.ArrowException):
        place.leave()
        raise NotPlain from None
    if not len(rows):
        raise NotPlain
    said = frozenset(name for name in there if any(len(opened(chunk).own) for chunk in rows.column(name).chunks))
    return Held(rows.add_column(0, "row", pa.array(np.arange(len(rows)))), names, said, mark)


def _while_there_is_room(batches: Iterable[pa.RecordBatch], left: Event, place: _Place) -> Iterator[pa.RecordBatch]:
    for batch in batches:
        if left.is_set() or not place.grow(batch.nbytes):
            raise NotPlain
        yield batch
