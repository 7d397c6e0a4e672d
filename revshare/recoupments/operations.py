"""Debts asked for, booked, declined and written off. What cycles take back of them is `allocation.deducting`'s."""

from datetime import date, timedelta

from django.db import transaction

from revshare.audit_trail.operations import Act, record
from revshare.contributors.models import Contributor
from revshare.errors import Conflict, NotAllowed, NotFound, Refused
from revshare.ledger.models import Journal
from revshare.ledger.operations import LegData, post_legs
from revshare.ledger.queries import PAYABLE
from revshare.locks import Lock, hold
from revshare.money import format_micros, is_currency
from revshare.recoupments.models import Debt, DebtStep
from revshare.recoupments.queries import balance_micros, find, locked_cycle
from revshare.recoupments.rules import ACCOUNTS, ADVANCE, BOOKED, JOURNALS, MOVES, OVERPAYMENT, WRITE_OFF

USUAL_NOTICE_DAYS = 30
MOST_NOTICE_DAYS = 3650


@transaction.atomic
def ask_for_advance(
    *, contributor_id: str, currency: str, amount_micros: int, act: Act, starts_on: date | None = None
) -> Debt:
    """Asks for an advance: once another person has approved it, it is on the account, and cycles whose last day is
    `starts_on` (else: today) or later take it back. The act's reason is kept. Raises NotFound, Refused."""
    _check(contributor_id, currency, amount_micros, act)
    today = act.at.date()
    if starts_on is not None and starts_on < today:
        raise Refused(f"An advance of {today} cannot be taken back from {starts_on} on, before it was paid.")
    debt = Debt.objects.create(
        contributor_id=contributor_id, currency=currency, kind=ADVANCE, amount_micros=amount_micros, reason=act.why,
        asked_at=act.at, asked_by=act.actor, noticed_on=today, starts_on=starts_on or today,
    )  # fmt: skip
    _record(debt, "advance.ask", act)
    return debt


@transaction.atomic
def approve(*, number: int, act: Act) -> DebtStep:
    """A second person grants an advance: it is posted, on the next statement, and payable with it. Raises NotFound,
    Conflict, Refused without a reason, and NotAllowed for whoever asked for it (whom it pays, the skin knows:
    `check_not_payee`)."""
    return _decide(number, "book", act)


@transaction.atomic
def decline(*, number: int, act: Act) -> DebtStep:
    """No advance after all. Raises what `approve` raises."""
    return _decide(number, "decline", act)


@transaction.atomic
def book_overpayment(
    *, contributor_id: str, currency: str, act: Act, amount_micros: int = 0, notice_days: int = USUAL_NOTICE_DAYS
) -> Debt:
    """Moves what an account is below zero (all of it, or this much) off the account: a debt that cycles take back by
    the policy's cap, `notice_days` from today. Raises NotFound, Refused."""
    hold(Lock.CALCULATION)
    below = -balance_micros(contributor_id=contributor_id, currency=currency)
    amount = amount_micros or below
    _check(contributor_id, currency, max(amount, 1), act)
    if not 0 <= notice_days <= MOST_NOTICE_DAYS:
        raise Refused(f"Notice is given 0 to {MOST_NOTICE_DAYS} days before, not {notice_days}.")
    if not 0 < amount <= below:
        found = f"{format_micros(max(below, 0), currency)} {currency} below zero"
        raise Refused(
            f"The account of {contributor_id} is {found}: no more than that can be moved to a debt. Post the "
            "correction first that makes it owe more.", code="not_overpaid",
        )  # fmt: skip
    today = act.at.date()
    debt = Debt.objects.create(
        contributor_id=contributor_id, currency=currency, kind=OVERPAYMENT, amount_micros=amount, reason=act.why,
        asked_at=act.at, asked_by=act.actor, noticed_on=today, starts_on=today + timedelta(days=notice_days),
    )  # fmt: skip
    _step(debt, "book", amount, _booked(debt, act), act)
    return debt


