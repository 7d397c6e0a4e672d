"""Parquet: text, whole numbers, decimals, booleans and timestamps, each taken as the text it stands for.

What a column is, is asked of the reader that will read it: others may see another type in the same bytes.
"""

from collections.abc import Sequence
from contextlib import closing
from pathlib import Path

import duckdb
import pyarrow as pa
import pyarrow.parquet as pq

from revshare.arrow_texts import opened
from revshare.files.formats import Columns
from revshare.files.headers import match
from revshare.files.preflight import (
    FREE_ROWS,
    MAX_LINE_BYTES,
    MAX_UNPACK_RATIO,
    ROWS_PER_BYTE,
    UNPACK_FREE_BYTES,
    FileRefused,
    Source,
)
from revshare.lake import literal

AS_THEY_ARE = {
    "BOOLEAN", "TINYINT", "SMALLINT", "INTEGER", "BIGINT", "UTINYINT", "USMALLINT", "UINTEGER", "UBIGINT",
    "UUID", '"NULL"',
}  # fmt: skip
TIMES = {
    "TIMESTAMP": "", "TIMESTAMP_S": "", "TIMESTAMP_MS": "", "TIMESTAMP_NS": "",
    "TIMESTAMP WITH TIME ZONE": "+00:00", "TIMESTAMP_NS WITH TIME ZONE": "+00:00", "TIMESTAMPTZ_NS": "+00:00",
}  # fmt: skip
FLOATS = {"FLOAT", "DOUBLE"}
SPACE, DELETE = b" \x7f"
BATCH_ROWS = 200_000
FREE_GROUPS, BYTES_PER_GROUP = 1_000, 64 << 10  # each row group costs time and memory, however few its rows


