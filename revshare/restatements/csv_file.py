"""The lines of a restatement as CSV."""

import csv
import io
from collections.abc import Iterable, Iterator, Sequence
from itertools import islice

from revshare.cells import safe_cell
from revshare.restatements.models import Restatement

HEADER = (
    "bucket", "contributor_id", "currency", "table", "model", "dataset_version", "part", "reason", "old_micros",
    "new_micros", "difference_micros",
)  # fmt: skip
ROWS_AT_ONCE = 10_000


def csv_blocks(restatement: Restatement) -> Iterator[bytes]:
    """A row for each amount that comes out differently, with its sign as it moves the account; in the order that they
    were drafted in. Texts are safe to open in a spreadsheet."""
    yield _lines([HEADER])
    lines = restatement.lines.order_by("pk").iterator(chunk_size=ROWS_AT_ONCE)
    rows = (
        [
            *(
                safe_cell(text)
                for text in (
                    line.bucket, line.contributor_id or "", line.currency, line.table, line.model, line.dataset_version,
                    line.part, line.reason,
                )
            ),
            line.old_micros, line.new_micros, line.difference_micros,
        ]
        for line in lines
    )  # fmt: skip
    while block := _next(rows):
        yield _lines(block)


def _next(rows: Iterator[Sequence[object]]) -> list[Sequence[object]]:
    return list(islice(rows, ROWS_AT_ONCE))


def _lines(rows: Iterable[Sequence[object]]) -> bytes:
    text = io.StringIO()
    csv.writer(text, lineterminator="\n").writerows(rows)
    return text.getvalue().encode("utf-8")
