"""Any file format into one shape: a Parquet file of text columns for the stages to check.

Every known column is there; an optional one that the file lacks is blank. The position of a row in the spool leads
back to its line in the file, unless it was read out of order.
"""

from collections.abc import Mapping
from concurrent.futures import Future
from dataclasses import dataclass
from pathlib import Path

import duckdb
import pyarrow.parquet as pq

from revshare.files import bare_parquet, csv_file, jsonl_file, parquet_file, plain_csv
from revshare.files.formats import KINDS
from revshare.files.glance import Glance, NotPlain, Plain
from revshare.files.headers import match
from revshare.files.held import HELD, Held
from revshare.files.preflight import Source
from revshare.files.reading_ahead import Ahead
from revshare.lake import literal

READERS = {
    "csv": csv_file, "csv.gz": csv_file, "jsonl": jsonl_file, "jsonl.gz": jsonl_file, "parquet": parquet_file,
}  # fmt: skip


@dataclass(frozen=True)
class Spooled:
    """What a reader found: `rows` is how many; `unknown_columns` are the file's own that nobody asked for. `texts`: the
    SQL of each column's text, where the spool has only the file's own. `glance`: see `Work`; such a spool is in the
    file's order. `said`: the rows are in memory, nothing is at `path`, and in these columns they say something."""

    path: Path
    rows: int
    unknown_columns: list[str]
    texts: Mapping[str, str] | None = None
    glance: Glance | None = None
    said: frozenset[str] | None = None

    @property
    def query(self) -> str:
        """SQL of DuckDB that reads the spool: its rows numbered from 0."""
        columns = "* EXCLUDE (file_row_number)"
        if self.texts is not None:
            columns = ", ".join(f'{text} AS "{name}"' for name, text in self.texts.items())
        if self.said is not None:
            return f"SELECT row, {columns} FROM {HELD}"
        return f"SELECT file_row_number AS row, {columns} FROM read_parquet({literal(self.path)}, file_row_number=true)"


def spool_rows(con: duckdb.DuckDBPyConnection, source: Source, *, kind: str, scratch: Path) -> Spooled:
    """Reads the whole file into `scratch`. Raises FileRefused with the line and reason if it is not well-formed."""
    target, columns = scratch / "rows.parquet", KINDS[kind]
    rows, unknown = READERS[source.format].spool(con, source, columns=columns, target=target)
    source.assert_unchanged()
    there = pq.read_schema(target).names
    texts = {name: f'"{name}"' if name in there else "''" for name in columns.known}
    return Spooled(path=target, rows=rows, unknown_columns=unknown, texts=texts)


def hold_rows(
    con: duckdb.DuckDBPyConnection, source: Source, *, kind: str, held: Future[Held], scratch: Path
) -> Spooled:  # fmt: skip
    """The same for a file whose rows are being read into memory. Raises NotPlain where that is no way to read it."""
    found = held.result()
    if source.format != "csv" or found.mark != source.mark:
        raise NotPlain
    rows, columns = found.take(), KINDS[kind]
    if not plain_csv.fits(source, width=len(found.names), rows=len(rows)):
        raise NotPlain
    source.assert_unchanged()
    con.register(HELD, rows)
    texts = {name: f'"{name}"' if name in found.names else "''" for name in columns.known}
    return Spooled(scratch / HELD, len(rows), match(found.names, columns), texts, said=found.said)


def spool_plain(
    con: duckdb.DuckDBPyConnection, source: Source, *, kind: str, plain: Plain, ahead: Ahead | None, scratch: Path
) -> Spooled:
    """The same for a file that is plainly right, looking at each row once. `ahead`: the reader that began before.
    Raises NotPlain for any other."""
    columns = KINDS[kind]
    if source.format == "parquet":
        target = scratch / "bare.parquet"
        rows, texts, glance = bare_parquet.spool(con, source, columns=columns, plain=plain, target=target)
        spooled = Spooled(target, rows, [], texts, glance)
    elif ahead is not None:
        rows, names, glance = ahead.result()
        if not plain_csv.fits(source, width=len(names), rows=rows):
            raise NotPlain
        texts = {name: name if name in names else "''" for name in columns.known}
        spooled = Spooled(ahead.target, rows, match(names, columns), texts, glance)
    else:
        raise NotPlain
    source.assert_unchanged()
    return spooled


def lines_of(con: duckdb.DuckDBPyConnection, source: Source, spooled: Spooled) -> str:
    """A query of DuckDB that gives each `row` (0 is the first) the `line` of the file on which it begins (1 is the
    file's first)."""
    return READERS[source.format].lines_of(con, source, spooled.path, spooled.rows)
