"""Rows that could not be taken: listed, judged again, or dismissed by a person with a reason."""

from collections.abc import Iterable
from typing import Any

from django.db import connection, transaction

from revshare.audit_trail.operations import Act, record
from revshare.errors import NotFound, Refused
from revshare.files.models import IngestedFile, QuarantinedRow
from revshare.files.operations import rows_as_parquet
from revshare.files.work import Intake, Work, prepare_tables
from revshare.lake import duck, literal, spool
from revshare.locks import Lock, hold

State = QuarantinedRow.State


def retry(*, file: IngestedFile, intake: Intake, act: Act, only: Iterable[int] | None = None) -> dict[str, int]:
    """Judges the open rows of a file again (`only`: these row ids) and takes in those that now pass.

    Returns how many were accepted, duplicate, and left in quarantine.
    """
    rows = QuarantinedRow.objects.filter(file=file, state=State.OPEN)
    if only is not None:
        rows = rows.filter(pk__in=list(only))
    content = [{"row": pk, **row} for pk, row in rows.values_list("pk", "row")]
    if not content:
        return {"accepted": 0, "duplicate": 0, "quarantined": 0}
    with spool() as scratch, duck(scratch) as con:
        path = scratch / "rows.parquet"
        rows_as_parquet(con, content, kind=file.kind, path=path)
        work = Work(con=con, scratch=scratch, act=act, released=True)
        prepare_tables(work, f"SELECT * FROM read_parquet({literal(path)})")
        intake.check(work)
        with transaction.atomic():
            hold(Lock.INTAKE)
            intake.settle(work)
            intake.store(work, file)
            return _release(work, file, act, len(content))


def _release(work: Work, file: IngestedFile, act: Act, count: int) -> dict[str, int]:
    found = work.con.execute("SELECT outcome, row, reason FROM exceptions").fetchall()
    duplicate = [row for outcome, row, _ in found if outcome == "duplicate"]
    still = [(reason, row) for outcome, row, reason in found if outcome == "quarantined"]
    accepted = [row for (row,) in work.con.execute("SELECT row FROM accepted").fetchall()]
    decided: dict[str, Any] = {"decided_at": act.at, "decided_by": act.actor, "decision": act.why or "retried"}
    QuarantinedRow.objects.filter(pk__in=accepted).update(state=State.ACCEPTED, **decided)
    QuarantinedRow.objects.filter(pk__in=duplicate).update(state=State.DUPLICATE, **decided)
    with connection.cursor() as cursor:
        cursor.executemany("UPDATE files_quarantined_row SET reason = %s WHERE id = %s", still)
    counts = {"accepted": len(accepted), "duplicate": len(duplicate), "quarantined": len(still)}
    assert sum(counts.values()) == count
    if accepted or duplicate:
        record(act=act, action="quarantine.released", object=f"file:{file.pk}", detail=counts)
    return counts


@transaction.atomic
def dismiss(*, file_id: int, act: Act, only: Iterable[int] | None = None) -> int:
    """Closes the open rows of a file for good, under the actor's reason (`only`: these row ids). Returns how many. They
    stay on record."""
    if not act.why.strip():
        raise Refused("A dismissal needs a reason.", code="reason_missing")
    if not IngestedFile.objects.filter(pk=file_id).exists():
        raise NotFound(f"There is no file {file_id}.")
    rows = QuarantinedRow.objects.filter(file_id=file_id, state=State.OPEN)
    if only is not None:
        rows = rows.filter(pk__in=list(only))
    count = rows.update(state=State.DISMISSED, decided_at=act.at, decided_by=act.actor, decision=act.why)
    if count:
        record(act=act, action="quarantine.dismissed", object=f"file:{file_id}", detail={"rows": count})
    return count
