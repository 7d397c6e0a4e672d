"""A run as it goes: the fragment that a page asks for every second until the run is over."""

from typing import Any

from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import render
from django.urls import reverse
from django.utils.http import urlencode
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.http import require_GET

from revshare.console.shown import stage
from revshare.files.models import Upload
from revshare.runs.models import LIVE, Run
from revshare.tasks import BATCH, PAYABLE, VERIFIED

STEPS = {
    "ingest": gettext_lazy("Taking in"),
    "lock": gettext_lazy("Locking"),
    "calculate": gettext_lazy("Calculating"),
    "publish": gettext_lazy("Publishing"),
    "review": gettext_lazy("Reviewing"),
    "prove": gettext_lazy("Making the proof of"),
    "restate": gettext_lazy("Computing again"),
    "verify": gettext_lazy("Verifying"),
    "preview": gettext_lazy("Working out what is payable in"),
    "prepare": gettext_lazy("Preparing a batch in"),
}
DEEDS = {
    "ingest": gettext_lazy("Taking in %(subject)s"),
    "lock": gettext_lazy("Locking %(subject)s"),
    "calculate": gettext_lazy("Calculating %(subject)s"),
    "publish": gettext_lazy("Publishing %(subject)s"),
    "review": gettext_lazy("Reviewing %(subject)s"),
    "prove": gettext_lazy("Making the proof of %(subject)s"),
    "restate": gettext_lazy("Computing again %(subject)s"),
    "verify": gettext_lazy("Verifying %(subject)s"),
    "preview": gettext_lazy("Working out what is payable in %(subject)s"),
    "prepare": gettext_lazy("Preparing a batch in %(subject)s"),
}
"""The same with what is worked at."""


def last_run(subject: str) -> Run | None:
    return Run.objects.filter(subject=subject).order_by("-pk").first()


def live_runs() -> list[Run]:
    return list(Run.objects.filter(state__in=LIVE).order_by("-pk")[:20])


def page_of(run: Run) -> str:
    """The page of what a run is about."""
    kind, _, name = run.subject.partition(":")
    if kind in ("cycle", "proof", "review"):
        return reverse("admin:cycle", args=[name])
    if kind == "restatement":
        return reverse("admin:restatements")
    if kind in (PAYABLE, BATCH):
        return f"{reverse('admin:payout-prepare')}?{urlencode({'currency': name})}"
    if run.subject == VERIFIED:
        return reverse("admin:verification")
    return reverse("admin:upload-detail", args=[int(name)])


def names_of(runs: list[Run]) -> dict[int, str]:
    """What each is about, as people call it: a file by its name, everything that is verified not at all."""
    uploads = [int(run.subject.partition(":")[2]) for run in runs if run.step == "ingest"]
    names = dict(Upload.objects.filter(pk__in=uploads).values_list("pk", "name")) if uploads else {}
    return {run.pk: _name(run, names) for run in runs}


def _name(run: Run, uploads: dict[int, str]) -> str:
    subject = run.subject.partition(":")[2]
    if run.subject == VERIFIED:
        return _("everything")
    return uploads.get(int(subject), subject) if run.step == "ingest" else subject


def doing(run: Run) -> str:
    """The step alone."""
    return str(STEPS.get(run.step, run.step.capitalize()))


def deed(run: Run, subject: str) -> str:
    """The step, and what it is about."""
    if run.step in DEEDS:
        return str(DEEDS[run.step]) % {"subject": subject}
    return f"{run.step.capitalize()} {subject}"


def stage_of(run: Run) -> str:
    return stage(run.stage, waiting=run.state == Run.State.QUEUED)


def said(run: Run) -> str:
    """What to read out when it changes."""
    if run.state == Run.State.DONE:
        return _("%(step)s: done.") % {"step": doing(run)}
    if run.state == Run.State.FAILED:
        return _("%(step)s: refused. %(error)s") % {"step": doing(run), "error": run.error}
    return _("%(step)s: %(stage)s.") % {"step": doing(run), "stage": stage_of(run)}


def describe(run: Run) -> dict[str, Any]:
    """What the fragment shows. It asks again with what was said last, so that only news is read out."""
    url = reverse("admin:run-progress", args=[run.pk])
    return {
        "run": run, "doing": doing(run), "stage": stage_of(run), "said": said(run),
        "poll_url": f"{url}?{urlencode({'said': said(run)})}", "page_url": page_of(run),
    }  # fmt: skip


@require_GET
def progress(request: HttpRequest, pk: int) -> HttpResponse:
    run = Run.objects.filter(pk=pk).first()
    if run is None:
        raise Http404(_("There is no such run."))
    shown = describe(run)
    news = request.GET.get("said") != shown["said"]
    return render(request, "console/_run.html", shown | {"polled": True, "news": news})
