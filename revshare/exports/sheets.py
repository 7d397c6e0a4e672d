"""A sheet of XLSX that a spreadsheet opens without repair; byte-repeatable, and no cell of it is executed."""

from collections.abc import Sequence
from datetime import datetime
from decimal import Decimal
from pathlib import Path
from typing import TYPE_CHECKING, Any

from revshare.errors import Refused
from revshare.money import MICROS_PER_UNIT

if TYPE_CHECKING:
    import xlsxwriter

MAX_SHEET_ROWS = 1_048_575


def write_sheet(*, names: Sequence[str], rows: Sequence[Sequence[Any]], target: Path) -> int:
    """Writes rows of safe text under their names; returns how many. Micros go in as text, since a spreadsheet's numbers
    are binary floats with 15 digits; beside them stands the same amount as a number, for reading and summing. Raises
    Refused."""
    import xlsxwriter

    if len(rows) > MAX_SHEET_ROWS:
        raise Refused(f"{len(rows):,} rows do not fit into a sheet ({MAX_SHEET_ROWS:,}): export as csv.")
    book = xlsxwriter.Workbook(
        str(target), {"constant_memory": True, "strings_to_formulas": False, "strings_to_urls": False}
    )
    book.set_properties({"created": datetime(2000, 1, 1)})  # noqa: DTZ001  fixed, so that the bytes repeat
    sheet = book.add_worksheet()
    bold, amount = book.add_format({"bold": True}), book.add_format({"num_format": "#,##0.000000"})
    places = _header(sheet, names, bold)
    sheet.freeze_panes(1, 0)
    for line, row in enumerate(rows, 1):
        for (name, place), value in zip(places.items(), row, strict=True):
            sheet.write_string(line, place, str(value))
            if name.endswith("_micros") and value != "":
                sheet.write_number(line, place + 1, Decimal(value) / MICROS_PER_UNIT, amount)
    book.close()
    return len(rows)


def _header(
    sheet: "xlsxwriter.worksheet.Worksheet", names: Sequence[str], bold: "xlsxwriter.format.Format"
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
