"""Files for finance: streamed from the database, byte-repeatable, opened by a spreadsheet without repair."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from pathlib import Path
from typing import TYPE_CHECKING

from django.db import connection, transaction

from revshare.bulk import Rows, copied_out
from revshare.cells import FORMULA_STARTS
from revshare.errors import Refused
from revshare.exports.from_lake import write_payouts
from revshare.money import MICROS_PER_UNIT

if TYPE_CHECKING:
    import xlsxwriter

FORMATS = ("csv", "xlsx")
MAX_SHEET_ROWS = 1_048_575
SORT_MEMORY = "256MB"  # of the database's, while an export is put in order


def _text(column: str) -> str:
    """SQL for `cells.safe_cell`: an apostrophe before what a spreadsheet would take for a formula."""
    starts = ", ".join("E'" + start.replace("\t", "\\t").replace("\r", "\\r") + "'" for start in FORMULA_STARTS)
    return f"CASE WHEN left({column}, 1) IN ({starts}) THEN '''' || {column} ELSE {column} END"


@dataclass(frozen=True)
class Export:
    """A kind of export: its columns in order, each with its SQL, and the rest of the query (parameter: cycle id)."""

    columns: dict[str, str]
    source: str

    @property
    def query(self) -> str:
        chosen = ", ".join(f"{sql} AS {name}" for name, sql in self.columns.items())
        return f"SELECT {chosen} FROM {self.source}"


ENTRIES = (
    "ledger_entry e JOIN pools_pool p ON p.id = e.pool_id JOIN cycles_cycle c ON c.id = e.cycle_id "
    "WHERE e.cycle_id = %s AND e.statement_lines > 0 ORDER BY e.statement_no"
)
MOVED = ENTRIES.replace(
    "WHERE",
    "LEFT JOIN statements_moved m ON p.kind = 'movements' AND m.cycle_id = e.cycle_id "
    "AND m.contributor_id = e.contributor_id AND m.currency = p.currency WHERE",
)
ALLOCATED = ENTRIES.replace("ORDER BY", "AND NOT (p.kind = 'movements' AND e.statement_lines = 1) ORDER BY")
EXPORTS: dict[str, Export] = {
    "payouts": Export(
        {
            "contributor_id": _text("e.contributor_id"), "currency": "p.currency",
            "amount_micros": "e.earned_micros",
        },
        ALLOCATED,
    ),
    "statements": Export(
        {
            "number": _text("c.key") + " || '-' || to_char(e.statement_no, 'FM000000000')",
            "contributor_id": _text("e.contributor_id"),
            "contributor_name": "(SELECT " + _text("k.name")
            + " FROM contributors_contributor k WHERE k.id = e.contributor_id)",
            "currency": "p.currency",
            "opening_micros": "e.opening_micros", "earned_micros": "e.earned_micros",
            **{f"{name}_micros": f"coalesce(m.{name}_micros, 0)" for name in ("adjusted", "withheld", "held", "paid")},
            "closing_micros": "e.opening_micros + e.earned_micros "
            "+ CASE p.kind WHEN 'movements' THEN e.amount_micros ELSE 0 END",
        },
        MOVED,
    ),
    "journal": Export(
        {"journal": "l.journal_id", "kind": "j.kind", "key": _text("j.key"), "account": "l.account",
         "currency": "l.currency", "side": "l.side", "amount_micros": "l.amount_micros"},
        "ledger_every_leg l JOIN ledger_journal j ON j.seq = l.journal_id WHERE j.cycle_id = %s "
        "ORDER BY l.journal_id, l.account, l.currency",
    ),
    "splits": Export(
        {
            "contributor_id": _text("contributor_id"), "payee_id": _text("payee_id"), "currency": "currency",
            "earned_micros": "earned_micros", "share_millionths": "share_millionths", "amount_micros": "amount_micros",
        },
        'allocation_passed_on WHERE cycle_id = %s ORDER BY contributor_id COLLATE "C", payee_id COLLATE "C", currency',
    ),
}  # fmt: skip
USUAL = ("payouts", "statements", "journal")
"""What a cycle is exported as unless somebody asks for others."""


def write(*, kind: str, cycle_id: int, format: str, target: Path) -> int:
    """Writes an export beside `target` and then in its place; returns the number of rows. Raises Refused."""
    export = _find(kind, format)
    draft = target.with_name(f"{target.name}.part")
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        rows = WRITERS[format](export, cycle_id, draft)
        draft.replace(target)
    except OSError as error:
        raise Refused(f"Cannot write {target}: {error.strerror}.") from None
    finally:
        draft.unlink(missing_ok=True)
    return rows


def csv_blocks(*, kind: str, cycle_id: int) -> Iterator[bytes]:
    """An export as CSV, block by block."""
    return (rows.data for rows in _csv(_find(kind, "csv"), cycle_id))


def _csv(export: Export, cycle_id: int) -> Iterator[Rows]:
    """The header counts as a row."""
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(f"SET LOCAL work_mem = '{SORT_MEMORY}'")
        yield from copied_out(export.query, [cycle_id], options=", HEADER")


def _find(kind: str, format: str) -> Export:
    if kind not in EXPORTS:
        raise Refused(f"There is no export called {kind!r}; there are {', '.join(EXPORTS)}.")
    if format not in FORMATS:
        raise Refused(f"There is no format called {format!r}; there are {', '.join(FORMATS)}.")
    return EXPORTS[kind]


def _write_csv(export: Export, cycle_id: int, draft: Path) -> int:
    if export is EXPORTS["payouts"]:
        rows_written = write_payouts(cycle_id=cycle_id, draft=draft)
        if rows_written is not None:
            return rows_written
    count = -1
    with draft.open("wb") as file:
        for rows in _csv(export, cycle_id):
            count += rows.number
            file.write(rows.data)
    return count


def _write_xlsx(export: Export, cycle_id: int, draft: Path) -> int:
    """Micros go in as text, since a spreadsheet's numbers are binary floats with 15 digits; beside them stands the same
    amount as a number, for reading and summing."""
    import xlsxwriter

    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(export.query, [cycle_id])
        rows = cursor.fetchall()
    if len(rows) > MAX_SHEET_ROWS:
        raise Refused(f"{len(rows):,} rows do not fit into a sheet ({MAX_SHEET_ROWS:,}): export as csv.")
    book = xlsxwriter.Workbook(
        str(draft), {"constant_memory": True, "strings_to_formulas": False, "strings_to_urls": False}
    )
    book.set_properties({"created": datetime(2000, 1, 1)})  # noqa: DTZ001  fixed, so that the bytes repeat
    sheet = book.add_worksheet()
    bold, amount = book.add_format({"bold": True}), book.add_format({"num_format": "#,##0.000000"})
    places = _header(sheet, list(export.columns), bold)
    sheet.freeze_panes(1, 0)
    for line, row in enumerate(rows, 1):
        for (name, place), value in zip(places.items(), row, strict=True):
            sheet.write_string(line, place, str(value))
            if name.endswith("_micros"):
                sheet.write_number(line, place + 1, Decimal(value) / MICROS_PER_UNIT, amount)
    book.close()
    return len(rows)


def _header(
    sheet: "xlsxwriter.worksheet.Worksheet", names: list[str], bold: "xlsxwriter.format.Format"
) -> dict[str, int]:
    """Writes the first row; returns the column of each name."""
    places = {}
    position = 0
    for name in names:
        places[name] = position
        sheet.write_string(0, position, name, bold)
        if name.endswith("_micros"):
            position += 1
            sheet.write_string(0, position, name.removesuffix("_micros"), bold)
        position += 1
    return places


WRITERS: dict[str, Callable[[Export, int, Path], int]] = {"csv": _write_csv, "xlsx": _write_xlsx}
