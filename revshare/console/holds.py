"""Who is not paid, and why: held and released by finance, each with a reason."""

from django.db.models import Q, QuerySet
from django.http import HttpRequest, HttpResponse, HttpResponseBase
from django.shortcuts import redirect
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.http import require_GET, require_POST

from revshare.console.base import site
from revshare.console.doors import acting, allowed, attempt, only
from revshare.console.lists import NEWEST_FIRST, Listing, Seen, answer
from revshare.console.shown import moment
from revshare.payouts import operations as payouts
from revshare.payouts.models import Hold

LISTING = Listing(
    name="holds", search=gettext_lazy("Contributor’s id, whole, or words of the reason"), orders=NEWEST_FIRST,
    found=lambda text: Q(contributor_id=text) | Q(reason__icontains=text),
    columns={
        "hold": lambda row: row.pk, "contributor_id": lambda row: row.contributor_id,
        "contributor_name": lambda row: row.contributor.name, "currency": lambda row: row.currency,
        "reason": lambda row: row.reason, "placed_at": lambda row: row.placed_at,
        "placed_by": lambda row: row.placed_by,
    },
)  # fmt: skip


def holding() -> QuerySet[Hold]:
    """The holds that are not released."""
    return Hold.objects.filter(released_at__isnull=True)


@require_GET
def page(request: HttpRequest) -> HttpResponseBase:
    seen = answer(request, LISTING, holding().select_related("contributor"))
    if not isinstance(seen, Seen):
        return seen
    rows = [
        {"pk": hold.pk, "id": hold.contributor_id, "who": hold.contributor.name or hold.contributor_id,
         "currency": hold.currency or _("any currency"), "reason": hold.reason, "by": hold.placed_by,
         "at": moment(hold.placed_at)}
        for hold in seen.rows
    ]  # fmt: skip
    return site.page(
        request, "holds.html", title=_("Holds"), rows=rows, list=seen, may_hold=allowed(request, "hold_payouts")
    )


@require_POST
@only("hold_payouts")
def place(request: HttpRequest) -> HttpResponse:
    def deed() -> str:
        held = payouts.place_hold(
            contributor_id=request.POST.get("contributor", "").strip(),
            currency=request.POST.get("currency", "").strip().upper(),
            act=acting(request, why=request.POST.get("reason", "").strip()),
        )
        if not held.currency:
            return _("Nobody pays %(contributor)s in any currency until it is released.") % {
                "contributor": held.contributor_id,
            }  # fmt: skip
        return _("Nobody pays %(contributor)s in %(currency)s until it is released.") % {
            "contributor": held.contributor_id, "currency": held.currency,
        }  # fmt: skip

    attempt(request, deed)
    return redirect("admin:payout-holds")


@require_POST
@only("hold_payouts")
def release(request: HttpRequest, pk: int) -> HttpResponse:
    def deed() -> str:
        held = payouts.release_hold(hold_id=pk, act=acting(request, why=request.POST.get("reason", "").strip()))
        return _("The hold on %(contributor)s is released.") % {"contributor": held.contributor_id}

    attempt(request, deed)
    return redirect("admin:payout-holds")
