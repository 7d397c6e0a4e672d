"""The same rows in each format that may come in."""

import csv
import gzip
import io
import json
from collections.abc import Mapping, Sequence
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

Rows = Sequence[Mapping[str, str]]
FORMATS = ("csv", "csv.gz", "jsonl", "parquet")
FIRST_LINE = {"csv": 2, "csv.gz": 2, "jsonl": 1, "parquet": 1}
"""The line (Parquet: the row) that the first row stands on where no value spans lines."""


def csv_bytes(rows: Rows, columns: Sequence[str], *, end: str = "\n") -> bytes:
    text = io.StringIO(newline="")
    writer = csv.DictWriter(text, columns, lineterminator=end)
    writer.writeheader()
    writer.writerows(rows)
    return text.getvalue().encode()


def write(folder: Path, kind: str, form: str, rows: Rows, columns: Sequence[str]) -> Path:
    """Writes the rows as a file of the kind in the format; a column that a row lacks is blank."""
    path = folder / f"{kind}.{form}"
    whole = [{name: row.get(name, "") for name in columns} for row in rows]
    if form == "csv":
        path.write_bytes(csv_bytes(whole, columns))
    elif form == "csv.gz":
        path.write_bytes(gzip.compress(csv_bytes(whole, columns)))
    elif form == "jsonl":
        path.write_text("".join(json.dumps(row, ensure_ascii=False) + "\n" for row in whole), encoding="utf-8")
    else:
        table = pa.table({name: pa.array([row[name] for row in whole], pa.string()) for name in columns})
        pq.write_table(table, path)
    return path
