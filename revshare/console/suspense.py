"""Money whose model or dataset nobody knows: how long it waits, and the way out."""

from django.contrib import admin
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.views.decorators.http import require_GET, require_POST

from revshare.allocation.suspense import waiting
from revshare.console.base import site
from revshare.console.doors import acting, allowed, attempt, only
from revshare.console.records import RecordAdmin
from revshare.console.shown import amount
from revshare.pools import matching
from revshare.pools.models import Match
from revshare.tasks import now


@admin.register(Match, site=site)
class MatchAdmin(RecordAdmin):
    list_display = ("id", "kind", "name", "stands_for", "matched_at_utc", "matched_by", "reason")
    list_display_links = ("id", "name")
    list_filter = ("kind",)
    search_fields = ("name", "stands_for")


@require_GET
def page(request: HttpRequest) -> HttpResponse:
    at, found = now(), waiting()
    rows = [
        {"cycle": row.cycle, "pool": row.pool, "amount": amount(row.amount_micros, row.currency),
         "reason": row.reason, "days": (at - row.since).days if row.since else 0, "stands_for": row.stands_for}
        for row in found
    ]  # fmt: skip
    names = sorted({(row.kind, row.name) for row in found if row.name and not row.stands_for})
    return site.page(
        request, "suspense.html", title="Suspense", rows=rows, names=names, may_match=allowed(request, "match")
    )


@require_POST
@only("match")
def match(request: HttpRequest) -> HttpResponse:
    """Says what a name stands for."""

    def deed() -> str:
        given = {name: request.POST.get(name, "").strip() for name in ("kind", "name", "stands_for", "reason")}
        made, new = matching.match(
            kind=given["kind"], name=given["name"], stands_for=given["stands_for"],
            act=acting(request, why=given["reason"]),
        )  # fmt: skip
        return f"{made.name} stands for {made.stands_for} from the next lock on{'' if new else ', as it did'}."

    attempt(request, deed)
    return redirect("admin:suspense")
