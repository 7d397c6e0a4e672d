"""One statement as CSV: opening, lines, what else moved the balance, closing."""

import csv
import io
from collections.abc import Iterator

from revshare.cells import safe_cell
from revshare.exports.statement_document import Document

COLUMNS = (
    "statement", "contributor_id", "line", "kind", "table", "model", "dataset_version", "part", "measure", "currency",
    "pool_micros", "share", "numerator_ticks", "denominator_ticks", "amount_micros", "rule", "reference",
)  # fmt: skip


def statement_csv(doc: Document) -> bytes:
    """UTF-8, `\\n` line ends, header first. All rows but the last add up to the last one's amount_micros.

    Text cells are safe to open in a spreadsheet; amounts and ticks are plain integers.
    """
    out = io.StringIO(newline="")
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow(COLUMNS)
    for row in _rows(doc):
        cells = (row.get(column, "") for column in COLUMNS)
        writer.writerow([cell if isinstance(cell, int) else safe_cell(cell) for cell in cells])
    return out.getvalue().encode()


def _rows(doc: Document) -> Iterator[dict[str, str | int]]:
    common: dict[str, str | int] = {
        "statement": doc.number, "contributor_id": doc.content.contributor_id, "currency": doc.currency,
    }  # fmt: skip
    yield common | {"kind": "opening", "amount_micros": doc.opening.micros}
    for item in doc.lines:
        line = item.line
        yield common | {
            "line": line.number, "kind": line.kind, "table": line.table, "model": line.model,
            "dataset_version": line.dataset_version, "part": line.part, "measure": line.measure,
            "pool_micros": line.pool_micros, "share": item.share,
            "numerator_ticks": line.numerator_ticks, "denominator_ticks": line.denominator_ticks,
            "amount_micros": line.amount_micros, "rule": item.rule,
        }  # fmt: skip
    for moved, amount in doc.movements:
        yield common | {
            "line": moved.number, "kind": moved.kind, "amount_micros": amount.micros, "rule": moved.words,
            "reference": moved.reference,
        }  # fmt: skip
    yield common | {"kind": "closing", "amount_micros": doc.closing.micros}
