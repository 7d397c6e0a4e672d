"""Conducts files to the stages that take them, and quarantined rows back to them."""

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from pathlib import Path

from django.db import connection, transaction

from revshare.audit_trail.operations import Act
from revshare.consents.operations import ConsentIntake
from revshare.contributors.operations import ContributorIntake
from revshare.errors import NotFound, Refused
from revshare.files import mapped, quarantine
from revshare.files.formats import PAYMENT_RESULTS
from revshare.files.models import IngestedFile, QuarantinedRow
from revshare.files.operations import Report, take_in
from revshare.files.work import Intake
from revshare.manifests.operations import AttributionIntake, ModelIntake
from revshare.measures.operations import MeasureIntake, OutputIntake, UsageIntake
from revshare.payouts.results import PaymentResultIntake
from revshare.progress import Progress, no_progress
from revshare.rates.operations import RateIntake
from revshare.sales.operations import SalesIntake
from revshare.splits.operations import SplitIntake

# In the order in which a folder of files is taken in.
INTAKES: dict[str, Intake] = {
    intake.kind: intake
    for intake in (
        ContributorIntake(), ConsentIntake(), RateIntake(), ModelIntake(), AttributionIntake(), MeasureIntake(),
        UsageIntake(), SalesIntake(), OutputIntake(), SplitIntake(), PaymentResultIntake(),
    )
}  # fmt: skip
EXTENSIONS = (".csv", ".csv.gz", ".jsonl", ".jsonl.gz", ".parquet")


@dataclass(frozen=True)
class Waiting:
    """Quarantined rows that wait for what files of some `kinds` bring: `found` gives (file, row) of those to judge
    again."""

    kinds: tuple[str, ...]
    counted_as: str
    found: str


WAITING = (
    Waiting(
        ("sales",),
        "released_refunds",
        "SELECT q.file_id, q.id FROM files_quarantined_row q JOIN sales_sale s ON s.sale_id = q.row->>'refund_of' "
        "WHERE q.state = 'open' AND q.reason = 'refund_of_unknown_sale@refund_of'",
    ),
    # A share of zero is fine beside others that are not: those may have come now.
    Waiting(
        ("attributions",),
        "released_shares",
        "SELECT q.file_id, q.id FROM files_quarantined_row q "
        "WHERE q.state = 'open' AND q.reason = 'asset_share_zero@share'",
    ),
    Waiting(
        ("contributors", "attributions"),
        "released_unknown",
        "SELECT q.file_id, q.id FROM files_quarantined_row q "
        "JOIN contributors_contributor c ON c.id = q.row->>split_part(q.reason, '@', 2) WHERE q.state = 'open' "
        "AND q.reason IN ('contributor_unknown@contributor_id', 'contributor_unknown@payee_id')",
    ),
)


def ingest(
    *, kind: str, path: Path, act: Act, name: str = "", mapping: str = "", progress: Progress = no_progress,
    turn: Callable[[], None] = lambda: None,
) -> Report:  # fmt: skip
    """Takes in one file. Refunds that waited for a sale of this file are taken in with it.

    The same bytes again do nothing. Raises FileRefused or Refused with what is wrong; then nothing is stored. `turn`:
    see `files.operations.take_in`. `mapping`: the name of a saved one, for a file whose columns have other names.
    """
    if kind not in INTAKES:
        raise Refused(f"There is no kind of file called {kind!r}; there are {', '.join(INTAKES)}.")
    chosen = mapped.of_kind(mapping, kind)
    with transaction.atomic():
        report = take_in(
            path=path, intake=INTAKES[kind], act=act, name=name, mapping=chosen, progress=progress, turn=turn
        )
        if not report.seen_before:
            progress("release", 0, 0)
            for waiting in WAITING:
                if kind in waiting.kinds:
                    released = release_waiting(waiting, act=act) if report.file.rows_accepted else 0
                    report.facts[waiting.counted_as] = released
    return report


def find_files(folder: Path) -> list[tuple[str, Path]]:
    """The files of a folder that `ingest` should take, in the right order."""
    if not folder.is_dir():
        raise NotFound(f"There is no folder {folder}.")
    found = []
    for kind in INTAKES:
        paths = [folder / f"{kind}{extension}" for extension in EXTENSIONS]
        found += [(kind, path) for path in paths if path.exists()]
    if results := [path.name for kind, path in found if kind == PAYMENT_RESULTS]:
        raise Refused(f"{', '.join(results)} is booked by finance (payouts results FILE): take it out of {folder}.")
    return found


def release_waiting(waiting: Waiting, *, act: Act) -> int:
    """Takes in quarantined rows for which what they waited for has come, until none is left. Returns how many."""
    released = 0
    while True:
        with connection.cursor() as cursor:
            cursor.execute(waiting.found)
            found: dict[int, list[int]] = {}
            for file_id, row_id in cursor.fetchall():
                found.setdefault(file_id, []).append(row_id)
        count = 0
        for file_id, rows in sorted(found.items()):
            file = IngestedFile.objects.get(pk=file_id)
            count += quarantine.retry(file=file, intake=INTAKES[file.kind], act=act, only=rows)["accepted"]
        if not count:
            break
        released += count
    return released


def release_waiting_refunds(*, act: Act) -> int:
    """Takes in quarantined refunds whose sale has come by now. Returns how many."""
    return sum(release_waiting(waiting, act=act) for waiting in WAITING if "sales" in waiting.kinds)


def retry_quarantine(
    *, file_id: int | None, act: Act, only: Mapping[int, Collection[int]] | None = None
) -> dict[str, int]:  # fmt: skip
    """Judges open quarantined rows again: of one file, of all, or `only` these row ids, by file. Returns what became of
    them."""
    files = IngestedFile.objects.filter(quarantine__state=QuarantinedRow.State.OPEN).distinct().order_by("pk")
    if file_id is not None:
        if not IngestedFile.objects.filter(pk=file_id).exists():
            raise NotFound(f"There is no file {file_id}.")
        files = files.filter(pk=file_id)
    if only is not None:
        files = files.filter(pk__in=list(only))
    totals = {"accepted": 0, "duplicate": 0, "quarantined": 0}
    with transaction.atomic():
        for file in files:
            chosen = only[file.pk] if only is not None else None
            for outcome, count in quarantine.retry(
                file=file, intake=INTAKES[file.kind], act=act, only=chosen
            ).items():  # fmt: skip
                totals[outcome] += count
        for waiting in WAITING:
            totals[waiting.counted_as] = release_waiting(waiting, act=act)
    return totals
