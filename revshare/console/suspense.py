"""Money in suspense: how long it waits, and the ways out."""

from django.contrib import admin
from django.http import HttpRequest, HttpResponse, HttpResponseBase
from django.shortcuts import redirect
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, gettext_noop
from django.views.decorators.http import require_GET, require_POST

from revshare.allocation.deciding import settle, share
from revshare.allocation.models import SuspenseDecision
from revshare.allocation.suspense import Waiting, waiting
from revshare.clock import now
from revshare.console.base import site
from revshare.console.doors import acting, allowed, attempt, only
from revshare.console.lists import Listing, Order, Seen, answer
from revshare.console.records import RecordAdmin
from revshare.console.shown import amount, readable
from revshare.manifests.models import Manifest, Training
from revshare.pools import matching
from revshare.pools.models import Match
from revshare.wording import whole

LISTING = Listing(
    name="suspense", search=gettext_lazy("Pool, cycle or currency"),
    texts=lambda row: (row.pool, row.cycle, row.currency), shown=10,
    orders={
        "oldest": Order(gettext_lazy("Oldest first"), None),
        "largest": Order(gettext_lazy("Largest first"), lambda row: row.amount_micros, descending=True),
        "pool": Order(gettext_lazy("By pool"), lambda row: row.pool),
    },
    columns={
        "number": lambda row: row.number, "pool": lambda row: row.pool, "cycle": lambda row: row.cycle,
        "currency": lambda row: row.currency, "amount_micros": lambda row: row.amount_micros,
        "since": lambda row: row.since, "reason": lambda row: row.reason, "way_out": lambda row: _way_out(row),
    },
)  # fmt: skip
OFFERED = 500  # known names to choose from; any other can be typed
WENT = {
    "platform": gettext_noop("What waited as %(number)s went to platform, by journal %(journal)s."),
    "commons": gettext_noop("What waited as %(number)s went to commons, by journal %(journal)s."),
}


@admin.register(SuspenseDecision, site=site)
class SuspenseDecisionAdmin(RecordAdmin):
    list_display = ("rest", "decision", "model", "journal", "decided_at_utc", "decided_by", "reason")
    list_filter = ("decision",)
    list_select_related = ("rest", "journal")


@admin.register(Match, site=site)
class MatchAdmin(RecordAdmin):
    list_display = ("id", "kind", "name", "stands_for", "matched_at_utc", "matched_by", "reason")
    list_display_links = ("id", "name")
    list_filter = ("kind",)
    search_fields = ("name", "stands_for")


@require_GET
def page(request: HttpRequest) -> HttpResponseBase:
    seen = answer(request, LISTING, waiting())
    if not isinstance(seen, Seen):
        return seen
    at, found = now(), seen.rows
    rows = [
        {"cycle": row.cycle, "pool": row.pool, "amount": amount(row.amount_micros, row.currency),
         "amount_text": readable(row.amount_micros, row.currency),
         "reason": row.reason, "days": whole((at - row.since).days if row.since else 0), "way_out": _way_out(row),
         "number": row.number, "unknown": row.unknown, "open": not row.decided}
        for row in found
    ]  # fmt: skip
    names = sorted({(row.kind, row.name) for row in found if row.name and not row.stands_for})
    return site.page(
        request, "suspense.html", title=_("Suspense"), rows=rows, list=seen, names=names,
        known=known_names() if names else {},
        may_match=allowed(request, "match"),
        may_share=allowed(request, "share_suspense"), may_settle=allowed(request, "settle_suspense"),
    )  # fmt: skip


def known_names() -> dict[str, list[str]]:
    """What a name may stand for: of models and of dataset versions, those that are registered."""
    models = Training.objects.order_by("model").values_list("model", flat=True).distinct()[:OFFERED]
    versions = Manifest.objects.order_by("dataset_version").values_list("dataset_version", flat=True)[:OFFERED]
    return {"model": list(models), "dataset_version": list(versions)}


def _way_out(row: Waiting) -> str:
    if row.decided and row.decided_model:
        return _("shared by the next cycle, with %(model)s") % {"model": row.decided_model}
    if row.decided:
        return _("shared by the next cycle")
    return _("matched with %(name)s") % {"name": row.stands_for} if row.stands_for else ""


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
        said = {"name": made.name, "known": made.stands_for}
        if new:
            return _("%(name)s stands for %(known)s from the next lock on.") % said
        return _("%(name)s stands for %(known)s from the next lock on, as it did.") % said

    attempt(request, deed)
    return redirect("admin:suspense")


@require_POST
@only("share_suspense")
def share_it(request: HttpRequest, number: int) -> HttpResponse:
    """Has the next cycle share what waits."""

    def deed() -> str:
        made, new = share(
            number=number, model=request.POST.get("model", "").strip(),
            act=acting(request, why=request.POST.get("reason", "").strip()),
        )  # fmt: skip
        if new:
            return _("What waits as %(number)s is shared by the next cycle that is locked.") % {"number": made.rest_id}
        return _("What waits as %(number)s is shared by the next cycle that is locked, as it was.") % {
            "number": made.rest_id,
        }  # fmt: skip

    attempt(request, deed)
    return redirect("admin:suspense")


@require_POST
@only("settle_suspense")
def settle_it(request: HttpRequest, number: int) -> HttpResponse:
    """Gives what waits to the platform or the commons fund."""

    def deed() -> str:
        made = settle(
            number=number, to=request.POST.get("to", ""),
            act=acting(request, why=request.POST.get("reason", "").strip()),
        )  # fmt: skip
        return _(WENT[made.decision]) % {"number": made.rest_id, "journal": made.journal_id}

    attempt(request, deed)
    return redirect("admin:suspense")
