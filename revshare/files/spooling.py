"""Any file format into one shape: a Parquet file of text columns, in the file's order, for the stages to check.

Every known column is there; an optional one that the file lacks is blank. The position of a row in the spool leads
back to its line in the file.
"""

from dataclasses import dataclass
from pathlib import Path

import duckdb

from revshare.files import csv_file, jsonl_file, parquet_file
from revshare.files.formats import KINDS
from revshare.files.preflight import Source

READERS = {
    "csv": csv_file, "csv.gz": csv_file, "jsonl": jsonl_file, "jsonl.gz": jsonl_file, "parquet": parquet_file,
}  # fmt: skip


@dataclass(frozen=True)
class Spooled:
    """What a reader found: `rows` is how many; `unknown_columns` are the file's own that nobody asked for."""

    path: Path
    rows: int
    unknown_columns: list[str]


def spool_rows(con: duckdb.DuckDBPyConnection, source: Source, *, kind: str, scratch: Path) -> Spooled:
    """Reads the whole file into `scratch`. Raises FileRefused with the line and reason if it is not well-formed."""
    target = scratch / "rows.parquet"
    rows, unknown = READERS[source.format].spool(con, source, columns=KINDS[kind], target=target)
    source.assert_unchanged()
    return Spooled(path=target, rows=rows, unknown_columns=unknown)


def lines_of(con: duckdb.DuckDBPyConnection, source: Source, spooled: Spooled) -> str:
    """A query of DuckDB that gives each `row` (0 is the first) the `line` of the file on which it begins (1 is the
    file's first)."""
    return READERS[source.format].lines_of(con, source, spooled.path, spooled.rows)