def spool(con: duckdb.DuckDBPyConnection, source: Source, *, columns: Columns, target: Path) -> tuple[int, list[str]]:
    """Writes the file's rows to `target` as text columns; returns (rows, unknown columns). Raises FileRefused."""
    path = target.with_suffix(".source.parquet")
    path.unlink(missing_ok=True)
    path.symlink_to(source.path.resolve())
    try:
        schema, rows, groups = _metadata(path)
        if groups > max(FREE_GROUPS, source.size_bytes // BYTES_PER_GROUP):
            raise FileRefused("parquet_row_groups", f"({groups:,})")
        if rows > max(FREE_ROWS, source.size_bytes * ROWS_PER_BYTE):
            raise FileRefused("archive_bomb", f"({rows:,} rows in {source.size_bytes:,} bytes)")
        unknown = match(schema.names, columns)
        kinds = _kinds(con, path)
        texts = _texts(kinds, schema, columns)
        _measure(con, source, path, [texts[name] for name in texts if kinds.get(name) == "VARCHAR"])
        chosen = ", ".join(f"coalesce({text}, '') AS \"{name}\"" for name, text in texts.items())
        copied = con.execute(
            f"COPY (SELECT {chosen} FROM read_parquet({literal(path)})) TO {literal(target)} (FORMAT parquet)"
        ).fetchone()
    except duckdb.OutOfMemoryException as error:
        raise FileRefused("archive_bomb", f"({str(error).splitlines()[0][:200]})") from None
    except (duckdb.Error, pa.ArrowException, OSError, ValueError) as error:
        raise FileRefused("parquet_damaged", f"({str(error).splitlines()[0][:200]})") from None
    if copied is None or copied[0] != rows:
        raise FileRefused("parquet_damaged", f"(it says {rows:,} rows and has others)")
    return rows, unknown


def lines_of(con: duckdb.DuckDBPyConnection, source: Source, spooled: Path, count: int) -> str:
    """Parquet has no lines: each `row` with its number, from 1, as `line`."""
    return f"SELECT range AS row, range + 1 AS line FROM range({count})"


def _metadata(path: Path) -> tuple[pa.Schema, int, int]:
    """Schema, rows and row groups by the footer."""
    with pq.ParquetFile(path) as file:
        return file.schema_arrow, file.metadata.num_rows, file.metadata.num_row_groups


def _kinds(con: duckdb.DuckDBPyConnection, path: Path) -> dict[str, str]:
    query = f"SELECT column_name, column_type FROM (DESCRIBE FROM read_parquet({literal(path)}))"
    return dict(con.execute(query).fetchall())


def _texts(kinds: dict[str, str], schema: pa.Schema, columns: Columns) -> dict[str, str]:
    """For each known column the SQL of its text. Raises FileRefused for types that are no text without loss."""
    texts = {}
    for name in columns.known:
        if name not in schema.names:
            texts[name] = "''"
        elif name not in kinds:
            raise FileRefused("parquet_damaged", f"({name} is not where the footer says)")
        elif kinds[name] in FLOATS and name in columns.numbers and pa.types.is_floating(schema.field(name).type):
            raise FileRefused("parquet_float", f"({name} is {kinds[name]})")
        elif kinds[name] == "DATE" and name in columns.days:
            texts[name] = f'CAST("{name}" AS VARCHAR)'
        elif (text := _as_text(name, kinds[name])) is None:
            raise FileRefused("parquet_type", f"({name} is {str(schema.field(name).type)[:100]})")
        else:
            texts[name] = text
    return texts


def _as_text(name: str, kind: str) -> str | None:
    if kind == "VARCHAR":
        return f'"{name}"'
    plain = f'CAST("{name}" AS VARCHAR)'
    if kind in AS_THEY_ARE:
        return plain
    if kind.startswith("DECIMAL("):
        # 12.3000000000 says 12.3: the zeros are those of the column's type, not of the amount.
        return f"CASE WHEN contains({plain}, '.') THEN rtrim(rtrim({plain}, '0'), '.') ELSE {plain} END"
    if kind in TIMES:
        # Microseconds; what is finer, or no time at all (infinity), stays visible and is judged as it stands.
        offset = TIMES[kind]
        exact = f'TRY_CAST("{name}" AS TIMESTAMP)'
        if "NS" in kind:
            exact = f'CASE WHEN epoch_ns("{name}") % 1000 = 0 THEN make_timestamp(epoch_ns("{name}") // 1000) END'
        return f"coalesce(strftime({exact}, '%Y-%m-%dT%H:%M:%S.%f{offset}'), {plain})"
    return None


def _all_words(con: duckdb.DuckDBPyConnection, path: Path, texts: Sequence[str]) -> bool:
    """Whether all that stands in these columns is printable ASCII without a space."""
    chosen = ", ".join(f"coalesce({text}, '') AS text{number}" for number, text in enumerate(texts))
    # A connection of its own: it may be left before its end.
    with closing(con.cursor()) as reader:
        for batch in reader.sql(f"SELECT {chosen} FROM read_parquet({literal(path)})").to_arrow_reader(BATCH_ROWS):
            if not all(_are_words(column.cast(pa.string())) for column in batch.columns):
                return False
    return True


def _are_words(column: pa.Array) -> bool:
    signs = opened(column).own
    return not len(signs) or bool(signs.min() > SPACE and signs.max() < DELETE)


def _measure(con: duckdb.DuckDBPyConnection, source: Source, path: Path, texts: Sequence[str]) -> None:
    """Refuses what would be too big once its dictionaries are written out, then NUL characters.

    Plain aggregates of plain lengths: DuckDB takes them from the dictionary, and copies the values for anything more.
    """
    if not texts:
        return
    scan = f"read_parquet({literal(path)}, file_row_number=true)"
    lengths = ", ".join(f"max(strlen({text})), sum(CAST(strlen({text}) AS HUGEINT))" for text in texts)
    found = con.execute(f"SELECT {lengths} FROM {scan}").fetchone()
    assert found is not None
    for text, longest in zip(texts, found[::2], strict=True):
        if longest and longest > MAX_LINE_BYTES:
            first = f"min(CASE WHEN strlen({text}) = {longest} THEN file_row_number END)"
            row = con.execute(f"SELECT {first} FROM {scan}").fetchall()
            raise FileRefused("line_too_long", f"(row {row[0][0] + 1:,})")
    total = sum(size or 0 for size in found[1::2])
    if total > max(UNPACK_FREE_BYTES, source.size_bytes * MAX_UNPACK_RATIO):
        raise FileRefused("archive_bomb", f"({source.size_bytes:,} bytes unpack to {total:,})")
    if _all_words(con, path, texts):
        source.printable, source.longest_line = True, max(longest or 0 for longest in found[::2])
        return
    nul = " OR ".join(f"contains({text}, chr(0))" for text in texts)
    row = con.execute(f"SELECT min(file_row_number) FROM {scan} WHERE {nul}").fetchall()
    if row[0][0] is not None:
        raise FileRefused("file_nul", f"(row {row[0][0] + 1:,})")
