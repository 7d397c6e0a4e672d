"""Conducts files to the stages that take them, and quarantined rows back to them."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from django.db import connection, transaction

from revshare.audit_trail.operations import Act
from revshare.contributors.operations import ContributorIntake
from revshare.errors import NotFound, Refused
from revshare.files import quarantine
from revshare.files.formats import PAYMENT_RESULTS
from revshare.files.models import IngestedFile, QuarantinedRow
from revshare.files.operations import Report, take_in
from revshare.files.work import Intake
from revshare.manifests.operations import AttributionIntake, ModelIntake
from revshare.payouts.results import PaymentResultIntake
from revshare.progress import Progress, no_progress
from revshare.sales.operations import SalesIntake

# In the order in which a folder of files is taken in.
INTAKES: dict[str, Intake] = {
    intake.kind: intake
    for intake in (ContributorIntake(), ModelIntake(), AttributionIntake(), SalesIntake(), PaymentResultIntake())
}
LATER_KINDS = ("consents", "rates")
EXTENSIONS = (".csv", ".csv.gz", ".jsonl", ".jsonl.gz", ".parquet")


@dataclass(frozen=True)
class Waiting:
    """Quarantined rows that wait for other rows: `found` gives (file, row) of those to judge again."""

    counted_as: str
    found: str


# By the kind of file that brings what is waited for.
WAITING = {
    "sales": Waiting(
        "released_refunds",
        "SELECT q.file_id, q.id FROM files_quarantined_row q JOIN sales_sale s ON s.sale_id = q.row->>'refund_of' "
        "WHERE q.state = 'open' AND q.reason = 'refund_of_unknown_sale@refund_of'",
    ),
    # A share of zero is fine beside others that are not: those may have come now.
    "attributions": Waiting(
        "released_shares",
        "SELECT q.file_id, q.id FROM files_quarantined_row q "
        "WHERE q.state = 'open' AND q.reason = 'asset_share_zero@share'",
    ),
}


def ingest(
    *, kind: str, path: Path, act: Act, name: str = "", progress: Progress = no_progress,
    turn: Callable[[], None] = lambda: None,
) -> Report:  # fmt: skip
    """Takes in one file. Refunds that waited for a sale of this file are taken in with it.

    The same bytes again do nothing. Raises FileRefused or Refused with what is wrong; then nothing is stored. `turn`:
    see `files.operations.take_in`.
    """
    if kind in LATER_KINDS:
        raise Refused(f"This version cannot take {kind} yet, and ignoring them could pay wrongly: nothing was done.")
    if kind not in INTAKES:
        raise Refused(f"There is no kind of file called {kind!r}; there are {', '.join(INTAKES)}.")
    with transaction.atomic():
        report = take_in(path=path, intake=INTAKES[kind], act=act, name=name, progress=progress, turn=turn)
        if not report.seen_before:
            progress("release", 0, 0)
            released = release_waiting(kind=kind, act=act) if report.file.rows_accepted else 0
            if kind in WAITING:
                report.facts[WAITING[kind].counted_as] = released
    return report


def find_files(folder: Path) -> list[tuple[str, Path]]:
    """The files of a folder that `ingest` should take, in the right order. Raises Refused for what it cannot take."""
    if not folder.is_dir():
        raise NotFound(f"There is no folder {folder}.")
    found = []
    for kind in (*INTAKES, *LATER_KINDS):
        paths = [folder / f"{kind}{extension}" for extension in EXTENSIONS]
        found += [(kind, path) for path in paths if path.exists()]
    if results := [path.name for kind, path in found if kind == PAYMENT_RESULTS]:
        raise Refused(f"{', '.join(results)} is booked by finance (payouts results FILE): take it out of {folder}.")
    if later := [path.name for kind, path in found if kind in LATER_KINDS]:
        raise Refused(f"This version cannot take {', '.join(later)} yet, and ignoring them could pay wrongly.")
    return found


def release_waiting(*, kind: str, act: Act) -> int:
    """Takes in quarantined rows for which what they waited for has come in a file of this kind, until none is left.
    Returns how many."""
    released = 0
    while kind in WAITING:
        with connection.cursor() as cursor:
            cursor.execute(WAITING[kind].found)
            waiting: dict[int, list[int]] = {}
            for file_id, row_id in cursor.fetchall():
                waiting.setdefault(file_id, []).append(row_id)
        count = 0
        for file_id, rows in sorted(waiting.items()):
            file = IngestedFile.objects.get(pk=file_id)
            count += quarantine.retry(file=file, intake=INTAKES[file.kind], act=act, only=rows)["accepted"]
        if not count:
            break
        released += count
    return released


def release_waiting_refunds(*, act: Act) -> int:
    """Takes in quarantined refunds whose sale has come by now. Returns how many."""
    return release_waiting(kind="sales", act=act)


def retry_quarantine(*, file_id: int | None, act: Act) -> dict[str, int]:
    """Judges open quarantined rows again: of one file, or of all. Returns what became of them."""
    files = IngestedFile.objects.filter(quarantine__state=QuarantinedRow.State.OPEN).distinct().order_by("pk")
    if file_id is not None:
        if not IngestedFile.objects.filter(pk=file_id).exists():
            raise NotFound(f"There is no file {file_id}.")
        files = files.filter(pk=file_id)
    totals = {"accepted": 0, "duplicate": 0, "quarantined": 0}
    with transaction.atomic():
        for file in files:
            for outcome, count in quarantine.retry(file=file, intake=INTAKES[file.kind], act=act).items():
                totals[outcome] += count
        for kind, waiting in WAITING.items():
            totals[waiting.counted_as] = release_waiting(kind=kind, act=act)
    return totals
