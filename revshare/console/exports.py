"""Exports as downloads."""

from django.http import FileResponse, HttpResponseBase, StreamingHttpResponse
from django.utils.http import content_disposition_header

from revshare.audit_trail.operations import Act, record
from revshare.cycles.models import Cycle
from revshare.cycles.rules import reached
from revshare.errors import Conflict
from revshare.exports.operations import csv_blocks, write
from revshare.lake import spool

XLSX = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"


def answer(*, cycle: Cycle, kind: str, format: str, act: Act) -> HttpResponseBase:
    """CSV is streamed; a workbook is written first and its file is gone once it is sent. Raises Refused."""
    if not reached(state=cycle.state, goal="calculated"):
        raise Conflict(f"Cycle {cycle.key} is {cycle.state}: there is nothing to export before it is calculated.")
    name = f"{kind}-{cycle.key}.{format}"
    if format == "csv":
        _note(cycle, kind, format, act)
        return StreamingHttpResponse(
            csv_blocks(kind=kind, cycle_id=cycle.pk), content_type="text/csv; charset=utf-8",
            headers={"Content-Disposition": content_disposition_header(True, name) or "attachment"},
        )  # fmt: skip
    with spool() as scratch:
        target = scratch / "export"
        write(kind=kind, cycle_id=cycle.pk, format=format, target=target)
        content = target.open("rb")
    _note(cycle, kind, format, act)
    return FileResponse(content, as_attachment=True, filename=name, content_type=XLSX)


def _note(cycle: Cycle, kind: str, format: str, act: Act) -> None:
    record(act=act, action="cycle.exported", object=f"cycle:{cycle.key}", detail={"kind": kind, "format": format})
