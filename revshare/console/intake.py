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
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from revshare.access.jobs import right_of_kind
from revshare.audit_trail.operations import Act
from revshare.console.base import site
from revshare.console.doors import Told, acting, allowed, only, refusal, require
from revshare.console.fields import plain
from revshare.console.record_words import choice, choice_lazy
from revshare.console.runs import describe, last_run
from revshare.console.shown import amount
from revshare.errors import Refused
from revshare.files import uploads
from revshare.files.formats import KINDS, PAYMENT_RESULTS, TAKEN_IN
from revshare.files.mapped import save
from revshare.files.models import ColumnMapping, IngestedFile, Upload, Void
from revshare.files.queries import reject_lines, totals
from revshare.files.voiding import VOIDABLE
from revshare.runs.models import Run
from revshare.signin.links import check_link
from revshare.tasks import request_step
from revshare.wording import whole

RECENT = 8
NO_UPLOAD = gettext_lazy("There is no such upload.")


class UploadForm(forms.Form):
    kind = forms.ChoiceField(
        label=gettext_lazy("What the file holds"), choices=[(kind, choice_lazy(kind)) for kind in TAKEN_IN],
        widget=forms.Select(attrs={"data-kind": ""}),
    )  # fmt: skip
    file = forms.FileField(
        label=gettext_lazy("File"), allow_empty_file=True,
        help_text=gettext_lazy("CSV, CSV.gz, JSON Lines or Parquet. Drop it here, or press to choose."),
        widget=forms.FileInput(attrs={"class": "rs-drop", "accept": ".csv,.gz,.jsonl,.parquet", "data-file": ""}),
    )  # fmt: skip
    columns = forms.JSONField(required=False, widget=forms.HiddenInput(attrs={"data-columns": ""}))
    new_mapping = forms.CharField(required=False, max_length=60)

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        saved = ColumnMapping.objects.values_list("name", "kind")
        self.fields["mapping"] = forms.ChoiceField(
            label=_("Read its header by"), required=False, help_text=_("A saved mapping, for a CSV with other names."),
            choices=[("", _("Its own names")), *((name, f"{name} ({choice(kind)})") for name, kind in saved)],
            widget=forms.Select(attrs={"data-mapping": ""}),
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
            taken = uploads.receive(
                kind=form.cleaned_data["kind"], name=file.name or "", chunks=file.chunks(), act=act,
                mapping=_mapping(form, act),
            )  # fmt: skip
            _start(taken, request)
        except Refused as error:
            form.add_error("file", refusal(error))
        else:
            return redirect("admin:upload-detail", taken.pk)
    recent = [
        (item, whole(item.file.rows_in) if item.file else "")
        for item in Upload.objects.select_related("file").order_by("-pk")[:RECENT]
    ]
    kinds = [{"kind": kind, "columns": columns} for kind, columns in KINDS.items() if kind in TAKEN_IN]
    return site.page(
        request, "upload.html", title=_("Take in a file"), form=form, kinds=kinds, recent=recent,
        mappings=ColumnMapping.objects.all()[:RECENT], known=_known(),
        status=400 if form.errors else 200,
    )  # fmt: skip


def _known() -> dict[str, dict[str, list[str]]]:
    """The columns of each kind, for the preview."""
    return {
        kind: {name: list(getattr(columns, name)) for name in ("required", "one_of", "optional")}
        for kind, columns in KINDS.items() if kind in TAKEN_IN
    }  # fmt: skip


def _mapping(form: UploadForm, act: Act) -> str:
    """The name of the mapping to read the file by: a saved one, or one that is saved now. Raises Refused."""
    given = form.cleaned_data
    if given["mapping"] or not given["columns"]:
        return str(given["mapping"])
    if not isinstance(given["columns"], dict) or not all(isinstance(name, str) for name in given["columns"].values()):
        raise Told(_("The mapping is not one of names to names."))
    return save(name=given["new_mapping"], kind=given["kind"], columns=given["columns"], act=act)[0].name


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
        request, "upload_detail.html", title=_titled(upload), upload=upload,
        run=describe(run) if run and run.live else None, failed=run if run and run.state == Run.State.FAILED else None,
        seen_before=outcome.get("seen_before", False), released=outcome.get("released_refunds", 0),
        may_ingest=allowed(request, right_of_kind(upload.kind)), is_results=upload.kind == PAYMENT_RESULTS,
        **(_file_context(request, upload.file) if upload.file else {}),
    )  # fmt: skip


@require_POST
def upload_again(request: HttpRequest, pk: int) -> HttpResponse:
    """Tries a refused upload once more: what it lacked may have come meanwhile. Whoever may hand one in may."""
    upload = find_upload(pk)
    require(request, right_of_kind(upload.kind) if upload else "ingest")
    if upload is None:
        raise Http404(NO_UPLOAD)
    try:
        _start(upload, request)
    except Refused as error:
        messages.error(request, refusal(error))
    return redirect("admin:upload-detail", pk)


def _titled(file: Upload | IngestedFile) -> str:
    return _("%(kind)s: %(name)s") % {"kind": choice(file.kind), "name": file.name}


@require_GET
def file_detail(request: HttpRequest, pk: int) -> HttpResponse:
    file = _file(pk)
    return site.page(request, "file.html", title=_titled(file), **_file_context(request, file))


@require_GET
@only("quarantine")
def rejects(request: HttpRequest, pk: int) -> HttpResponseBase:
    """The reject file, line by line. It holds rows whole, so it is for those who decide about them."""
    file = _file(pk)
    check_link(request)
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
        Line(_("Rows in"), whole(now.rows_in), amount(now.sum_in), total=True),
        Line(_("accepted"), whole(now.accepted), amount(now.sum_accepted)),
        Line(_("duplicate"), whole(now.duplicate), amount(now.sum_duplicate)),
        Line(_("quarantined"), whole(now.quarantined), amount(now.sum_quarantined)),
    ]
    return {
        "void": Void.objects.filter(pk=file.pk).first(),
        "may_void": file.kind in VOIDABLE and allowed(request, "void_file"),
        "file": file, "lines": lines, "has_sums": now.sum_in is not None, "open": now.open,
        "rejected": file.rows_quarantined, "may_decide": allowed(request, "quarantine"),
        "adds_up": now.rows_in == now.accepted + now.duplicate + now.quarantined,
    }  # fmt: skip


def _upload(pk: int) -> Upload:
    upload = find_upload(pk)
    if upload is None:
        raise Http404(NO_UPLOAD)
    return upload


def find_upload(pk: int) -> Upload | None:
    return Upload.objects.select_related("file").filter(pk=pk).first()


def _file(pk: int) -> IngestedFile:
    file = IngestedFile.objects.filter(pk=pk).first()
    if file is None:
        raise Http404(_("There is no such file."))
    return file
