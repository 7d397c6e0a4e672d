"""What is payable in a currency, and the batch of it: at once where accounts are few, by jobs where they are many."""

from typing import Any

from django.http import HttpRequest, HttpResponse, HttpResponseBase
from django.shortcuts import redirect
from django.urls import reverse
from django.utils.http import urlencode
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, gettext_noop
from django.views.decorators.http import require_http_methods

from revshare.clock import now
from revshare.console.base import site
from revshare.console.doors import acting, attempt, confirmed, only
from revshare.console.lists import Listing, Order, Seen, answer
from revshare.console.payouts import major
from revshare.console.runs import describe, last_run
from revshare.console.shown import amount, moment
from revshare.money import is_currency
from revshare.payouts import operations as payouts
from revshare.payouts.payable import Preview, Waiting, is_many, preview_and_waiting
from revshare.runs.models import Run
from revshare.tasks import BATCH, PAYABLE, request_batch, request_preview
from revshare.wording import whole

REASONS = {
    "below_minimum": gettext_noop("Below the minimum payout."), "in_payment": gettext_noop("A payment is under way."),
    "on_hold": gettext_noop("Held by finance."), "unclaimed": gettext_noop("Nobody has claimed the account yet."),
    "no_payee": gettext_noop("No payee is known to pay to."),
    "payee_to_come": gettext_noop("Where to pay to is named; a contributors file has yet to name the payee."),
    "negative": gettext_noop("The balance is below zero."),
    "new_payee": gettext_noop("New contributors are paid a while after they were first told of."),
    "rate_missing": gettext_noop("No rate of today into the currency they are paid in: take in a file of rates."),
    "below_minor_unit": gettext_noop("It is less than the least amount of the currency they are paid in."),
}  # fmt: skip


WAITING = Listing(
    name="not-payable", search=gettext_lazy("Contributor’s id or name, or a reason such as no_payee"),
    texts=lambda item: (item.contributor_id, item.name, *item.reasons),
    orders={
        "largest": Order(gettext_lazy("Largest balance first"), lambda item: item.available_micros, descending=True),
        "contributor": Order(gettext_lazy("By contributor"), lambda item: item.contributor_id),
    },
    columns={
        "contributor_id": lambda item: item.contributor_id, "name": lambda item: item.name,
        "currency": lambda item: item.currency, "balance_micros": lambda item: item.available_micros,
        "reasons": lambda item: "; ".join(item.reasons),
        # In English, whoever takes the file.
        "words": lambda item: " ".join(REASONS[code] for code in item.reasons),
    },
)  # fmt: skip


@require_http_methods(["GET", "POST"])
@only("prepare_payouts")
def prepare(request: HttpRequest) -> HttpResponseBase:
    """What is payable in a currency, and why the rest is not; then the batch."""
    currency = (request.POST or request.GET).get("currency", "").strip().upper()
    if request.method == "POST":
        return _asked(request, currency)
    if is_currency(currency) and is_many():
        shown = _by_jobs(currency)
    else:
        found, waiting = _at_once(currency)
        seen = answer(request, WAITING, waiting, kept={"currency": currency})
        if not isinstance(seen, Seen):
            return seen
        shown = {"known": True, **_told(found, currency), "list": seen, "rows": [_waits(item) for item in seen.rows]}
    title = _("Prepare payments in %(currency)s") % {"currency": currency} if currency else ""
    return site.page(
        request, "payout_prepare.html", title=title or _("Prepare payments in a currency"), currency=currency, **shown
    )


def _asked(request: HttpRequest, currency: str) -> HttpResponse:
    """A preview, or the batch. A job's page is this one; a batch that is there at once has its own."""
    here = redirect(f"{reverse('admin:payout-prepare')}?{urlencode({'currency': currency})}")
    made: list[int] = []

    def deed() -> str:
        if request.POST.get("what") == "preview":
            request_preview(currency=currency, act=acting(request))
            return _("What is payable is being worked out.")
        confirmed(request)
        if is_many():
            request_batch(currency=currency, act=acting(request))
            return _("The batch is being prepared.")
        made.append(payouts.prepare(currency=currency, act=acting(request)).pk)
        return _("Batch %(batch)s is prepared: another person approves it.") % {"batch": made[0]}

    attempt(request, deed)
    return redirect("admin:payout-batch", made[0]) if made else here


def _at_once(currency: str) -> tuple[Preview, list[Waiting]]:
    if is_currency(currency):
        return preview_and_waiting(currency=currency, today=now().date())
    return Preview(cycle="", payments=0, total_minor=0, reasons={}), []


def _waits(item: Waiting) -> dict[str, Any]:
    return {
        "id": item.contributor_id, "who": item.name or item.contributor_id,
        "amount": amount(item.available_micros, item.currency), "why": [_(REASONS[code]) for code in item.reasons],
    }  # fmt: skip


def _by_jobs(currency: str) -> dict[str, Any]:
    """What the last job found, and what is at work. A batch that came after it is what it counted."""
    worked = Run.objects.filter(subject=f"{PAYABLE}:{currency}").order_by("-pk")
    last, done = worked.first(), worked.filter(state=Run.State.DONE).first()
    batch = last_run(f"{BATCH}:{currency}")
    prepared = batch if batch and batch.state == Run.State.DONE else None
    if done and prepared and prepared.pk > done.pk:
        done = None
    return {
        "by_jobs": True, "known": done is not None,
        "runs": [describe(run) for run in (last, batch) if run and run.live],
        "failed": [run.error for run in (last, batch) if run and run.state == Run.State.FAILED],
        "prepared": prepared.outcome["batch"] if prepared else None,
        **(_told(Preview(**done.outcome), currency) | {"at": moment(done.requested_at)} if done else {}),
    }  # fmt: skip


def _told(found: Preview, currency: str) -> dict[str, Any]:
    total = major(found.total_minor, currency) if found.payments else ""
    return {
        "payable": found.payments, "count": whole(found.payments), "total": total, "cycle": found.cycle,
        "reasons": reasons_of(found.reasons),
    }  # fmt: skip


def reasons_of(counts: dict[str, int]) -> list[tuple[str, str]]:
    """Why accounts are not payable, and how many, most first."""
    rows = sorted(counts.items(), key=lambda item: (-item[1], REASONS[item[0]]))
    return [(_(REASONS[code]), whole(number)) for code, number in rows]
