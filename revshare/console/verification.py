"""Everything verified now, or last night: when, by whom, and what was wrong."""

from typing import Any

from django.db.models import Q
from django.http import HttpRequest, HttpResponse, HttpResponseBase
from django.shortcuts import redirect
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.http import require_GET, require_POST

from revshare.clock import now
from revshare.console.base import site
from revshare.console.doors import acting, allowed, attempt, only
from revshare.console.lists import NEWEST_FIRST, Listing, Order, Seen, answer
from revshare.console.runs import describe, last_run
from revshare.console.shown import moment, since
from revshare.runs.models import Run
from revshare.tasks import VERIFIED, request_verify
from revshare.verification.models import StoredVerdict
from revshare.verification.nightly import last_verdict
from revshare.wording import whole

LISTING = Listing(
    name="verdicts", search=gettext_lazy("Asked for by whom, or a promise such as I16"),
    orders=NEWEST_FIRST
    | {"findings": Order(gettext_lazy("Most findings first"), ("findings_count",), descending=True)},
    found=lambda text: Q(asked_by=text) | Q(findings__contains=[{"invariant": text.upper()}]),
    columns={
        "asked_at": lambda row: row.asked_at, "asked_by": lambda row: row.asked_by,
        "clean": lambda row: "yes" if row.is_clean else "no", "checks": lambda row: row.checks,
        "cycles": lambda row: row.cycles, "findings": lambda row: row.findings_count,
        "first_findings": lambda row: row.findings,
    },
)  # fmt: skip


@require_GET
def page(request: HttpRequest) -> HttpResponseBase:
    seen = answer(request, LISTING, StoredVerdict.objects.select_related("run"))
    if not isinstance(seen, Seen):
        return seen
    run, last = last_run(VERIFIED), last_verdict()
    return site.page(
        request, "verification.html", title=_("Verification"), list=seen, rows=[_shown(row) for row in seen.rows],
        last=_shown(last) if last else None, run=describe(run) if run and run.live else None,
        failed=run if run and run.state == Run.State.FAILED else None, may_verify=allowed(request, "verify"),
    )  # fmt: skip


def _shown(verdict: StoredVerdict) -> dict[str, Any]:
    run = verdict.run
    took = since(run.started_at, run.finished_at, ago=False) if run.started_at and run.finished_at else ""
    return {
        "at": moment(verdict.asked_at), "age": since(verdict.asked_at, now()), "by": verdict.asked_by, "took": took,
        "clean": verdict.is_clean, "checks": whole(verdict.checks), "cycles": verdict.cycles,
        "count": verdict.findings_count, "findings": verdict.findings,
    }  # fmt: skip


@require_POST
@only("verify")
def start(request: HttpRequest) -> HttpResponse:
    """Asks a worker to compute everything again; while one is at it, that one is shown."""

    def deed() -> str:
        run, new = request_verify(act=acting(request))
        if not new:
            already = _("Everything is being verified already: %(person)s started it. You see the same run.")
            return already % {"person": run.actor}
        return _("Everything is being verified.")

    attempt(request, deed)
    return redirect("admin:verification")
