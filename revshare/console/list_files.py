"""A list as a file: CSV streamed row by row, XLSX written first. Somebody takes a copy: the audit trail says who."""

import csv
import io
import json
from collections.abc import Iterable, Iterator, Sequence
from datetime import UTC, datetime
from itertools import islice
from typing import Any

from django.contrib import messages
from django.http import FileResponse, HttpRequest, HttpResponseBase, StreamingHttpResponse
from django.shortcuts import redirect
from django.utils.http import content_disposition_header
from django.utils.translation import gettext as _

from revshare.audit_trail.operations import record
from revshare.cells import safe_cell
from revshare.console.doors import acting, allowed, require
from revshare.exports.sheets import write_sheet
from revshare.exports.tables import CONTENT_TYPES
from revshare.lake import spool
from revshare.signin.links import PARAMETER, check_link, link_of
from revshare.wording import whole

EXPORT = "_export"
FORMATS = ("csv", "xlsx")
MAX_ROWS_OF_SHEET = 100_000  # it is written while somebody waits for it
Row = Sequence[Any]


def wanted(request: HttpRequest) -> str:
    """The format of the file that is asked for instead of the page; '' if none is. Takes what asks for it, and its
    link, out of the address. Raises PermissionDenied, LinkOver."""
    given = request.GET.copy()
    asked = given.pop(EXPORT, [])
    if not asked or asked[-1] not in FORMATS:
        return ""
    require(request, "export")
    request.GET = given  # type: ignore[assignment]
    check_link(request)
    return str(asked[-1])


def links(request: HttpRequest) -> list[tuple[str, str]]:
    """By format, the address of all that this page's list holds, as it is filtered and sorted."""
    if not allowed(request, "export"):
        return []
    given = request.GET.copy()
    for name in (EXPORT, PARAMETER, "page", "after", "before"):
        given.pop(name, None)
    given[PARAMETER] = link_of(request, request.path)
    return [(format.upper(), f"?{given.urlencode()}&{EXPORT}={format}") for format in FORMATS]


def as_file(
    request: HttpRequest, *, name: str, columns: Sequence[str], rows: Iterable[Row], format: str
) -> HttpResponseBase:
    """The rows under the names of their columns."""
    file_name = f"{name}.{format}"
    if format == "csv":
        _note(request, name, format)
        return StreamingHttpResponse(
            _lines(columns, rows), content_type=CONTENT_TYPES[format],
            headers={"Content-Disposition": content_disposition_header(True, file_name) or "attachment"},
        )  # fmt: skip
    cells = [[_cell(value) for value in row] for row in islice(rows, MAX_ROWS_OF_SHEET + 1)]
    if len(cells) > MAX_ROWS_OF_SHEET:
        said = _("These are more than %(count)s rows: filter them, or take them as CSV.")
        messages.error(request, said % {"count": whole(MAX_ROWS_OF_SHEET)})
        return redirect(f"{request.path}?{request.GET.urlencode()}")
    with spool() as scratch:
        target = scratch / "list"
        write_sheet(names=columns, rows=cells, target=target)
        content = target.open("rb")
    _note(request, name, format)
    return FileResponse(content, as_attachment=True, filename=file_name, content_type=CONTENT_TYPES[format])


def _note(request: HttpRequest, name: str, format: str) -> None:
    asked = {key: value for key, value in request.GET.items() if key != PARAMETER}
    record(act=acting(request), action="list.exported", object=f"list:{name}", detail=asked | {"format": format})


def _lines(columns: Sequence[str], rows: Iterable[Row]) -> Iterator[str]:
    yield _line(columns)
    for row in rows:
        yield _line([_cell(value) for value in row])


def _line(values: Iterable[Any]) -> str:
    text = io.StringIO()
    csv.writer(text, lineterminator="\n").writerow(values)
    return text.getvalue()


def _cell(value: Any) -> Any:
    """Text as no spreadsheet takes it for a formula, times in UTC, JSON as such; a number stays one."""
    match value:
        case str():
            return safe_cell(value)
        case datetime():
            return value.astimezone(UTC).isoformat()
        case dict() | list() | tuple():
            return safe_cell(json.dumps(value, ensure_ascii=False))
    return "" if value is None else value
