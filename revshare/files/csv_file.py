"""CSV by RFC 4180, read by DuckDB as text: strict about quotes and the number of values, silent about nothing.

DuckDB finds that a file is malformed; where and why is then told by a slow reader, since only people need that.
"""

import csv
from collections.abc import Iterator
from pathlib import Path

import duckdb

from revshare.files.formats import Columns
from revshare.files.headers import match
from revshare.files.preflight import MAX_LINE_BYTES, FileRefused, Source
from revshare.lake import literal

csv.field_size_limit(2 * MAX_LINE_BYTES)


def spool(
    con: duckdb.DuckDBPyConnection, source: Source, *, columns: Columns, target: Path
) -> tuple[int, list[str]]:
    """Writes the file's rows to `target` as text columns; returns (rows, unknown columns). Raises FileRefused."""
    names = _header(source.plain)
    unknown = match(names, columns)
    # A name of ours: a user's path could hold signs that DuckDB takes for a pattern.
    path = target.with_suffix(".csv")
    path.unlink(missing_ok=True)
    path.symlink_to(source.plain.resolve())
    try:
        rows = _copy(con, path, names, columns, target)
        if _trailing_values(con, source, path, names, rows):
            _explain(source.plain, len(names))
    except duckdb.Error as error:
        _explain(source.plain, len(names))
        # Python reads it without complaint: only the line ends are mixed. Write it anew, evenly.
        even = target.with_suffix(".even.csv")
        _rewrite(source.plain, even)
        try:
            rows = _copy(con, even, names, columns, target)
        except duckdb.Error:
            raise FileRefused("csv_malformed", str(error).splitlines()[0][:300]) from None
        finally:
            even.unlink()
    return rows, unknown


def lines_of(
    con: duckdb.DuckDBPyConnection, source: Source, spooled: Path, count: int, rows: list[int]
) -> dict[int, int]:
    """The line on which each row begins; counted out only where values span lines or lines are blank."""
    lines = source.newlines + (0 if source.ends_with_newline else 1)
    if lines == count + 1:
        return {row: row + 2 for row in rows}
    wanted = set(rows)
    return {number: line for number, (line, _) in enumerate(_records(source.plain), -1) if number in wanted}


def _header(path: Path) -> list[str]:
    try:
        with path.open(encoding="utf-8-sig", newline="") as file:
            names = next(csv.reader(file, strict=True), [])
    except csv.Error as error:
        raise FileRefused("header_malformed", f"({error})") from None
    if not names:
        raise FileRefused("file_empty", "(its first line is blank)")
    if any("\n" in name or "\r" in name for name in names):
        raise FileRefused("header_malformed", "(a column name spans lines)")
    return names


def _scan(path: Path, width: int) -> str:
    types = ", ".join(f"'c{index}': 'VARCHAR'" for index in range(width))
    return (
        f"read_csv({literal(path)}, auto_detect=false, header=true, delim=',', quote='\"', escape='\"', "
        f"strict_mode=true, columns={{{types}}}, max_line_size={2 * MAX_LINE_BYTES})"
    )


def _copy(con: duckdb.DuckDBPyConnection, path: Path, names: list[str], columns: Columns, target: Path) -> int:
    chosen = ", ".join(
        f"coalesce(c{names.index(name)}, '') AS {name}" if name in names else f"'' AS {name}" for name in columns.known
    )
    query = f"SELECT {chosen} FROM {_scan(path, len(names))}"
    row = con.execute(f"COPY ({query}) TO {literal(target)} (FORMAT parquet, COMPRESSION zstd)").fetchone()
    assert row is not None
    return int(row[0])


def _trailing_values(
    con: duckdb.DuckDBPyConnection, source: Source, path: Path, names: list[str], rows: int
) -> bool:
    """Whether a row has a blank value too many at its end, which DuckDB forgives and we do not: the commas of the file
    must be those between the columns and those inside values."""
    between = (len(names) - 1) * (rows + 1) + sum(name.count(",") for name in names)
    if source.commas == between:
        return False
    inside = " + ".join(f"coalesce(len(c{index}) - len(replace(c{index}, ',', '')), 0)" for index in range(len(names)))
    found = con.execute(f"SELECT coalesce(sum({inside}), 0) FROM {_scan(path, len(names))}").fetchone()
    assert found is not None
    return source.commas != between + int(found[0])


def _records(path: Path) -> Iterator[tuple[int, list[str]]]:
    """Each record that is not a blank line, with the line it begins on; the header comes first."""
    with path.open(encoding="utf-8-sig", newline="") as file:
        reader = csv.reader(file, strict=True)
        begins = 1
        for record in reader:
            if record:
                yield begins, record
            begins = reader.line_num + 1


def _explain(path: Path, width: int) -> None:
    """Raises FileRefused with the first line that is malformed; returns if a patient reader finds nothing wrong."""
    line = 0
    try:
        for line, record in _records(path):
            if len(record) != width:
                raise FileRefused("csv_ragged", f"(line {line:,}: {len(record)} values, the header has {width})")
    except csv.Error as error:
        raise FileRefused("csv_quote", f"(line {line + 1:,} or after: {error})") from None


def _rewrite(path: Path, target: Path) -> None:
    with target.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerows(record for _, record in _records(path))


