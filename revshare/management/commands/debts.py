from argparse import ArgumentParser
from collections.abc import Iterable
from typing import Any

from django.core.management.base import CommandError

from revshare.errors import Refused
from revshare.management import base
from revshare.management.report import money
from revshare.money import BadAmount, parse_amount_micros
from revshare.recoupments import operations as recoupments
from revshare.recoupments.operations import USUAL_NOTICE_DAYS
from revshare.recoupments.queries import find, with_state

USAGE = {"list": 0, "book": 2, "write-off": 1}


class Command(base.Command):
    help = "What contributors owe: list it, make a debt of an account below zero, write off what is left of one."

    def arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("action", choices=list(USAGE))
        parser.add_argument("what", nargs="*", metavar="CONTRIBUTOR CURRENCY | DEBT")
        parser.add_argument(
            "--amount", default="", help="book: in major units; else all that the account is below zero"
        )
        parser.add_argument(
            "--notice-days", type=int, default=USUAL_NOTICE_DAYS,
            help=f"book: before any of it is taken back (default {USUAL_NOTICE_DAYS})",
        )  # fmt: skip
        parser.add_argument("--by", metavar="USER", help="who does it (book: finance; write-off: an approver)")
        parser.add_argument("--reason", default="", help="why, for the audit trail")

    def run(self, options: dict[str, Any]) -> dict[str, Any]:
        action, what = options["action"], options["what"]
        if len(what) != USAGE[action]:
            wanted = {"book": "CONTRIBUTOR CURRENCY", "write-off": "the number of a debt"}.get(action, "nothing more")
            raise CommandError(f"debts {action} needs {wanted}", returncode=2)
        return getattr(self, f"_{action.replace('-', '_')}")(what, options)

    def _list(self, what: list[str], options: dict[str, Any]) -> dict[str, Any]:
        base.acting(options["by"], "browse")
        return {"debts": told(self, with_state().order_by("pk"))}

    def _book(self, what: list[str], options: dict[str, Any]) -> dict[str, Any]:
        act = base.acting(options["by"], "book_debt", why=options["reason"])
        debt = recoupments.book_overpayment(
            contributor_id=what[0], currency=what[1], act=act, notice_days=options["notice_days"],
            amount_micros=amount_micros(options["amount"]) if options["amount"] else 0,
        )  # fmt: skip
        return told(self, [find(debt.pk)])[0]

    def _write_off(self, what: list[str], options: dict[str, Any]) -> dict[str, Any]:
        act, number = base.acting(options["by"], "write_off_debt", why=options["reason"]), number_of(what[0])
        if options["by"] is not None:
            recoupments.check_not_payee(number=number, contributor_id=base.person(options["by"]).contributor_id)
        recoupments.write_off(number=number, act=act)
        return told(self, [find(number)])[0]


def amount_micros(text: str) -> int:
    """Raises Refused for what is no amount, or none above nothing."""
    try:
        micros = parse_amount_micros(text)
    except BadAmount as error:
        raise Refused(f"{text!r} is no amount: {error}.") from None
    if micros <= 0:
        raise Refused(f"The amount must be more than nothing, not {text}.")
    return micros


def number_of(text: str) -> int:
    if not (text.isascii() and text.isdigit()):
        raise CommandError(f"{text!r} is no number", returncode=2)
    return int(text)


def told(command: base.Command, debts: Iterable[Any]) -> list[dict[str, Any]]:
    """Says a line for each debt; returns them for --json."""
    found = []
    for debt in debts:
        left = f", {money(debt.left_micros, debt.currency)} left" if debt.state == "booked" else ""
        command.say(
            f"{debt.pk}: {debt.kind} of {money(debt.amount_micros, debt.currency)} to {debt.contributor_id}: "
            f"{debt.state}{left}; taken back from {debt.starts_on} on"
        )
        found.append(
            {
                "debt": debt.pk, "kind": debt.kind, "contributor_id": debt.contributor_id, "currency": debt.currency,
                "amount_micros": debt.amount_micros, "recouped_micros": debt.recouped_micros,
                "left_micros": debt.left_micros, "state": debt.state, "noticed_on": debt.noticed_on.isoformat(),
                "starts_on": debt.starts_on.isoformat(), "reason": debt.reason,
            }
        )  # fmt: skip
    if not found:
        command.say("There are none.")
    return found
