"""Files that should not have come: their rows count in no cycle that is locked from then on."""

from django.db import transaction

from revshare.audit_trail.operations import Act, record
from revshare.errors import Conflict, NotFound, Refused
from revshare.files.models import IngestedFile, Void
from revshare.files.queries import last_arrival, open_quarantine
from revshare.locks import Lock, hold

VOIDABLE = ("sales", "measures", "outputs", "usage")
# SQL of whether a row's file is void, for queries of all that counts today. `{0}`: the row's table.
IS_VOID = "EXISTS (SELECT FROM files_void v WHERE v.file_id = {0}.file_id)"


@transaction.atomic
def void(*, file_id: int, reason: str, act: Act) -> tuple[Void, bool]:
    """Says that a file should not have come; returns that, and whether it is new.

    Raises NotFound; Refused without a reason, for kinds whose rows cannot be taken out, and while rows of it wait in
    quarantine; Conflict if it was voided for another reason.
    """
    hold(Lock.INTAKE)  # no lock closes over half of it
    file = IngestedFile.objects.filter(pk=file_id).first()
    if file is None:
        raise NotFound(f"There is no file {file_id}: `files list` shows those there are.")
    if file.kind not in VOIDABLE:
        raise Refused(
            f"File {file_id} is of kind {file.kind}: only {', '.join(VOIDABLE)} can be voided. What other kinds say is "
            "changed by a later file, or by a restatement with another manifest."
        )
    if not reason.strip():
        raise Refused("Say why the file is void: the reason is kept with it, and stands in the audit trail.")
    if known := Void.objects.filter(pk=file_id).first():
        if known.reason == reason:
            return known, False
        raise Conflict(f"File {file_id} was voided already, by {known.voided_by}: {known.reason}")
    if waiting := open_quarantine().filter(file=file).count():
        raise Refused(
            f"{waiting} rows of file {file_id} wait in quarantine: dismiss them first, or they could come in."
        )
    made = Void.objects.create(file=file, reason=reason, arrival=last_arrival(), voided_at=act.at, voided_by=act.actor)
    record(act=act, action="file.void", object=f"file:{file_id}", detail={"reason": reason})
    return made, True


def voided() -> tuple[int, ...]:
    """The files that are void by now."""
    return tuple(Void.objects.order_by("pk").values_list("pk", flat=True))
