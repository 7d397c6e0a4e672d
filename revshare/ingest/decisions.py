"""One decision of a contributor, made on a page: a file of one row, taken in as any other."""

import csv

from django.db import transaction

from revshare.audit_trail.operations import Act, record
from revshare.consents.models import DECISIONS, Consent
from revshare.errors import Refused
from revshare.files.models import QuarantinedRow
from revshare.files.reasons import sentence
from revshare.ingest.operations import ingest
from revshare.lake import spool

COLUMNS = ("contributor_id", "asset_id", "decision", "effective_at", "scope", "source")


@transaction.atomic
def decide(
    *, contributor_id: str, decision: str, asset_id: str, scope: str, through: str, act: Act
) -> Consent:  # fmt: skip
    """Opts out, or in again, as of now: one asset or all (blank), in one dataset version or everywhere (blank).
    `through`: the page that it was made on. Raises Refused, and then nothing is kept."""
    if decision not in DECISIONS:
        raise Refused(f"{decision!r} is no decision; there are {' and '.join(DECISIONS)}.", code="decision_unknown")
    source = f"{through}: {act.actor}"
    row = (contributor_id, asset_id, decision, act.at.isoformat(), scope, source)
    with spool() as scratch:
        path = scratch / "consents.csv"
        with path.open("w", encoding="utf-8", newline="") as file:
            csv.writer(file, lineterminator="\n").writerows([COLUMNS, row])
        report = ingest(kind="consents", path=path, act=act, name=f"decision of {act.actor}.csv")
    if refused := QuarantinedRow.objects.filter(file=report.file).first():
        code, _, column = refused.reason.partition("@")
        raise Refused(f"{column}: {sentence(code)}", code=code)
    record(
        act=act, action="consent.decided", object=f"contributor:{contributor_id}",
        detail={"decision": decision, "asset_id": asset_id, "scope": scope, "file": report.file.pk, "source": source},
    )  # fmt: skip
    return Consent.objects.get(contributor_id=contributor_id, asset_id=asset_id, scope=scope, effective_at=act.at)
