"""Accepted sales into their table by binary COPY: a large file as a partition of its own, others into one for all."""

from collections.abc import Iterator

import numpy as np
import pyarrow as pa
from django.db import connection

from revshare.bulk import copy_batches
from revshare.files.bounds import BLANK, bounds
from revshare.files.work import Work
from revshare.sales.columns import COLUMNS, Column
from revshare.sales.part_sums import add_up, keep

# From here on a file gets its own partition: loaded before anybody sees it, indexed at once, and not logged twice.
PARTITION_ROWS = 200_000
BATCH_ROWS = 50_000
[CUSTOMER] = [column for column in COLUMNS if column.name == "customer_id"]
# Of the database, while a partition is filled, indexed and analysed. What is written goes to the disk at once, not all
# with the commit. We wait while it is indexed, so a second process may have our processor. And 6,000 rows say enough of
# what a look-up has to know.
FILLING = (
    "work_mem = '256MB'", "maintenance_work_mem = '256MB'", "max_parallel_maintenance_workers = 1",
    "backend_flush_after = '1MB'", "default_statistics_target = 20",
)  # fmt: skip


def store(work: Work, *, file_id: int, apart: bool) -> None:
    """Writes the accepted rows as sales of a file. In the transaction that holds the lock of the intake. `apart`: as a
    partition of its own also if it is small, since ids of void files come again in it."""
    sums = add_up(work, names_customers=CUSTOMER not in silent_columns(work))
    count = work.number("SELECT count(*) FROM accepted") if sums is None else sum(group.sales for group in sums)
    if not count:
        return
    first = _reserve(count)
    # What quarantine releases joins the small lots: its file may have a partition already, and that is closed.
    if work.released or (count < PARTITION_ROWS and not apart):
        _copy(work, "sales_sale_0", file_id, first, frozen=False)
        with connection.cursor() as cursor:
            cursor.execute("SELECT revshare_analyze('sales_sale_0')")
        return
    with connection.cursor() as cursor:
        cursor.execute("; ".join(f"SET LOCAL {setting}" for setting in FILLING))
        cursor.execute("SELECT revshare_new_sales(%s)", [file_id])
        (part,) = cursor.fetchone()
        _copy(work, part, file_id, first, frozen=True)
        if sums is not None:
            keep(sums, part=file_id, first_seq=first, last_seq=first + count - 1)
        cursor.execute("SELECT revshare_attach_sales(%s)", [file_id])


def silent_columns(work: Work) -> set[Column]:
    """Columns in which the whole file says nothing, and which the table fills by itself."""
    if work.said is not None:
        return {column for column in COLUMNS if column.blank and column.source not in work.said}
    if not work.spool:
        return set()
    seen = bounds(work.spool)
    return {column for column in COLUMNS if column.blank and seen.get(column.source, BLANK) == BLANK}


def _copy(work: Work, table: str, file_id: int, first: int, *, frozen: bool) -> None:
    silent = silent_columns(work)
    columns = [column for column in COLUMNS if column not in silent]
    copy_batches(
        table=table, columns=(*(column.name for column in columns), "row", "seq", "file_id"),
        batches=_numbered(work, ", ".join(column.binary for column in columns), file_id, first), frozen=frozen,
    )  # fmt: skip


def _numbered(work: Work, columns: str, file_id: int, first: int) -> Iterator[pa.RecordBatch]:
    """The rows with their numbers of arrival and their file. In order of ids, which mostly is that of time too: so the
    indexes are built without sorting, and what reads by id reads the table from front to back."""
    found = work.con.sql(f"SELECT {columns}, row FROM accepted ORDER BY sale_id")
    for batch in found.to_arrow_reader(BATCH_ROWS):
        seqs = np.arange(first, first + len(batch), dtype=np.int64)
        arrays = [*batch.columns, pa.array(seqs), pa.array(np.full(len(batch), file_id, np.int64))]
        yield pa.RecordBatch.from_arrays(arrays, [str(place) for place in range(len(arrays))])
        first += len(batch)


def _reserve(count: int) -> int:
    """Takes the next `count` numbers of arrival for this transaction, which alone has the lock of the intake; returns
    the first."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT revshare_reserve_sales(%s)", [count])
        return int(cursor.fetchone()[0])
