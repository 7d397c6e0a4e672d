"""What runs, what failed, and the two things to do about it: try again, stop."""

from typing import Any

from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.urls import reverse
from django.utils.http import urlencode
from django.views.decorators.http import require_GET, require_POST

from revshare.clock import now
from revshare.console.base import site
from revshare.console.doors import acting, allowed, attempt, require
from revshare.console.runs import doing, names_of, page_of, stage_of
from revshare.console.shown import since
from revshare.runs.models import LIVE, Run
from revshare.runs.operations import stop as stop_run
from revshare.tasks import again

SHOWN = 50
STATES = ("live", "failed", "done")
TITLES = {"": "All", "live": "At work", "failed": "Failed", "done": "Done"}
# Who may ask for a step may ask again, or stop it.
RIGHTS = {
    "ingest": "ingest", "lock": "lock", "calculate": "calculate", "review": "calculate", "publish": "publish",
    "prove": "publish", "restate": "restate", "verify": "calculate", "preview": "prepare_payouts",
    "prepare": "prepare_payouts",
}  # fmt: skip


@require_GET
def page(request: HttpRequest) -> HttpResponse:
    """`?state=` and `?before=` (a number): their addresses can be shared. While anything is at work it asks again."""
    state, before = request.GET.get("state", ""), request.GET.get("before", "")
    rows = Run.objects.order_by("-pk")
    if state in STATES:
        rows = rows.filter(state__in=LIVE) if state == "live" else rows.filter(state=state)
    if before.isascii() and before.isdigit() and len(before) < 19:
        rows = rows.filter(pk__lt=int(before))
    found = list(rows[: SHOWN + 1])
    shown = found[:SHOWN]
    older = urlencode({"state": state, "before": str(shown[-1].pk)}) if len(found) > SHOWN else ""
    tabs = [
        {"title": title, "url": f"?{urlencode({'state': name})}" if name else "?", "now": name == state}
        for name, title in TITLES.items()
    ]
    return site.page(
        request, "jobs.html", title="Jobs", rows=_shown(request, shown), tabs=tabs, older=older,
        live=any(run.live for run in shown), here=request.get_full_path(),
    )  # fmt: skip


def _shown(request: HttpRequest, runs: list[Run]) -> list[dict[str, Any]]:
    at = now()
    # Only the last run of a subject is worth trying again: of earlier ones something has come after.
    newest = dict(_newest({run.subject for run in runs if run.state == Run.State.FAILED}))
    names = names_of(runs)
    return [
        {
            "pk": run.pk, "doing": doing(run), "subject": names[run.pk], "url": page_of(run),
            "state": run.state, "stage": stage_of(run) if run.live else "", "actor": run.actor,
            "age": since(run.requested_at, at), "took": _took(run), "attempts": run.attempts, "error": run.error,
            "done": run.progress_done, "total": run.progress_total,
            "may_stop": run.live and allowed(request, RIGHTS[run.step]),
            "may_retry": run.state == Run.State.FAILED and newest.get(run.subject) == run.pk
            and allowed(request, RIGHTS[run.step]),
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
    return f"{tenths // 10}.{tenths % 10} s" if tenths < 600 else since(run.started_at, run.finished_at, ago=False)


def _find(request: HttpRequest, pk: int) -> Run:
    run = Run.objects.filter(pk=pk).first()
    if run is None:
        raise Http404("There is no such run.")
    require(request, RIGHTS[run.step])
    return run


@require_POST
def stop(request: HttpRequest, pk: int) -> HttpResponse:
    run = _find(request, pk)

    def deed() -> str:
        stop_run(run_id=run.pk, act=acting(request))
        what = f"{doing(run)} {run.subject.partition(':')[2]}"
        return f"{what} is stopped. What it had finished stays; try it again any time."

    attempt(request, deed)
    return redirect("admin:jobs")


@require_POST
def retry(request: HttpRequest, pk: int) -> HttpResponse:
    run = _find(request, pk)

    def deed() -> str:
        again(run=run, act=acting(request))
        return f"{doing(run)} {run.subject.partition(':')[2]}: asked for again."

    attempt(request, deed)
    return redirect(f"{reverse('admin:jobs')}")
