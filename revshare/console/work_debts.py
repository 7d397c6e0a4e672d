"""The queue of debts: advances that are asked for, and what is owed."""

from typing import Any

from django.db.models import Q
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseBase
from django.views.decorators.http import require_GET, require_POST

from revshare.clock import now
from revshare.console.doors import allowed, only, person, require
from revshare.console.lists import NEWEST_FIRST, Listing, Order
from revshare.console.queues import Card, Deed, Field, Form, Queue, done, given, shown
from revshare.console.shown import amount, moment, since
from revshare.errors import NotFound, Refused
from revshare.money import BadAmount, parse_amount_micros
from revshare.recoupments import operations as recoupments
from revshare.recoupments.queries import with_state
from revshare.recoupments.rules import ASKED, BOOKED

RIGHTS = {"approve": "decide_advance", "decline": "decide_advance", "write_off": "write_off_debt"}
DONE = {
    "approve": "granted: it is on the account, and cycles take it back", "decline": "declined",
    "write_off": "written off: what was left is the platform’s loss",
}  # fmt: skip
DEEDS = {"approve": recoupments.approve, "decline": recoupments.decline, "write_off": recoupments.write_off}
WHO = [Field("contributor", "Contributor (the id, whole)"), Field("currency", "Currency, such as USD")]
DEBT_LIST = Listing(
    name="debts", search="Contributor’s id, whole", found=lambda text: Q(contributor_id=text),
    orders=NEWEST_FIRST | {"largest": Order("Largest first", ("amount_micros",), descending=True)},
    columns={
        "debt": lambda row: row.pk, "kind": lambda row: row.kind, "state": lambda row: row.state,
        "contributor_id": lambda row: row.contributor_id, "currency": lambda row: row.currency,
        "amount_micros": lambda row: row.amount_micros, "left_micros": lambda row: row.left_micros,
        "starts_on": lambda row: row.starts_on, "asked_at": lambda row: row.asked_at,
        "asked_by": lambda row: row.asked_by, "reason": lambda row: row.reason,
    },
)  # fmt: skip
DEBTS = Queue(
    view="work-debts", title="Advances and debts", records="debt", listing=DEBT_LIST,
    empty="No advance waits for a decision, and nobody owes anything. Advances are asked for by finance and granted by "
    "an approver; cycles take them back of what is earned, by the policy’s cap.",
    tabs={"Asked for": (ASKED,), "Owed": (BOOKED,), "Ended": ("declined", "written_off"), "All": ()},
    forms=[
        Form("Ask for an advance", "ask_for_advance", "Ask", [
            *WHO, Field("amount", "Amount, such as 50.00"), Field("reason", "Reason")
        ], says="It is paid once another person has granted it."),
        Form("Make a debt of an account below zero", "book_debt", "Book", [
            *WHO, Field("amount", "Amount (blank: all that is below zero)", optional=True), Field("reason", "Reason")
        ], says="The account goes back to zero, and cycles take it back after 30 days’ notice."),
    ],
)  # fmt: skip


@require_GET
def page(request: HttpRequest) -> HttpResponseBase:
    rows: Any = with_state().select_related("contributor").prefetch_related("steps")
    return shown(request, DEBTS, rows, lambda debt: _card(request, debt))


def _card(request: HttpRequest, debt: Any) -> Card:
    steps = sorted(debt.steps.all(), key=lambda step: step.pk)
    mine = debt.asked_by == person(request).username
    deeds = []
    if debt.state == ASKED and allowed(request, "decide_advance") and not mine:
        deeds = [
            Deed("approve", "Grant", "Reason to decide"),
            Deed("decline", "Decline", "Reason to decide", danger=True),
        ]
    if debt.state == BOOKED and debt.left_micros and allowed(request, "write_off_debt") and not mine:
        deeds = [Deed("write_off", "Write off", "Reason to give up what is left", danger=True)]
    return Card(
        debt.pk, f"{debt.kind.capitalize()} of {debt.contributor.name or debt.contributor_id}", debt.state,
        [("Contributor", debt.contributor_id), ("Amount", amount(debt.amount_micros, debt.currency)),
         ("Left", amount(debt.left_micros, debt.currency)),
         ("Taken back from", f"cycles that end after {debt.starts_on}"),
         ("Asked for", f"by {debt.asked_by}, {since(debt.asked_at, now())}: “{debt.reason}”")],
        [f"{step.target.replace('_', ' ')} by {step.by}, {moment(step.at)}: “{step.text}”" for step in steps],
        deeds, "You asked for it: another person decides." if mine and allowed(request, "decide_advance") else "",
    )  # fmt: skip


@require_POST
@only("ask_for_advance")
def ask(request: HttpRequest) -> HttpResponse:
    def deed(act: Any) -> str:
        made = recoupments.ask_for_advance(
            contributor_id=given(request, "contributor"), currency=given(request, "currency").upper(),
            amount_micros=_micros(request), act=act,
        )  # fmt: skip
        return f"Advance {made.pk} is asked for: another person grants or declines it."

    return done(request, DEBTS.view, deed)


@require_POST
@only("book_debt")
def book(request: HttpRequest) -> HttpResponse:
    def deed(act: Any) -> str:
        made = recoupments.book_overpayment(
            contributor_id=given(request, "contributor"), currency=given(request, "currency").upper(),
            amount_micros=_micros(request) if given(request, "amount") else 0, act=act,
        )  # fmt: skip
        return f"Debt {made.pk} is booked; it is taken back from {made.starts_on} on."

    return done(request, DEBTS.view, deed)


@require_POST
def move(request: HttpRequest, pk: int, action: str) -> HttpResponse:
    if action not in RIGHTS:
        raise Http404("There is no such step.")
    require(request, RIGHTS[action])

    def deed(act: Any) -> str:
        try:
            recoupments.check_not_payee(number=pk, contributor_id=person(request).contributor_id)
            DEEDS[action](number=pk, act=act)
        except NotFound as error:
            raise Http404(str(error)) from None
        return f"Debt {pk} is {DONE[action]}."

    return done(request, DEBTS.view, deed)


def _micros(request: HttpRequest) -> int:
    try:
        return parse_amount_micros(given(request, "amount"))
    except BadAmount as error:
        raise Refused(f"The amount: {error}.", code="amount_invalid") from None
