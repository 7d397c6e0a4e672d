"""The queue of debts: advances that are asked for, and what is owed."""

from typing import Any

from django.db.models import Q
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseBase
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, gettext_noop, pgettext
from django.views.decorators.http import require_GET, require_POST

from revshare.clock import now
from revshare.console.doors import Told, allowed, only, person, require
from revshare.console.lists import NEWEST_FIRST, Listing, Order
from revshare.console.queues import Card, Deed, Field, Form, Queue, done, given, shown, step_told
from revshare.console.shown import amount, since
from revshare.errors import NotFound
from revshare.money import BadAmount, parse_amount_micros
from revshare.recoupments import operations as recoupments
from revshare.recoupments.queries import with_state
from revshare.recoupments.rules import ADVANCE, ASKED, BOOKED, OVERPAYMENT

RIGHTS = {"approve": "decide_advance", "decline": "decide_advance", "write_off": "write_off_debt"}
DONE = {
    "approve": gettext_noop("Debt %(number)s is granted: it is on the account, and cycles take it back."),
    "decline": gettext_noop("Debt %(number)s is declined."),
    "write_off": gettext_noop("Debt %(number)s is written off: what was left is the platform’s loss."),
}
TITLES = {ADVANCE: gettext_noop("Advance of %(name)s"), OVERPAYMENT: gettext_noop("Overpayment of %(name)s")}
DEEDS = {"approve": recoupments.approve, "decline": recoupments.decline, "write_off": recoupments.write_off}
WHO = [
    Field("contributor", gettext_noop("Contributor (the id, whole)")),
    Field("currency", gettext_noop("Currency, such as USD")),
]
DEBT_LIST = Listing(
    name="debts", search=gettext_lazy("Contributor’s id, whole"), found=lambda text: Q(contributor_id=text),
    orders=NEWEST_FIRST | {"largest": Order(gettext_lazy("Largest first"), ("amount_micros",), descending=True)},
    columns={
        "debt": lambda row: row.pk, "kind": lambda row: row.kind, "state": lambda row: row.state,
        "contributor_id": lambda row: row.contributor_id, "currency": lambda row: row.currency,
        "amount_micros": lambda row: row.amount_micros, "left_micros": lambda row: row.left_micros,
        "starts_on": lambda row: row.starts_on, "asked_at": lambda row: row.asked_at,
        "asked_by": lambda row: row.asked_by, "reason": lambda row: row.reason,
    },
)  # fmt: skip
DEBTS = Queue(
    view="work-debts", title=gettext_noop("Advances and debts"), records="debt", listing=DEBT_LIST,
    which=gettext_noop("Which advances and debts"),
    all_records=gettext_noop("All records of advances and debts, to filter, sort and export"),
    empty=gettext_noop(
        "No advance waits for a decision, and nobody owes anything. Advances are asked for by finance and granted by "
        "an approver; cycles take them back of what is earned, by the policy’s cap."
    ),
    tabs={
        gettext_noop("Asked for"): (ASKED,), gettext_noop("Owed"): (BOOKED,),
        gettext_noop("Ended"): ("declined", "written_off"), gettext_noop("All"): (),
    },
    forms=[
        Form(gettext_noop("Ask for an advance"), "ask_for_advance", gettext_noop("Ask"), [
            *WHO, Field("amount", gettext_noop("Amount, such as 50.00")), Field("reason", gettext_noop("Reason")),
        ], says=gettext_noop("It is paid once another person has granted it.")),
        Form(gettext_noop("Make a debt of an account below zero"), "book_debt", gettext_noop("Book"), [
            *WHO, Field("amount", gettext_noop("Amount (blank: all that is below zero)"), optional=True),
            Field("reason", gettext_noop("Reason")),
        ], says=gettext_noop("The account goes back to zero, and cycles take it back after 30 days’ notice.")),
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
            Deed("approve", _("Grant"), _("Reason to decide")),
            Deed("decline", _("Decline"), _("Reason to decide"), danger=True),
        ]
    if debt.state == BOOKED and debt.left_micros and allowed(request, "write_off_debt") and not mine:
        deeds = [Deed("write_off", _("Write off"), _("Reason to give up what is left"), danger=True)]
    asked = {"by": debt.asked_by, "ago": since(debt.asked_at, now()), "reason": debt.reason}
    return Card(
        debt.pk, _(TITLES[debt.kind]) % {"name": debt.contributor.name or debt.contributor_id}, debt.state,
        [(_("Contributor"), debt.contributor_id), (_("Amount"), amount(debt.amount_micros, debt.currency)),
         (pgettext("debt", "Left"), amount(debt.left_micros, debt.currency)),
         (_("Taken back from"), _("cycles that end after %(day)s") % {"day": debt.starts_on}),
         (pgettext("debt", "Asked for"), _("by %(by)s, %(ago)s: “%(reason)s”") % asked)],
        [step_told(step) for step in steps],
        deeds, _("You asked for it: another person decides.") if mine and allowed(request, "decide_advance") else "",
    )  # fmt: skip


@require_POST
@only("ask_for_advance")
def ask(request: HttpRequest) -> HttpResponse:
    def deed(act: Any) -> str:
        made = recoupments.ask_for_advance(
            contributor_id=given(request, "contributor"), currency=given(request, "currency").upper(),
            amount_micros=_micros(request), act=act,
        )  # fmt: skip
        return _("Advance %(number)s is asked for: another person grants or declines it.") % {"number": made.pk}

    return done(request, DEBTS.view, deed)


@require_POST
@only("book_debt")
def book(request: HttpRequest) -> HttpResponse:
    def deed(act: Any) -> str:
        made = recoupments.book_overpayment(
            contributor_id=given(request, "contributor"), currency=given(request, "currency").upper(),
            amount_micros=_micros(request) if given(request, "amount") else 0, act=act,
        )  # fmt: skip
        return _("Debt %(number)s is booked; it is taken back from %(day)s on.") % {
            "number": made.pk, "day": made.starts_on,
        }  # fmt: skip

    return done(request, DEBTS.view, deed)


@require_POST
def move(request: HttpRequest, pk: int, action: str) -> HttpResponse:
    if action not in RIGHTS:
        raise Http404(_("There is no such step."))
    require(request, RIGHTS[action])

    def deed(act: Any) -> str:
        try:
            recoupments.check_not_payee(number=pk, contributor_id=person(request).contributor_id)
            DEEDS[action](number=pk, act=act)
        except NotFound as error:
            raise Http404(str(error)) from None
        return _(DONE[action]) % {"number": pk}

    return done(request, DEBTS.view, deed)


def _micros(request: HttpRequest) -> int:
    try:
        return parse_amount_micros(given(request, "amount"))
    except BadAmount as error:
        raise Told(_("The amount: %(what)s.") % {"what": error}, code="amount_invalid") from None
