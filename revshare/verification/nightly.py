"""Everything verified as a run, and what came of it kept: a row, and an event if it is not clean."""

from dataclasses import asdict

from django.db import transaction

from revshare.audit_trail.operations import Act, record
from revshare.cycles.models import Cycle
from revshare.progress import Progress
from revshare.runs.models import Run
from revshare.runs.operations import fence
from revshare.verification.models import StoredVerdict
from revshare.verification.operations import verify

NAMED = 100  # findings that are kept in full; the count says how many there were


def verify_and_keep(*, run: Run, act: Act, progress: Progress) -> StoredVerdict:
    """Verifies all cycles and stores the verdict, once for a run."""
    if known := StoredVerdict.objects.filter(run=run).first():
        return known
    found = verify(cycles=list(Cycle.objects.select_related("policy").order_by("starts_at")), progress=progress)
    with transaction.atomic():
        verdict = StoredVerdict.objects.create(
            run=run, asked_at=act.at, asked_by=act.actor, checks=found.checks, cycles=found.cycles,
            findings_count=len(found.findings), findings=[asdict(finding) for finding in found.findings[:NAMED]],
        )  # fmt: skip
        if found.findings:
            record(
                act=act, action="instance.not_clean", object=f"run:{run.pk}",
                detail={"findings": verdict.findings_count, "first": verdict.findings[0]},
            )  # fmt: skip
        fence()
    return verdict


def last_verdict() -> StoredVerdict | None:
    return StoredVerdict.objects.first()
