"""Who may ask for a step again, or stop it: whoever may ask for it."""

from collections.abc import Iterable

from revshare.files.formats import PAYMENT_RESULTS
from revshare.files.models import Upload
from revshare.runs.models import Run

RIGHTS = {
    "ingest": "ingest", "lock": "lock", "calculate": "calculate", "review": "calculate", "publish": "publish",
    "prove": "publish", "restate": "restate", "verify": "verify",
    "preview": "prepare_payouts", "prepare": "prepare_payouts",
}  # fmt: skip


def right_of_kind(kind: str) -> str:
    """What it takes to hand in a file of a kind, and to have it tried again."""
    return "book_payments" if kind == PAYMENT_RESULTS else "ingest"


def rights_of(runs: Iterable[Run]) -> dict[int, str]:
    """By run, the right that it takes."""
    runs = list(runs)
    uploads = {run.pk: int(run.subject.partition(":")[2]) for run in runs if run.step == "ingest"}
    kinds = dict(Upload.objects.filter(pk__in=uploads.values()).values_list("pk", "kind")) if uploads else {}
    return {
        run.pk: right_of_kind(kinds.get(uploads[run.pk], "")) if run.pk in uploads else RIGHTS[run.step] for run in runs
    }
