"""Arrow's batches and rows of arrays into PostgreSQL by binary COPY, rows out of it by COPY: memory bounded by the
block."""

import select
import sys
from collections.abc import Generator, Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
import psycopg
import pyarrow as pa
from django.db import connection

from revshare.arrow_texts import opened
from revshare.binary_rows import images

HEADER = b"PGCOPY\n\xff\r\n\0" + bytes(8)
TRAILER = b"\xff\xff"
BLOCK_ROWS = 250_000
BLOCK_BYTES = 1 << 20
PAGES_TOGETHER = 2048  # of a table: some 200,000 short rows

Array = npt.NDArray[Any]
Positions = npt.NDArray[np.integer[Any]]


class _NoPandas:
    """Stands before all finders of modules and finds no pandas."""

    def find_spec(self, name: str, *_: object) -> None:
        if name == "pandas":
            raise ModuleNotFoundError(name)


def arrow_without_pandas() -> None:
    """Arrow asks once, at its first array, whether there is a pandas, and then loads it (0.3 s) to know its types. Here
    none of these are handed to it. Who asks for pandas by name gets it as ever."""
    if "pandas" in sys.modules:
        return
    finder = _NoPandas()
    sys.meta_path.insert(0, finder)
    try:
        pa.array([0])
    finally:
        sys.meta_path.remove(finder)


arrow_without_pandas()


def copy_batches(*, table: str, columns: Sequence[str], batches: Iterable[pa.RecordBatch], frozen: bool = False) -> int:
    """Streams Arrow's batches of integers and strings (`binary_rows`) into a table; returns the rows. `frozen`: see
    `_copy`."""
    return _copy(table, columns, (image for batch in batches for image in images(batch)), frozen=frozen)


def copy_images(
    *, table: str, columns: Sequence[str], images: Iterable[memoryview | bytes], frozen: bool = False
) -> int:
    """The same for rows that are laid out already."""
    return _copy(table, columns, images, frozen=frozen)


def _copy(table: str, columns: Sequence[str], blocks: Iterable[memoryview | bytes], *, frozen: bool) -> int:
    """`frozen`: the table was made in this transaction, and its rows are visible to all once it commits, without
    another look. Reads ahead by one piece while one is sent."""
    option = ", FREEZE" if frozen else ""
    statement = f"COPY {table} ({', '.join(columns)}) FROM STDIN (FORMAT binary{option})"
    with connection.cursor() as cursor:
        with cursor.copy(statement) as copy, ThreadPoolExecutor(1) as sender:
            sent = sender.submit(copy.write, HEADER)
            for image in blocks:
                sent.result()
                sent = sender.submit(copy.write, image)
            sent.result()
            copy.write(TRAILER)
        return int(cursor.rowcount)


class Rows(NamedTuple):
    """Some rows as COPY gave them, in one piece."""

    number: int
    data: bytes


def copied_out(query: str, params: Sequence[Any] = (), *, options: str = "") -> Generator[Rows, None, None]:
    """Streams the rows of a query as CSV (`options`: of COPY), about BLOCK_BYTES at a time.

    The driver hands out row by row, each through its own wait; millions of rows are read at a third of the cost by
    asking its connection for all that has come.
    """
    with connection.cursor() as cursor, cursor.copy(f"COPY ({query}) TO STDOUT (FORMAT csv{options})", params):
        pgconn = cursor.connection.pgconn
        rows: list[bytes] = []
        size = 0
        while True:
            length, data = pgconn.get_copy_data(1)
            if length > 0:
                rows.append(bytes(data))
                size += length
                if size >= BLOCK_BYTES:
                    yield Rows(len(rows), b"".join(rows))
                    rows, size = [], 0
            elif length == 0:
                select.select([pgconn.socket], [], [])
                pgconn.consume_input()
            else:
                break
        while (result := pgconn.get_result()) is not None:
            if result.status != psycopg.pq.ExecStatus.COMMAND_OK:
                raise psycopg.errors.error_from_result(result)
        if rows:
            yield Rows(len(rows), b"".join(rows))


def ids_out(table: str, column: str) -> Iterator[pa.LargeStringArray]:
    """All values of a column of ids, each of which is there once, in no order, as of one moment. Those of so many pages
    come as one text, parted by line feeds, which no id has: rows of their own would cost more than what is in them, and
    to fetch them by an index costs twice as much."""
    pages = f"pg_relation_size('{table}') / current_setting('block_size')::int"
    query = (
        f"SELECT together.* FROM generate_series(0, {pages}, {PAGES_TOGETHER}) AS page, "
        f"LATERAL (SELECT count(*), convert_to(string_agg({column}, E'\\n'), 'UTF8') FROM {table} "
        f"WHERE ctid >= ('(' || page || ',0)')::tid AND ctid < ('(' || page + {PAGES_TOGETHER} || ',0)')::tid) together"
    )
    with connection.cursor() as cursor, cursor.copy(f"COPY ({query}) TO STDOUT (FORMAT binary)") as copy:
        copy.set_types(["int8", "bytea"])
        for count, joined in copy.rows():
            if count:
                yield _parted(joined, count, f"{table}.{column}")


def _parted(joined: bytes, count: int, where: str) -> pa.LargeStringArray:
    signs = np.frombuffer(joined + b"\n", np.uint8)
    ends = np.flatnonzero(signs == ord("\n"))
    if len(ends) != count:
        raise ValueError(f"{where} holds a line feed, which no id may have")
    starts = np.concatenate([[0], ends + 1]) - np.arange(count + 1)  # once the line feeds are gone
    data = signs[signs != ord("\n")]
    return pa.LargeStringArray.from_buffers(count, pa.py_buffer(starts.astype(np.int64)), pa.py_buffer(data))


class Texts:
    """Many texts, taken by their positions: UTF-8 in one buffer."""

    def __init__(self, array: pa.Array) -> None:
        """`array`: strings of Arrow, none of them null, blank or with a NUL in it."""
        texts = opened(array)
        self._offsets, self._data = texts
        lengths = np.unique(np.diff(self._offsets)).tolist()
        self._rows: npt.NDArray[np.uint8] | None = None  # where all are of one length, and stand one after the other
        if len(lengths) == 1:
            self._rows = texts.own.reshape(len(array), lengths[0])

    def joined(self, positions: Positions) -> bytes:
        """The texts at these positions, each followed by a line feed."""
        if self._rows is not None:
            lines = np.full((len(positions), self._rows.shape[1] + 1), ord("\n"), np.uint8)
            lines[:, :-1] = self._rows.take(positions, axis=0)
            return lines.tobytes()
        data, offsets = self._data.tobytes(), self._offsets.tolist()
        return b"".join(data[offsets[at] : offsets[at + 1]] + b"\n" for at in positions.tolist())
