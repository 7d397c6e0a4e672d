"""Parquet: text, whole numbers, decimals, booleans and timestamps, each taken as the text it stands for."""

from pathlib import Path

import duckdb
import pyarrow as pa
import pyarrow.parquet as pq
from pyarrow import types

from revshare.files.formats import Columns
from revshare.files.headers import match
from revshare.files.preflight import FileRefused, Source
from revshare.lake import literal

ROWS_PER_BYTE = 20  # a row of ours takes about a byte at the very least: more rows than this is a bomb
FREE_ROWS = 1_000_000


def spool(
    con: duckdb.DuckDBPyConnection, source: Source, *, columns: Columns, target: Path
) -> tuple[int, list[str]]:
    """Writes the file's rows to `target` as text columns. Raises FileRefused."""
    try:
        with pq.ParquetFile(source.path) as file:
            schema, rows = file.schema_arrow, file.metadata.num_rows
    except (pa.ArrowException, OSError, ValueError) as error:
        raise FileRefused("parquet_damaged", f"({str(error).splitlines()[0][:200]})") from None
    if rows > max(FREE_ROWS, source.size_bytes * ROWS_PER_BYTE):
        raise FileRefused("archive_bomb", f"({rows:,} rows in {source.size_bytes:,} bytes)")
    unknown = match(schema.names, columns)
    chosen = ", ".join(
        f"coalesce({_as_text(schema.field(name), columns)}, '') AS {name}" if name in schema.names else f"'' AS {name}"
        for name in columns.known
    )
    path = target.with_suffix(".source.parquet")
    path.unlink(missing_ok=True)
    path.symlink_to(source.path.resolve())
    try:
        con.execute(f"COPY (SELECT {chosen} FROM read_parquet({literal(path)})) TO {literal(target)} (FORMAT parquet)")
        nul = " OR ".join(f"contains({name}, chr(0))" for name in columns.known)
        found = con.execute(f"SELECT count(*) FROM {_spooled(target)} WHERE {nul}").fetchone()
    except (duckdb.Error, UnicodeDecodeError) as error:
        raise FileRefused("parquet_damaged", f"({str(error).splitlines()[0][:200]})") from None
    if found and found[0]:
        raise FileRefused("file_nul", f"({found[0]:,} rows)")
    return rows, unknown


def lines_of(
    con: duckdb.DuckDBPyConnection, source: Source, spooled: Path, count: int, rows: list[int]
) -> dict[int, int]:
    """Parquet has no lines: the row's number, from 1."""
    return {row: row + 1 for row in rows}


def _spooled(target: Path) -> str:
    return f"read_parquet({literal(target)})"


def _as_text(field: pa.Field, columns: Columns) -> str:
    kind = field.type.value_type if types.is_dictionary(field.type) else field.type
    name = '"' + field.name + '"'
    if types.is_string(kind) or types.is_large_string(kind) or types.is_null(kind) or types.is_boolean(kind):
        return f"CAST({name} AS VARCHAR)"
    if types.is_integer(kind):
        return f"CAST({name} AS VARCHAR)"
    if types.is_decimal(kind):
        # 12.3000000000 says 12.3: the zeros are those of the column's type, not of the amount.
        plain = f"CAST({name} AS VARCHAR)"
        return f"CASE WHEN contains({plain}, '.') THEN rtrim(rtrim({plain}, '0'), '.') ELSE {plain} END"
    if types.is_timestamp(kind):
        offset = "+00:00" if kind.tz else ""
        return f"strftime(make_timestamp(epoch_us({name})), '%Y-%m-%dT%H:%M:%S.%f{offset}')"
    if types.is_floating(kind) and field.name in columns.numbers:
        raise FileRefused("parquet_float", f"({field.name} is {kind})")
    raise FileRefused("parquet_type", f"({field.name} is {kind})")
