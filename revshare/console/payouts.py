"""Payments: batches from their preparation to the bank. Each step of a batch is confirmed first."""

from typing import Any

from django.db.models import Count, Q, Sum
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseBase
from django.shortcuts import redirect
from django.urls import reverse
from django.utils.http import content_disposition_header
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, gettext_noop
from django.views.decorators.http import require_GET, require_POST

from revshare.access.models import User
from revshare.access.rules import may
from revshare.console.bank import ResultsForm, latest_results
from revshare.console.base import site
from revshare.console.doors import acting, allowed, attempt, confirmed, only, person, refusal, require
from revshare.console.fields import plain
from revshare.console.holds import holding
from revshare.console.lists import NEWEST_FIRST, Listing, Order, Seen, answer
from revshare.console.shown import badge, moment, readable
from revshare.errors import NotFound, Refused
from revshare.payouts import operations as payouts
from revshare.payouts.models import PaymentBatch
from revshare.payouts.queries import find_batch
from revshare.payouts.register import register
from revshare.payouts.rules import MOVES, major_text, minor_unit_micros, payment_key
from revshare.signin.links import check_link
from revshare.wording import whole

RIGHTS = {"approve": "approve_payouts", "export": "export_payouts", "cancel": "prepare_payouts"}
OUTCOMES = {
    "live": gettext_noop("Under way"), "paid": gettext_noop("Paid"), "returned": gettext_noop("Came back"),
    "cancelled": gettext_noop("Given up"),
}  # fmt: skip
LABELS = {
    "approve": gettext_noop("Approve"), "export": gettext_noop("Hand to the bank"), "cancel": gettext_noop("Give up"),
}  # fmt: skip
BUTTONS = {
    "approve": gettext_noop("Approve batch %(batch)s"), "export": gettext_noop("Hand to the bank batch %(batch)s"),
    "cancel": gettext_noop("Give up batch %(batch)s"),
}  # fmt: skip
CONFIRMED = {
    "approve": gettext_noop("Approve: %(total)s"), "export": gettext_noop("Hand to the bank: %(total)s"),
    "cancel": gettext_noop("Give up: %(total)s"),
}  # fmt: skip
MEANING = {
    "approve": gettext_noop("A second person releases these payments. The approval is bound to the digest above."),
    "export": gettext_noop(
        "From here on only the bank's results end these payments. The register can then be downloaded."
    ),
    "cancel": gettext_noop("Nobody is paid by this batch; what it would have paid can go into another."),
}
DONE = {
    "approve": gettext_noop("Batch %(batch)s is approved."),
    "export": gettext_noop("Batch %(batch)s is handed to the bank: download its register."),
    "cancel": gettext_noop("Batch %(batch)s is given up."),
}


BATCHES = Listing(
    name="batches", search=gettext_lazy("Currency, cycle or state"), orders=NEWEST_FIRST
    | {"largest": Order(gettext_lazy("Most payments first"), ("payments_count",), descending=True)},
    found=lambda text: Q(currency=text.upper()) | Q(cycle__key=text) | Q(state=text.lower()),
    columns={
        "batch": lambda row: row.pk, "state": lambda row: row.state, "cycle": lambda row: row.cycle.key,
        "currency": lambda row: row.currency, "payments": lambda row: row.payments_count,
        "total": lambda row: major_text(row.total_minor, row.currency), "prepared_by": lambda row: row.prepared_by,
        "prepared_at": lambda row: row.prepared_at, "approved_by": lambda row: row.approved_by,
        "exported_by": lambda row: row.exported_by, "digest": lambda row: row.digest,
    },
)  # fmt: skip


@require_GET
def page(request: HttpRequest) -> HttpResponseBase:
    seen = answer(request, BATCHES, PaymentBatch.objects.select_related("cycle"))
    if not isinstance(seen, Seen):
        return seen
    return site.page(
        request, "payouts.html", title=_("Payouts"), may_prepare=allowed(request, "prepare_payouts"), list=seen,
        may_hold=allowed(request, "hold_payouts"), may_book=allowed(request, "book_payments"),
        holds=holding().count(), batches=[_shown(batch) for batch in seen.rows], form=plain(ResultsForm()),
        latest=latest_results() if allowed(request, "book_payments") else [],
    )  # fmt: skip


