"""What the bank says of payments: files of results, booked by a worker; those that were refused, tried again."""

from typing import Any

from django import forms
from django.core.files.uploadedfile import UploadedFile
from django.db import transaction
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, pgettext_lazy
from django.views.decorators.http import require_POST

from revshare.console.doors import Told, acting, attempt, confirmed, only
from revshare.console.fields import plain
from revshare.console.shown import moment, words
from revshare.files import uploads
from revshare.files.formats import PAYMENT_RESULTS
from revshare.files.models import Upload
from revshare.runs.models import Run
from revshare.tasks import request_step

RECENT = 5
BECAME = {"failed": pgettext_lazy("file", "refused"), "done": pgettext_lazy("file", "booked")}
"""A run's states, as they are called of a file of results."""


class ResultsForm(forms.Form):
    file = forms.FileField(
        label=gettext_lazy("File of results"), allow_empty_file=True,
        help_text=gettext_lazy(
            "payment_key, result (paid or returned), date, reference, [reason]; CSV, JSON Lines or Parquet."
        ),
        widget=forms.FileInput(attrs={"class": "rs-drop", "accept": ".csv,.gz,.jsonl,.parquet"}),
    )  # fmt: skip


def latest_results() -> list[dict[str, Any]]:
    """The last files of results, and what became of them."""
    files = list(Upload.objects.filter(kind=PAYMENT_RESULTS).order_by("-pk")[:RECENT])
    subjects = {f"upload:{item.pk}" for item in files}
    last = Run.objects.filter(subject__in=subjects).order_by("subject", "-pk").distinct("subject")
    runs = {run.subject: run for run in last}
    states = {item.pk: runs[f"upload:{item.pk}"].state if f"upload:{item.pk}" in runs else "queued" for item in files}
    return [
        {"pk": item.pk, "name": item.name, "by": item.uploaded_by, "at": moment(item.uploaded_at),
         "state": states[item.pk],
         "became": BECAME.get(states[item.pk]) or words(states[item.pk])}
        for item in files
    ]  # fmt: skip


@require_POST
@only("book_payments")
def results(request: HttpRequest) -> HttpResponse:
    """Stores the bytes and lets a worker book them."""
    form = plain(ResultsForm(request.POST, request.FILES))
    taken: list[int] = []

    def deed() -> str:
        if not form.is_valid():
            raise Told(_("Choose the file of results first."))
        confirmed(request)
        file: UploadedFile = form.cleaned_data["file"]
        act = acting(request)
        with transaction.atomic():  # an upload without its run would wait for ever
            upload = uploads.receive(kind=PAYMENT_RESULTS, name=file.name or "", chunks=file.chunks(), act=act)
            request_step(
                step="ingest", subject=f"upload:{upload.pk}", act=act, request={"upload": upload.pk}, queue=True
            )
        taken.append(upload.pk)
        return _("The results are being booked.")

    attempt(request, deed)
    return redirect("admin:upload-detail", taken[0]) if taken else redirect("admin:payouts")
