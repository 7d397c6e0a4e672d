"""A CSV of middle size without quotes, read by Arrow into memory while its bytes are still hashed and counted.

Nothing is written down between: its rows are judged where they stand. Arrow is strict about the number of values; what
it is not strict about is known when the first pass over the bytes is done (`plain_csv.fits`). What does not fit, or
takes more memory than it should, is left to the patient reader.
"""

from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from threading import Event

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
SHARE = 6  # of the memory for arrays: of the default 256 MB


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


@contextmanager
def holding(path: Path, *, columns: Columns | None) -> Iterator[Future[Held] | None]:
    """Begins to read the file, if it is such a one by its size and its first bytes; else gives None. Whoever leaves
    before the end ends the reading. `columns`: of its kind; None if it has other names. The result raises NotPlain."""
    try:
        status = path.stat()
    except OSError:
        status = None  # `inspect` says what is wrong
    fit = status is not None and FROM_BYTES <= status.st_size <= UPTO_BYTES
    if columns is None or columns.whole or status is None or not fit or not begins_as_plain_csv(path):
        yield None
        return
    mark, left = (status.st_size, status.st_mtime_ns), Event()
    with ThreadPoolExecutor(1) as pool:
        try:
            yield pool.submit(_read, path, columns, mark, left)
        finally:
            left.set()


def _read(path: Path, columns: Columns, mark: tuple[int, int], left: Event) -> Held:
    try:
        names = header_of(path)
        match(names, columns)
        there = [name for name in columns.known if name in names]
        batches, size = [], 0
        for batch in plain_csv.stream(path, names, there):
            batches.append(batch)
            size += batch.nbytes
            if left.is_set() or size * SHARE > settings.REVSHARE_ARRAY_BYTES:
                raise NotPlain
        rows = pa.Table.from_batches(batches)
    except (FileRefused, OSError, ValueError, pa.ArrowException):
        raise NotPlain from None
    said = frozenset(name for name in there if any(len(opened(chunk).own) for chunk in rows.column(name).chunks))
    return Held(rows.add_column(0, "row", pa.array(np.arange(len(rows)))), names, said, mark)
