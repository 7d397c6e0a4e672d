"""A table as a file: CSV and XLSX for people, JSON Lines for programs. Byte-repeatable; a spreadsheet opens it without
repair and executes none of its cells."""

import json
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from django.db import connection, transaction

from revshare.bulk import Rows, copied_out
from revshare.cells import FORMULA_STARTS
from revshare.errors import Refused
from revshare.exports.sheets import write_sheet

FORMATS = ("csv", "xlsx", "jsonl")
CONTENT_TYPES = {
    "csv": "text/csv; charset=utf-8",
    "xlsx": "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
    "jsonl": "application/x-ndjson; charset=utf-8",
}
FETCHED_ROWS = 10_000
SORT_MEMORY = "256MB"  # of the database's, while an export is put in order
_STARTS = ", ".join("E'" + start.replace("\t", "\\t").replace("\r", "\\r") + "'" for start in FORMULA_STARTS)


def _safe(sql: str) -> str:
    """SQL for `cells.safe_cell`: an apostrophe before what a spreadsheet would take for a formula."""
    return f"CASE WHEN left({sql}, 1) IN ({_STARTS}) THEN '''' || {sql} ELSE {sql} END"


@dataclass(frozen=True)
class Export:
    """A kind of export: its columns in order, each with its SQL, and the rest of the query with its parameters.
    `texts`: the columns that hold somebody's text. `taken_in`: it is made for an intake, so its CSV must have every
    text as it is, and is refused where a spreadsheet would take one for a formula. `prepare`: fills what the query
    reads, in the same transaction."""

    columns: dict[str, str]
    source: str
    texts: frozenset[str] = frozenset()
    taken_in: bool = False
    prepare: Callable[[Sequence[Any]], None] | None = None

    def query(self, *, safe: bool) -> str:
        chosen = (
            f"{_safe(sql) if safe and name in self.texts else sql} AS {name}" for name, sql in self.columns.items()
        )
        return f"SELECT {', '.join(chosen)} FROM {self.source}"


def check_format(format: str) -> None:
    if format not in FORMATS:
        raise Refused(f"There is no format called {format!r}; there are {', '.join(FORMATS)}.")


def write_table(*, export: Export, params: Sequence[Any], format: str, target: Path) -> int:
    """Writes an export beside `target` and then in its place; returns the number of rows. Raises Refused."""
    check_format(format)
    return in_place(target, lambda draft: write_draft(export, params, format, draft))


def in_place(target: Path, write: Callable[[Path], int]) -> int:
    """Has a file written beside `target`, and moves it there once it is whole. Raises Refused."""
    draft = target.with_name(f"{target.name}.part")
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        rows = write(draft)
        draft.replace(target)
    except OSError as error:
        raise Refused(f"Cannot write {target}: {error.strerror}.") from None
    finally:
        draft.unlink(missing_ok=True)
    return rows


def csv_rows(export: Export, params: Sequence[Any]) -> Iterator[Rows]:
    """Block by block; the header counts as a row. Raises Refused before the first."""
    with _prepared(export, params):
        if export.taken_in:
            _check_plain(export, params)
        yield from copied_out(export.query(safe=not export.taken_in), params, options=", HEADER")


def jsonl_rows(export: Export, params: Sequence[Any]) -> Iterator[Rows]:
    """One JSON object a line, block by block. Money is text, as in the API: others round numbers beyond 2^53."""
    with _prepared(export, params), connection.chunked_cursor() as cursor:
        cursor.execute(export.query(safe=False), params)
        while rows := cursor.fetchmany(FETCHED_ROWS):
            yield Rows(len(rows), b"".join(_line(export, row) for row in rows))


def _line(export: Export, row: Sequence[Any]) -> bytes:
    item = {
        name: str(value) if name.endswith("_micros") else value for name, value in zip(export.columns, row, strict=True)
    }
    return json.dumps(item, ensure_ascii=False, separators=(",", ":")).encode() + b"\n"


@contextmanager
def _prepared(export: Export, params: Sequence[Any]) -> Iterator[None]:
    """A transaction in which the query of an export can run."""
    with transaction.atomic():
        with connection.cursor() as cursor:
            cursor.execute(f"SET LOCAL work_mem = '{SORT_MEMORY}'")
        if export.prepare is not None:
            export.prepare(params)
        yield


def _check_plain(export: Export, params: Sequence[Any]) -> None:
    odd = " OR ".join(f"left({name}, 1) IN ({_STARTS})" for name in export.columns if name in export.texts)
    with connection.cursor() as cursor:
        cursor.execute(f"SELECT * FROM ({export.query(safe=False)}) made WHERE {odd} LIMIT 1", params)
        if (row := cursor.fetchone()) is not None:
            cell = next(value for value in row if str(value).startswith(FORMULA_STARTS))
            raise Refused(
                f"{cell!r} begins as a formula of a spreadsheet, and as CSV could not be both safe and taken in again "
                "as it is: export as jsonl.",
                code="begins_as_formula",
            )


def write_draft(export: Export, params: Sequence[Any], format: str, draft: Path) -> int:
    """Writes an export to `draft`; returns the number of rows."""
    if format == "xlsx":
        return _write_xlsx(export, params, draft)
    return _write_rows(STREAMED[format](export, params), draft) - (format == "csv")


def _write_rows(blocks: Iterator[Rows], draft: Path) -> int:
    count = 0
    with draft.open("wb") as file:
        for rows in blocks:
            count += rows.number
            file.write(rows.data)
    return count


def _write_xlsx(export: Export, params: Sequence[Any], draft: Path) -> int:
    with _prepared(export, params), connection.cursor() as cursor:
        cursor.execute(export.query(safe=True), params)
        rows = cursor.fetchall()
    return write_sheet(names=list(export.columns), rows=rows, target=draft)


def table_blocks(export: Export, params: Sequence[Any], format: str) -> Iterator[bytes]:
    """An export in a format that can be handed out block by block (`STREAMED`)."""
    return (rows.data for rows in STREAMED[format](export, params))


STREAMED = {"csv": csv_rows, "jsonl": jsonl_rows}
