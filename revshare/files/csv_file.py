"""CSV by RFC 4180, read by DuckDB as text: strict about quotes and the number of values, silent about nothing.

DuckDB is fast but forgives (a blank value too many, spaces round quotes), so its answer is checked against the bytes of
the file: each must be in a value or part a value from the next. Where that does not come out, or DuckDB gives up, a
patient reader (Python's, strict) says on which line the file is malformed, or reads it after all.
"""

import csv
from collections.abc import Iterator
from pathlib import Path

import duckdb
import pyarrow as pa
import pyarrow.parquet as pq

from revshare.files.formats import Columns
from revshare.files.headers import match
from revshare.files.preflight import MAX_LINE_BYTES, FileRefused, Source
from revshare.lake import literal

MAX_RECORD_BYTES = 2 * MAX_LINE_BYTES  # a record may span lines
BUFFER_BYTES = 8 << 20  # what one thread reads at a time; DuckDB's own 32 MB leave small files to a single one
LINES_BATCH = 100_000
DICTIONARY_SIZE = 2_000  # a column with more values in a row group has none: making it costs more than it saves
SPECIAL = ',"\n\r'

csv.field_size_limit(MAX_RECORD_BYTES)


def spool(con: duckdb.DuckDBPyConnection, source: Source, *, columns: Columns, target: Path) -> tuple[int, list[str]]:
    """Writes the file's rows to `target` as text columns; returns (rows, unknown columns). Raises FileRefused."""
    names = header_of(source.plain)
    unknown = match(names, columns)
    # A name of ours: a user's path could hold signs that DuckDB takes for a pattern.
    path = target.with_suffix(".csv")
    path.unlink(missing_ok=True)
    path.symlink_to(source.plain.resolve())
    if not source.lone_returns:
        try:
            rows = _copy(con, path, names, columns, target)
            if _accounted_for(con, source, path, names, rows):
                return rows, unknown
        except duckdb.InvalidInputException:
            pass
    even = target.with_suffix(".even.csv")
    rows = _rewrite(source.plain, even, len(names))
    try:
        if _copy(con, even, names, columns, target) != rows:
            raise FileRefused("csv_malformed")
    except duckdb.InvalidInputException as error:
        raise FileRefused("csv_malformed", f"({str(error).splitlines()[0][:300]})") from None
    finally:
        even.unlink()
    return rows, unknown


def lines_of(con: duckdb.DuckDBPyConnection, source: Source, spooled: Path, count: int) -> str:
    """A query of DuckDB: each `row` with the `line` on which it begins. Lines are counted out only where values span
    lines or lines are blank."""
    lines = source.newlines + (0 if source.ends_with_newline else 1)
    if lines == count + 1:
        return f"SELECT range AS row, range + 2 AS line FROM range({count})"
    target = spooled.with_suffix(".lines.parquet")
    schema = pa.schema([("line", pa.int64())])
    records = _records(source.plain)
    next(records)
    with pq.ParquetWriter(target, schema) as writer:
        batch: list[int] = []
        for line, _ in records:
            batch.append(line)
            if len(batch) == LINES_BATCH:
                writer.write_table(pa.table({"line": batch}, schema=schema))
                batch = []
        writer.write_table(pa.table({"line": batch}, schema=schema))
    return f"SELECT file_row_number AS row, line FROM read_parquet({literal(target)}, file_row_number=true)"


def header_of(path: Path) -> list[str]:
    """The names of the columns, as they stand there. Raises FileRefused."""
    try:
        with path.open(encoding="utf-8-sig", newline="\n") as file:
            names = next(csv.reader(file, strict=True), [])
    except csv.Error as error:
        raise FileRefused(_code(error), f"(line 1: {error})") from None
    if not names:
        raise FileRefused("file_empty", "(its first line is blank)")
    return names


def _scan(path: Path, width: int) -> str:
    types = ", ".join(f"'c{index}': 'VARCHAR'" for index in range(width))
    return (
        f"read_csv({literal(path)}, auto_detect=false, header=true, delim=',', quote='\"', escape='\"', "
        f"strict_mode=true, columns={{{types}}}, max_line_size={MAX_RECORD_BYTES}, "
        f"buffer_size={BUFFER_BYTES})"
    )


def _copy(con: duckdb.DuckDBPyConnection, path: Path, names: list[str], columns: Columns, target: Path) -> int:
    chosen = ", ".join(
        (f"coalesce(c{names.index(name)}, '')" if name in names else "''") + f' AS "{name}"'
        for name in columns.known
        if columns.whole or name in names
    )
    query = f"SELECT {chosen} FROM {_scan(path, len(names))}"
    row = con.execute(
        f"COPY ({query}) TO {literal(target)} (FORMAT parquet, DICTIONARY_SIZE_LIMIT {DICTIONARY_SIZE})"
    ).fetchone()
    assert row is not None
    return int(row[0])


def _accounted_for(con: duckdb.DuckDBPyConnection, source: Source, path: Path, names: list[str], rows: int) -> bool:
    """Whether each comma of the file stands inside a value or between two, and each byte that is no comma, quote or
    line end inside a value."""
    between = (len(names) - 1) * (rows + 1)
    if not source.quotes:
        return source.commas == between
    cells = f"concat({', '.join(f'c{index}' for index in range(len(names)))})"
    found = con.execute(
        f"SELECT coalesce(sum(strlen(cells) - strlen(replace(cells, ',', ''))), 0), "
        f"coalesce(sum(strlen(translate(cells, {literal(SPECIAL)}, ''))), 0) "
        f"FROM (SELECT {cells} AS cells FROM {_scan(path, len(names))})"
    ).fetchone()
    assert found is not None
    header = "".join(names)
    commas = between + header.count(",") + int(found[0])
    plain = len(header.translate(dict.fromkeys(map(ord, SPECIAL))).encode()) + int(found[1])
    specials = source.commas + source.quotes + source.newlines + source.returns
    return source.commas == commas and source.text_bytes - specials == plain


def _records(path: Path) -> Iterator[tuple[int, list[str]]]:
    """Each record that is not a blank line, with the line it begins on; the header comes first. Raises FileRefused."""
    ends_badly = False

    def lines() -> Iterator[str]:
        nonlocal ends_badly
        for line in file:
            ends_badly = line.endswith(("\r\r\n", "\r"))
            yield line

    with path.open(encoding="utf-8-sig", newline="\n") as file:
        reader = csv.reader(lines(), strict=True)
        begins = 1
        try:
            for record in reader:
                if ends_badly:
                    raise FileRefused("line_ends", f"(line {reader.line_num:,})")
                if record:
                    yield begins, record
                begins = reader.line_num + 1
        except csv.Error as error:
            where = f"line {begins:,}" if reader.line_num <= begins else f"line {begins:,} to {reader.line_num:,}"
            raise FileRefused(_code(error), f"({where}: {error})") from None


def _code(error: csv.Error) -> str:
    """Python says `new-line character seen in unquoted field` of a \\r that ends no line."""
    return "line_ends" if "new-line character" in str(error) else "csv_quote"


def _rewrite(path: Path, target: Path, width: int) -> int:
    """Writes the file anew, evenly; returns its rows. Raises FileRefused with the first line that is malformed."""
    rows = -1
    with target.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file, lineterminator="\n", quoting=csv.QUOTE_ALL)
        for line, record in _records(path):
            if len(record) != width:
                raise FileRefused("csv_ragged", f"(line {line:,}: {len(record)} values, the header has {width})")
            writer.writerow(record)
            rows += 1
    return rows
