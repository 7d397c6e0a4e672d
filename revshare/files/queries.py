"""Reads: control totals of files, open quarantine, the reject file."""

import csv
import re
from collections.abc import Iterator
from dataclasses import dataclass
from decimal import Decimal

from django.db import connection
from django.db.models import Count, Q, QuerySet, Sum

from revshare.cells import safe_cell
from revshare.files.formats import KINDS
from revshare.files.models import IngestedFile, QuarantinedRow
from revshare.files.reasons import sentence
from revshare.money import AMOUNT_PATTERN

State = QuarantinedRow.State


@dataclass(frozen=True)
class Totals:
    """rows_in = accepted + duplicate + quarantined, as of now; the sums (micros) likewise, or None without amounts."""

    rows_in: int
    accepted: int
    duplicate: int
    quarantined: int
    open: int
    sum_in: Decimal | None
    sum_accepted: Decimal | None
    sum_duplicate: Decimal | None
    sum_quarantined: Decimal | None


def totals(file: IngestedFile) -> Totals:
    """A file's control totals, counting what quarantine has released since it was loaded."""
    released = QuarantinedRow.objects.filter(file=file).aggregate(
        accepted=Count("pk", filter=Q(state=State.ACCEPTED)),
        duplicate=Count("pk", filter=Q(state=State.DUPLICATE)),
        open=Count("pk", filter=Q(state=State.OPEN)),
        accepted_sum=Sum("amount_micros", filter=Q(state=State.ACCEPTED), default=0),
        duplicate_sum=Sum("amount_micros", filter=Q(state=State.DUPLICATE), default=0),
    )
    accepted_sum, duplicate_sum = released["accepted_sum"], released["duplicate_sum"]

    def moved(value: Decimal | None, by: int) -> Decimal | None:
        return None if value is None else value + by

    return Totals(
        rows_in=file.rows_in,
        accepted=file.rows_accepted + released["accepted"],
        duplicate=file.rows_duplicate + released["duplicate"],
        quarantined=file.rows_quarantined - released["accepted"] - released["duplicate"],
        open=released["open"],
        sum_in=file.sum_in,
        sum_accepted=moved(file.sum_accepted, accepted_sum),
        sum_duplicate=moved(file.sum_duplicate, duplicate_sum),
        sum_quarantined=moved(file.sum_quarantined, -accepted_sum - duplicate_sum),
    )


def last_arrival() -> int:
    """The number of the last file or release from quarantine; 0 before the first. Under the lock of the intake nothing
    that has one is still on its way."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT coalesce(pg_sequence_last_value(pg_get_serial_sequence('files_file', 'id')), 0)")
        return int(cursor.fetchone()[0])


def open_quarantine() -> QuerySet[QuarantinedRow]:
    """Rows that wait for a decision."""
    return QuarantinedRow.objects.filter(state=State.OPEN)


def _cell(text: str, *, number: bool) -> str:
    """A refund of -5.00 stays a number; `=1+1` in the same column does not."""
    return text if number and re.fullmatch(AMOUNT_PATTERN, text) else safe_cell(text)


class _Line:
    """A file object that hands back what csv writes to it."""

    def write(self, text: str) -> str:
        return text


def reject_lines(file: IngestedFile) -> Iterator[str]:
    """The rejected rows as a CSV file, line by line: where, why, what to do, and the row as it was read."""
    spec = KINDS[file.kind]
    columns = spec.known
    writer = csv.writer(_Line(), lineterminator="\n")
    yield writer.writerow(["line", "reason", "column", "state", "meaning", *columns])
    for rejected in QuarantinedRow.objects.filter(file=file).order_by("line").iterator(chunk_size=5000):
        code, _, column = rejected.reason.partition("@")
        cells = [_cell(rejected.row.get(name, ""), number=name in spec.numbers) for name in columns]
        yield writer.writerow([rejected.line, code, column, rejected.state, sentence(code), *cells])
