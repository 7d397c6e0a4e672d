"""Records of what contributors owe and of what was taken back; the page of pools that owe."""

from typing import Any

from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponseBase
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.http import require_GET

from revshare.clock import now
from revshare.console.base import site
from revshare.console.filters import CurrencyFilter, CycleFilter, StandingOfDebt
from revshare.console.lists import Listing, Order, Seen, answer
from revshare.console.records import RecordAdmin
from revshare.console.shown import amount, badge
from revshare.pools.deficits import deficits
from revshare.recoupments.models import Debt, DebtStep, Recouped
from revshare.recoupments.queries import with_state


@admin.register(Debt, site=site)
class DebtAdmin(RecordAdmin):
    list_display = ("id", "contributor", "kind", "whole", "left", "standing", "starts_on_iso", "asked_by", "reason")
    list_filter = (StandingOfDebt, "kind", CurrencyFilter)
    list_select_related = ("contributor",)
    search_fields = ("contributor__id__exact",)
    search_help_text = gettext_lazy("The contributor's id, whole")
    extra = ("standing", "left")

    def get_queryset(self, request: HttpRequest) -> QuerySet[Any]:
        return with_state()

    @admin.display(description=gettext_lazy("amount"), ordering="amount_micros")
    def whole(self, debt: Any) -> str:
        return amount(debt.amount_micros, debt.currency)

    @admin.display(description=gettext_lazy("left"), ordering="left_micros")
    def left(self, debt: Any) -> str:
        return amount(debt.left_micros, debt.currency)

    @admin.display(description=gettext_lazy("state"), ordering="state")
    def standing(self, debt: Any) -> str:
        return badge(debt.state)


@admin.register(DebtStep, site=site)
class DebtStepAdmin(RecordAdmin):
    coded = ("source", "target")
    list_display = ("id", "debt", "action", "target_words", "text", "at_utc", "by", "journal")
    list_filter = ("action",)
    list_select_related = ("debt", "journal")


@admin.register(Recouped, site=site)
class RecoupedAdmin(RecordAdmin):
    list_display = ("id", "debt", "cycle", "of_earned", "of_released", "taken")
    list_filter = (CycleFilter,)
    list_select_related = ("debt", "cycle")
    search_fields = ("debt__contributor__id__exact",)
    search_help_text = gettext_lazy("The contributor's id, whole")

    @admin.display(description=gettext_lazy("of what was earned"))
    def of_earned(self, row: Recouped) -> str:
        return amount(row.earned_micros, row.debt.currency)

    @admin.display(description=gettext_lazy("and of what was released"))
    def of_released(self, row: Recouped) -> str:
        return amount(row.released_micros, row.debt.currency)

    @admin.display(description=gettext_lazy("taken back"), ordering="amount_micros")
    def taken(self, row: Recouped) -> str:
        return amount(row.amount_micros, row.debt.currency)


DEFICITS = Listing(
    name="deficits", search=gettext_lazy("Pool or cycle"), texts=lambda row: (row.pool, row.since_cycle),
    orders={
        "oldest": Order(gettext_lazy("Oldest first"), lambda row: row.since),
        "largest": Order(gettext_lazy("Largest first"), lambda row: row.amount_micros, descending=True),
    },
    columns={
        "pool": lambda row: row.pool, "currency": lambda row: row.currency,
        "owes_micros": lambda row: row.amount_micros, "at_most_micros": lambda row: row.worst_micros,
        "since_cycle": lambda row: row.since_cycle, "since": lambda row: row.since, "cycles": lambda row: row.cycles,
    },
)  # fmt: skip


@require_GET
def deficits_page(request: HttpRequest) -> HttpResponseBase:
    seen = answer(request, DEFICITS, deficits())
    if not isinstance(seen, Seen):
        return seen
    today = now().date()
    rows = [
        {"pool": row.pool, "amount": amount(row.amount_micros, row.currency),
         "worst": amount(row.worst_micros, row.currency), "since": row.since_cycle, "cycles": row.cycles,
         "days": (today - row.since).days}
        for row in seen.rows
    ]  # fmt: skip
    return site.page(request, "deficits.html", title=_("Deficits"), rows=rows, list=seen)