@require_GET
def batch(request: HttpRequest, pk: int) -> HttpResponse:
    found = _find(pk)
    moves = [
        {"action": action, "label": _(LABELS[action]), "meaning": _(MEANING[action]),
         "button": _(BUTTONS[action]) % {"batch": pk},
         "confirms": _(CONFIRMED[action]) % {"total": major(found.total_minor, found.currency)},
         "hindrance": _hindrance(found, action, person(request)),
         "url": reverse("admin:payout-move", args=[pk, action])}
        for action, move in MOVES.items()
        if found.state in move.sources
    ]  # fmt: skip
    return site.page(
        request, "payout_batch.html", batch=_shown(found), moves=moves, outcome=_outcome(found),
        title=_("Batch %(batch)s in %(currency)s") % {"batch": pk, "currency": found.currency},
        may_register=found.state == "exported" and allowed(request, "export_payouts"),
        payments=f"{reverse('admin:revshare_payment_changelist')}?q={payment_key(pk, 0)[:-6]}",
    )  # fmt: skip


@require_POST
def move(request: HttpRequest, pk: int, action: str) -> HttpResponse:
    if action not in MOVES:
        raise Http404(_("There is no such move."))
    require(request, RIGHTS[action])
    found = _find(pk)

    def deed() -> str:
        confirmed(request)
        if action == "approve":
            payouts.check_not_payee(found, person(request).contributor_id)
            payouts.approve(batch_id=pk, digest=request.POST.get("digest", ""), act=acting(request))
        elif action == "export":
            payouts.release_to_bank(batch_id=pk, act=acting(request))
        else:
            payouts.cancel(batch_id=pk, act=acting(request, why=request.POST.get("reason", "").strip()))
        return _(DONE[action]) % {"batch": pk}

    attempt(request, deed)
    return redirect("admin:payout-batch", pk)


@require_GET
@only("export_payouts")
def download(request: HttpRequest, pk: int) -> HttpResponse:
    found = _find(pk)
    check_link(request)
    written: list[bytes] = []

    def deed() -> str:
        written.append(register(found))
        return _("The register of batch %(batch)s is downloaded.") % {"batch": pk}

    if found.state != "exported" or not attempt(request, deed):
        return redirect("admin:payout-batch", pk)
    name = content_disposition_header(True, f"payments-{pk}.csv") or "attachment"
    return HttpResponse(written[0], content_type="text/csv; charset=utf-8", headers={"Content-Disposition": name})


def _find(pk: int) -> PaymentBatch:
    try:
        return find_batch(pk)
    except NotFound as error:
        raise Http404(str(error)) from None


def _hindrance(found: PaymentBatch, action: str, user: User) -> str:
    """What keeps this person from a move; the operation checks it again."""
    if not may(roles=user.roles, action=RIGHTS[action]):
        return _("This takes an approver.") if action == "approve" else _("This takes finance.")
    if action == "approve":
        if user.username == found.prepared_by:
            return _("You prepared this batch: another person has to approve it.")
        try:
            payouts.check_not_payee(found, user.contributor_id)
        except Refused as error:
            return refusal(error)
    return ""


def major(minor: int, currency: str) -> str:
    """An amount of payments, which are whole minor units: `116,833.67 GBP`."""
    return readable(minor * minor_unit_micros(currency), currency)


def _outcome(found: PaymentBatch) -> list[tuple[str, str, str]]:
    """What became of its payments: the word, how many, how much."""
    rows = found.payments.values_list("state").annotate(number=Count("pk"), minor=Sum("amount_minor")).order_by("state")
    return [(_(OUTCOMES[state]), whole(number), major(minor, found.currency)) for state, number, minor in rows]


def _shown(found: PaymentBatch) -> dict[str, Any]:
    return {
        "pk": found.pk, "badge": badge(found.state), "cycle": found.cycle.key, "payments": found.payments_count,
        "count": whole(found.payments_count),
        "total": major(found.total_minor, found.currency), "digest": found.digest,
        "history": [
            (word, by, moment(at))
            for word, by, at in (
                (_("Prepared"), found.prepared_by, found.prepared_at),
                (_("Approved"), found.approved_by, found.approved_at),
                (_("Handed to the bank"), found.exported_by, found.exported_at),
                (_("Given up"), found.cancelled_by, found.cancelled_at),
            )
            if by
        ],
    }  # fmt: skip
