"""What stands between a balance and its payment, in words for its owner."""

from dataclasses import dataclass
from datetime import date
from typing import Any

from django.utils.translation import gettext as _

from revshare.exports.statement_document import Amount
from revshare.money import MICRO_DIGITS, minor_digits
from revshare.payouts.own import Own
from revshare.wording import day


@dataclass(frozen=True)
class Card:
    """A balance. `reasons`: why it is not paid yet; `notes`: what else belongs to it. The bar shows it against the
    minimum. `needs_destination`: its owner can mend it by naming where money goes."""

    balance: Amount
    statement: str
    state: str
    reasons: tuple[str, ...]
    notes: tuple[str, ...]
    minimum: Amount | None
    projected: date | None
    needs_destination: bool


def card(own: Own) -> Card:
    account = own.standing.account
    balance = Amount(account.available_micros, account.currency)
    shortfall = own.standing.shortfall_micros
    minimum = Amount(account.available_micros + shortfall, account.currency) if shortfall else None
    reasons = tuple(_reason(why.code, own, minimum) for why in own.standing.reasons)
    state = _("Waits") if reasons else _("Ready to be paid")
    if any(why.code == "in_payment" for why in own.standing.reasons):
        state = _("Being paid")
    if not reasons:
        reasons = (_payable(own),)
    lost = any(why.code == "no_payee" for why in own.standing.reasons)
    return Card(balance, own.statement, state, reasons, tuple(_notes(own)), minimum, own.standing.projected_on, lost)


def _payable(own: Own) -> str:
    standing = own.standing
    digits = minor_digits(standing.pays_in)
    paid = Amount(standing.payable_minor * 10 ** (MICRO_DIGITS - digits), standing.pays_in)
    return _("%(amount)s goes out with the next payments.") % {"amount": paid.short}


def _reason(code: str, own: Own, minimum: Amount | None) -> str:
    account, said = own.standing.account, dict[str, Any]()
    said["minimum"] = minimum.short if minimum else ""
    said["missing"] = Amount(own.standing.shortfall_micros, account.currency).exact
    said["day"] = day(own.paid_from) if own.paid_from else ""
    said["currency"] = own.standing.pays_in
    return {
        "in_payment": _("A payment is on its way to you."),
        "on_hold": _("Payments to you are held. Ask the people who run this marketplace's payouts why."),
        "unclaimed": _("Nobody has claimed this account yet."),
        "no_payee": _("It is not known where to pay to. Tell the people who run this marketplace's payouts."),
        "payee_to_come": _("You have said where your money goes; whoever runs the payouts has yet to enter it."),
        "new_payee": _("New contributors are paid from %(day)s on."),
        "negative": _("The balance is below zero: it is carried until earnings make up for it."),
        "rate_missing": _("You are paid in %(currency)s, and there is no exchange rate of today."),
        "below_minor_unit": _("It is less than the smallest coin of %(currency)s."),
        "below_minimum": _("%(missing)s is missing to the minimum payout of %(minimum)s."),
    }[code] % said  # fmt: skip


def _notes(own: Own) -> list[str]:
    account, notes = own.standing.account, []
    if account.reserved_micros:
        held = Amount(account.reserved_micros, account.currency).exact
        notes.append(_("%(amount)s is yours and held in reserve for refunds; it comes back in later cycles.")
                     % {"amount": held})  # fmt: skip
    if account.left_micros:
        left = Amount(-account.left_micros, account.currency).exact
        notes.append(_("%(amount)s has left the account since the last statement.") % {"amount": left})
    return notes
