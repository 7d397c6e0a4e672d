"""What runs, what failed, and the two things to do about it: try again, stop."""

from typing import Any

from django.db.models import Q
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseBase
from django.shortcuts import redirect
from django.urls import reverse
from django.utils.http import urlencode
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, pgettext_lazy
from django.views.decorators.http import require_GET, require_POST

from revshare.access.jobs import rights_of
from revshare.clock import now
from revshare.console.base import site
from revshare.console.doors import acting, allowed, attempt, require
from revshare.console.lists import NEWEST_FIRST, Listing, Seen, answer
from revshare.console.runs import deed, names_of, page_of, stage_of
from revshare.console.shown import since
from revshare.runs.models import LIVE, Run
from revshare.runs.operations import stop as stop_run
from revshare.tasks import again
from revshare.wording import decimals

LISTING = Listing(
    name="jobs", search=gettext_lazy("About what, or asked for by whom"), orders=NEWEST_FIRST, keyed=True, shown=50,
    found=lambda text: Q(subject__icontains=text) | Q(actor=text) | Q(step=text),
    columns={
        "job": lambda run: run.pk, "step": lambda run: run.step, "subject": lambda run: run.subject,
        "state": lambda run: run.state, "actor": lambda run: run.actor, "requested_at": lambda run: run.requested_at,
        "started_at": lambda run: run.started_at, "finished_at": lambda run: run.finished_at,
        "attempts": lambda run: run.attempts, "error": lambda run: run.error,
    },
)  # fmt: skip
STATES = ("live", "failed", "done")
TITLES = {
    "": pgettext_lazy("jobs", "All"), "live": pgettext_lazy("jobs", "At work"),
    "failed": pgettext_lazy("jobs", "Failed"), "done": pgettext_lazy("jobs", "Done"),
}  # fmt: skip


@require_GET
def page(request: HttpRequest) -> HttpResponseBase:
    """`?state=` and what lists take: their addresses can be shared. While anything is at work it asks again."""
    state, rows = request.GET.get("state", ""), Run.objects.all()
    if state in STATES:
        rows = rows.filter(state__in=LIVE) if state == "live" else rows.filter(state=state)
    seen = answer(request, LISTING, rows, kept={"state": state if state in STATES else ""})
    if not isinstance(seen, Seen):
        return seen
    shown = list(seen.rows)
    tabs = [
        {"title": title, "url": f"?{urlencode({'state': name})}" if name else "?", "now": name == state}
        for name, title in TITLES.items()
    ]
    return site.page(
        request, "jobs.html", title=_("Jobs"), rows=_shown(request, shown), tabs=tabs, list=seen,
        live=any(run.live for run in shown), here=request.get_full_path(),
    )  # fmt: skip


def _shown(request: HttpRequest, runs: list[Run]) -> list[dict[str, Any]]:
    at = now()
    # Only the last run of a subject is worth trying again: of earlier ones something has come after.
    newest = dict(_newest({run.subject for run in runs if run.state == Run.State.FAILED}))
    names, rights = names_of(runs), rights_of(runs)
    return [
        {
            "pk": run.pk, "deed": deed(run, names[run.pk]), "url": page_of(run),
            "state": run.state, "stage": stage_of(run) if run.live else "", "actor": run.actor,
            "age": since(run.requested_at, at), "took": _took(run), "attempts": run.attempts, "error": run.error,
            "done": run.progress_done, "total": run.progress_total,
            "may_stop": run.live and allowed(request, rights[run.pk]),
            "may_retry": run.state == Run.State.FAILED and newest.get(run.subject) == run.pk
            and allowed(request, rights[run.pk]),
        }
        for run in runs
    ]  # fmt: skip


def _newest(subjects: set[str]) -> list[tuple[str, int]]:
    rows = Run.objects.filter(subject__in=subjects).order_by("subject", "-pk").distinct("subject")
    return list(rows.values_list("subject", "pk"))


def _took(run: Run) -> str:
    if not (run.started_at and run.finished_at):
        return ""
    tenths = int((run.finished_at - run.started_at).total_seconds() * 10)
    if tenths >= 600:
        return since(run.started_at, run.finished_at, ago=False)
    return _("%(seconds)s s") % {"seconds": decimals(f"{tenths // 10}.{tenths % 10}")}


def _find(request: HttpRequest, pk: int) -> Run:
    run = Run.objects.filter(pk=pk).first()
    if run is None:
        raise Http404(_("There is no such run."))
    require(request, rights_of([run])[run.pk])
    return run


@require_POST
def stop(request: HttpRequest, pk: int) -> HttpResponse:
    run = _find(request, pk)

    def stopped() -> str:
        stop_run(run_id=run.pk, act=acting(request))
        what = deed(run, run.subject.partition(":")[2])
        return _("%(what)s is stopped. What it had finished stays; try it again any time.") % {"what": what}

    attempt(request, stopped)
    return redirect("admin:jobs")


@require_POST
def retry(request: HttpRequest, pk: int) -> HttpResponse:
    run = _find(request, pk)

    def asked_for() -> str:
        again(run=run, act=acting(request))
        return _("%(what)s: asked for again.") % {"what": deed(run, run.subject.partition(":")[2])}

    attempt(request, asked_for)
    return redirect(f"{reverse('admin:jobs')}")