@transaction.atomic
def write_off(*, number: int, act: Act) -> DebtStep:
    """Gives up what is left of a debt: it is the platform's loss. Raises NotFound, Refused without a reason or if
    nothing is left, NotAllowed for whoever asked for or booked it, and Conflict while a cycle is being calculated that
    may take some of it back."""
    hold(Lock.CALCULATION)
    debt = find(number)
    _check_reason(act)
    if debt.state != BOOKED:
        raise Conflict(f"Debt {number} is {debt.state}: only what is booked can be written off.")
    if not debt.left_micros:
        raise Refused(f"Nothing is left of debt {number}.")
    if act.actor == debt.asked_by:
        raise NotAllowed(f"{act.actor} made debt {number}: another person has to write it off.")
    if locked := locked_cycle():
        raise Conflict(f"Cycle {locked} is locked and may take some of debt {number} back: calculate it first.")
    legs = [
        LegData("platform", debt.currency, "D", debt.left_micros),
        LegData(ACCOUNTS[debt.kind], debt.currency, "C", debt.left_micros),
    ]
    journal = post_legs(kind=WRITE_OFF, key=f"debt {number}", legs=legs, act=act)
    return _step(debt, "write_off", debt.left_micros, journal, act)


def check_not_payee(*, number: int, contributor_id: str | None) -> None:
    """Raises NotAllowed if the debt is this contributor's: nobody decides on their own."""
    if contributor_id and find(number).contributor_id == contributor_id:
        raise NotAllowed(f"Debt {number} is {contributor_id}'s own: another person has to decide it.")


def _decide(number: int, action: str, act: Act) -> DebtStep:
    hold(Lock.CALCULATION)
    debt = find(number)
    _check_reason(act)
    if act.actor == debt.asked_by:
        raise NotAllowed(f"{act.actor} asked for advance {number}: another person has to decide it.")
    if debt.state != MOVES[action].source:
        raise Conflict(f"Debt {number} is {debt.state}: it is too late to {action} it.")
    if action == "decline":
        return _step(debt, action, 0, None, act)
    return _step(debt, action, debt.amount_micros, _booked(debt, act), act)


def _booked(debt: Debt, act: Act) -> Journal:
    legs = [
        LegData(ACCOUNTS[debt.kind], debt.currency, "D", debt.amount_micros),
        LegData(f"{PAYABLE}{debt.contributor_id}", debt.currency, "C", debt.amount_micros),
    ]
    journal = post_legs(kind=JOURNALS[debt.kind], key=f"debt {debt.pk}", legs=legs, act=act)
    assert journal is not None, "a debt is more than nothing"
    return journal


def _step(debt: Debt, action: str, amount_micros: int, journal: Journal | None, act: Act) -> DebtStep:
    move = MOVES[action]
    made = DebtStep.objects.create(
        debt=debt, action=action, source=move.source, target=move.target, text=act.why, at=act.at, by=act.actor,
        amount_micros=amount_micros, journal=journal,
    )  # fmt: skip
    _record(debt, f"debt.{action}", act)
    return made


def _check(contributor_id: str, currency: str, amount_micros: int, act: Act) -> None:
    _check_reason(act)
    if not is_currency(currency):
        raise Refused(f"{currency!r} is not an active ISO 4217 currency.")
    if not Contributor.objects.filter(pk=contributor_id).exists():
        raise NotFound(f"There is no contributor {contributor_id!r}.")
    if amount_micros <= 0:
        raise Refused("The amount must be more than nothing.")


def _check_reason(act: Act) -> None:
    if not act.why.strip():
        raise Refused("This takes a reason, in words.", code="reason_missing")


def _record(debt: Debt, action: str, act: Act) -> None:
    record(
        act=act, action=action, object=f"debt:{debt.pk}",
        detail={"contributor": debt.contributor_id, "kind": debt.kind, "currency": debt.currency,
                "amount_micros": debt.amount_micros},
    )  # fmt: skip
