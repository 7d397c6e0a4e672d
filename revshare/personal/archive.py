"""All that is held about one contributor as a ZIP file: a CSV file for each table, as JSON too, a list of works."""

import csv
import io
import json
import zipfile
from collections.abc import Iterator
from datetime import datetime
from typing import IO, Any

from revshare.cells import safe_cell
from revshare.consents.assets import standings
from revshare.personal.queries import TABLES, rows_of

WORKS_PER_PAGE = 50_000
README = """All data that revshare holds about contributor {id}, taken on {at}.

Each table is there twice: NAME.csv for people (text that a spreadsheet would take for a formula has a ' before it) and
NAME.json for programs. Amounts are in micros, millionths of the currency; assets are counted in ticks, 720,720 to one.
Of accounts that you are paid to, only the ends are shown.
works.csv lists your assets, each in every dataset version that holds it, and which models were trained on it.
Of a bank account that you named only the end is told, here as everywhere.
"""


def write_archive(target: IO[bytes], *, contributor_id: str, at: datetime) -> None:
    """Writes the file. Raises LakeDamaged."""
    with zipfile.ZipFile(target, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("README.txt", README.format(id=contributor_id, at=at.isoformat(timespec="seconds")))
        for name in TABLES:
            header, *rows = rows_of(name, contributor_id)
            archive.writestr(f"{name}.csv", _csv([header, *rows]))
            items = [dict(zip(header, row, strict=True)) for row in rows]
            archive.writestr(f"{name}.json", json.dumps(items, default=str, ensure_ascii=False, indent=1) + "\n")
        archive.writestr("works.csv", _csv(_works(contributor_id, at)))


def _csv(rows: Any) -> str:
    out = io.StringIO(newline="")
    csv.writer(out, lineterminator="\n").writerows(
        [cell if isinstance(cell, int) else safe_cell("" if cell is None else str(cell)) for cell in row]
        for row in rows
    )
    return out.getvalue()


def _works(contributor_id: str, at: datetime) -> Iterator[list[Any]]:
    yield ["asset_id", "dataset_version", "models", "frozen_at", "opted_out"]
    after = ("", "")
    while True:
        page = standings(contributor_id=contributor_id, at=at, size=WORKS_PER_PAGE, after=after)
        for row in page.rows:
            yield [row.asset_id, row.dataset_version, " ".join(row.models), row.frozen_at or "", row.opted_out]
        if not page.more:
            return
        after = page.rows[-1].place
