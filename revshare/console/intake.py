"""Files in through the browser: upload, progress, control totals, the reject file."""

from dataclasses import dataclass
from typing import Any

from django import forms
from django.contrib import messages
from django.core.files.uploadedfile import UploadedFile
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseBase, StreamingHttpResponse
from django.shortcuts import redirect
from django.utils.http import content_disposition_header
from django.utils.safestring import SafeString
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from revshare.console.base import site
from revshare.console.doors import acting, allowed, only
from revshare.console.fields import plain
from revshare.console.runs import describe, last_run
from revshare.console.shown import amount
from revshare.errors import Refused
from revshare.files import uploads
from revshare.files.formats import KINDS, TAKEN_IN
from revshare.files.models import IngestedFile, Upload, Void
from revshare.files.queries import reject_lines, totals
from revshare.files.voiding import VOIDABLE
from revshare.runs.models import Run
from revshare.tasks import request_step

RECENT = 8


class UploadForm(forms.Form):
    kind = forms.ChoiceField(label="What the file holds", choices=[(kind, kind) for kind in TAKEN_IN])
    file = forms.FileField(
        label="File", allow_empty_file=True,
        help_text="CSV, CSV.gz, JSON Lines or Parquet. Drop it here, or press to choose.",
        widget=forms.FileInput(attrs={"class": "rs-drop", "accept": ".csv,.gz,.jsonl,.parquet"}),
    )  # fmt: skip


@require_http_methods(["GET", "POST"])
@only("ingest")
def upload(request: HttpRequest) -> HttpResponse:
    """Stores the bytes and lets a worker take them in."""
    form = plain(UploadForm(request.POST or None, request.FILES or None))
    if request.method == "POST" and form.is_valid():
        file: UploadedFile = form.cleaned_data["file"]
        act = acting(request)
        try:
            taken = uploads.receive(kind=form.cleaned_data["kind"], name=file.name or "", chunks=file.chunks(), act=act)
            _start(taken, request)
        except Refused as error:
            form.add_error("file", str(error))
        else:
            return redirect("admin:upload-detail", taken.pk)
    recent = Upload.objects.select_related("file").order_by("-pk")[:RECENT]
    kinds = [{"kind": kind, "columns": columns} for kind, columns in KINDS.items() if kind in TAKEN_IN]
    return site.page(
        request, "upload.html", title="Take in a file", form=form, kinds=kinds, recent=recent,
        status=400 if form.errors else 200,
    )  # fmt: skip


def _start(upload: Upload, request: HttpRequest) -> None:
    request_step(
        step="ingest", subject=f"upload:{upload.pk}", act=acting(request), request={"upload": upload.pk}, queue=True
    )


@require_GET
def upload_detail(request: HttpRequest, pk: int) -> HttpResponse:
    upload = _upload(pk)
    run = last_run(f"upload:{pk}")
    outcome = run.outcome if run else {}
    return site.page(
        request, "upload_detail.html", title=f"{upload.kind}: {upload.name}", upload=upload,
        run=describe(run) if run and run.live else None, failed=run if run and run.state == Run.State.FAILED else None,
        seen_before=outcome.get("seen_before", False), released=outcome.get("released_refunds", 0),
        may_ingest=allowed(request, "ingest"), **(_file_context(request, upload.file) if upload.file else {}),
    )  # fmt: skip


@require_POST
@only("ingest")
def upload_again(request: HttpRequest, pk: int) -> HttpResponse:
    """Tries a refused upload once more: what it lacked may have come meanwhile."""
    upload = _upload(pk)
    try:
        _start(upload, request)
    except Refused as error:
        messages.error(request, str(error))
    return redirect("admin:upload-detail", pk)


@require_GET
def file_detail(request: HttpRequest, pk: int) -> HttpResponse:
    file = _file(pk)
    return site.page(request, "file.html", title=f"{file.kind}: {file.name}", **_file_context(request, file))


@require_GET
@only("quarantine")
def rejects(request: HttpRequest, pk: int) -> HttpResponseBase:
    """The reject file, line by line. It holds rows whole, so it is for those who decide about them."""
    file = _file(pk)
    name = f"rejects-{file.pk}-{file.name.split('.')[0]}.csv"
    lines = (line.encode() for line in reject_lines(file))
    return StreamingHttpResponse(
        lines, content_type="text/csv; charset=utf-8",
        headers={"Content-Disposition": content_disposition_header(True, name) or "attachment"},
    )  # fmt: skip


@dataclass(frozen=True)
class Line:
    """A line of the control totals."""

    title: str
    rows: str
    sum: SafeString
    total: bool = False


def _file_context(request: HttpRequest, file: IngestedFile) -> dict[str, Any]:
    now = totals(file)
    lines = [
        Line("Rows in", f"{now.rows_in:,}", amount(now.sum_in), total=True),
        Line("accepted", f"{now.accepted:,}", amount(now.sum_accepted)),
        Line("duplicate", f"{now.duplicate:,}", amount(now.sum_duplicate)),
        Line("quarantined", f"{now.quarantined:,}", amount(now.sum_quarantined)),
    ]
    return {
        "void": Void.objects.filter(pk=file.pk).first(),
        "may_void": file.kind in VOIDABLE and allowed(request, "void_file"),
        "file": file, "lines": lines, "has_sums": now.sum_in is not None, "open": now.open,
        "rejected": file.rows_quarantined, "may_decide": allowed(request, "quarantine"),
        "adds_up": now.rows_in == now.accepted + now.duplicate + now.quarantined,
    }  # fmt: skip


def _upload(pk: int) -> Upload:
    upload = Upload.objects.select_related("file").filter(pk=pk).first()
    if upload is None:
        raise Http404("There is no such upload.")
    return upload


def _file(pk: int) -> IngestedFile:
    file = IngestedFile.objects.filter(pk=pk).first()
    if file is None:
        raise Http404("There is no such file.")
    return file
