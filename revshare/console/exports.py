"""Exports as downloads. Somebody has taken a copy: the audit trail says who."""

from collections.abc import Callable
from pathlib import Path

from django.contrib import messages
from django.http import FileResponse, Http404, HttpRequest, HttpResponse, HttpResponseBase, StreamingHttpResponse
from django.shortcuts import redirect
from django.urls import reverse
from django.utils.http import content_disposition_header
from django.utils.translation import gettext as _
from django.views.decorators.http import require_GET

from revshare.audit_trail.operations import Act, record
from revshare.console.base import site
from revshare.console.doors import Told, acting, only, refusal
from revshare.console.shown import words
from revshare.cycles.models import Cycle
from revshare.cycles.rules import reached
from revshare.errors import Refused
from revshare.exports.operations import csv_blocks, write
from revshare.exports.registers import CONSENTS, CREDITS, write_consents, write_credits
from revshare.exports.tables import CONTENT_TYPES, FORMATS
from revshare.lake import spool
from revshare.manifests.queries import models_trained
from revshare.signin.links import check_link, signed


def answer(*, cycle: Cycle, kind: str, format: str, act: Act) -> HttpResponseBase:
    """CSV is streamed; another file is written first and is gone once it is sent. Raises Refused."""
    if not reached(state=cycle.state, goal="calculated"):
        raise Told(
            _("Cycle %(key)s is %(state)s: there is nothing to export before it is calculated.")
            % {"key": cycle.key, "state": words(cycle.state)}
        )
    name = f"{kind}-{cycle.key}.{format}"
    if format == "csv":
        _note(cycle, kind, format, act)
        return StreamingHttpResponse(
            csv_blocks(kind=kind, cycle_id=cycle.pk), content_type=CONTENT_TYPES[format],
            headers={"Content-Disposition": content_disposition_header(True, name) or "attachment"},
        )  # fmt: skip
    content = _written(lambda target: write(kind=kind, cycle_id=cycle.pk, format=format, target=target), name, format)
    _note(cycle, kind, format, act)
    return content


@require_GET
@only("export")
def page(request: HttpRequest) -> HttpResponse:
    """What can be downloaded that is of no cycle."""
    credits = [
        {"model": model, "versions": ", ".join(versions),
         "links": [
             (name, signed(request, reverse("admin:export-credits", args=[name]), model=model)) for name in FORMATS
         ]}
        for model, versions in models_trained().items()
    ]  # fmt: skip
    return site.page(request, "downloads.html", title=_("Downloads"), credits=credits, formats=FORMATS)


@require_GET
@only("export")
def credits_of(request: HttpRequest, format: str) -> HttpResponseBase:
    """The attribution credits of a model (`?model=`)."""
    check_link(request)
    model = request.GET.get("model", "")
    return _register(
        request, CREDITS, format, f"{CREDITS}-{model}", {"model": model},
        lambda target: write_credits(model=model, format=format, target=target),
    )  # fmt: skip


@require_GET
@only("export")
def consents(request: HttpRequest) -> HttpResponseBase:
    """What contributors consent to, as the intake of consents takes it (`?format=`, `?since=`)."""
    check_link(request)
    format, since = request.GET.get("format", "csv"), request.GET.get("since", "").strip()
    return _register(
        request, CONSENTS, format, CONSENTS, {"since": since},
        lambda target: write_consents(since=since, format=format, target=target),
    )  # fmt: skip


def _register(
    request: HttpRequest, kind: str, format: str, stem: str, detail: dict[str, str], write: Callable[[Path], int]
) -> HttpResponseBase:  # fmt: skip
    if format not in FORMATS:
        raise Http404(_("There is no such export."))
    try:
        content = _written(write, f"{stem}.{format}", format)
    except Refused as error:
        messages.error(request, refusal(error))
        return redirect("admin:downloads")
    record(act=acting(request), action=f"{kind}.exported", object=f"export:{kind}", detail=detail | {"format": format})
    return content


def _written(write: Callable[[Path], int], name: str, format: str) -> FileResponse:
    with spool() as scratch:
        target = scratch / "export"
        write(target)
        content = target.open("rb")
    return FileResponse(content, as_attachment=True, filename=name, content_type=CONTENT_TYPES[format])


def _note(cycle: Cycle, kind: str, format: str, act: Act) -> None:
    record(act=act, action="cycle.exported", object=f"cycle:{cycle.key}", detail={"kind": kind, "format": format})
