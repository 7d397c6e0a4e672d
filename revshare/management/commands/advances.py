from argparse import ArgumentParser
from datetime import date
from typing import Any

from django.core.management.base import CommandError

from revshare.management import base
from revshare.management.commands.debts import amount_micros, number_of, told
from revshare.recoupments import operations as recoupments
from revshare.recoupments.queries import find, with_state
from revshare.recoupments.rules import ADVANCE

USAGE = {"list": 0, "grant": 3, "approve": 1, "decline": 1}


class Command(base.Command):
    help = "Advances: ask for one, approve or decline it as a second person, or list them. See also `debts`."

    def arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("action", choices=list(USAGE))
        parser.add_argument("what", nargs="*", metavar="CONTRIBUTOR CURRENCY AMOUNT | ADVANCE")
        parser.add_argument(
            "--starts", type=date.fromisoformat, metavar="YYYY-MM-DD", help="grant: taken back from then"
        )
        parser.add_argument("--by", metavar="USER", help="who does it (grant: finance; approve, decline: an approver)")
        parser.add_argument("--reason", default="", help="why, for the audit trail")

    def run(self, options: dict[str, Any]) -> dict[str, Any]:
        action, what = options["action"], options["what"]
        if len(what) != USAGE[action]:
            wanted = "CONTRIBUTOR CURRENCY AMOUNT" if action == "grant" else "the number of an advance"
            raise CommandError(f"advances {action} needs {wanted if USAGE[action] else 'nothing more'}", returncode=2)
        return getattr(self, f"_{action}")(what, options)

    def _list(self, what: list[str], options: dict[str, Any]) -> dict[str, Any]:
        base.acting(options["by"], "browse")
        found: Any = with_state().filter(kind=ADVANCE).order_by("pk")
        return {"advances": told(self, found)}

    def _grant(self, what: list[str], options: dict[str, Any]) -> dict[str, Any]:
        act = base.acting(options["by"], "ask_for_advance", why=options["reason"])
        debt = recoupments.ask_for_advance(
            contributor_id=what[0], currency=what[1], amount_micros=amount_micros(what[2]), act=act,
            starts_on=options["starts"],
        )  # fmt: skip
        return told(self, [find(debt.pk)])[0]

    def _approve(self, what: list[str], options: dict[str, Any]) -> dict[str, Any]:
        act, number = base.acting(options["by"], "decide_advance", why=options["reason"]), number_of(what[0])
        if options["by"] is not None:
            recoupments.check_not_payee(number=number, contributor_id=base.person(options["by"]).contributor_id)
        deed = recoupments.approve if options["action"] == "approve" else recoupments.decline
        deed(number=number, act=act)
        return told(self, [find(number)])[0]

    _decline = _approve
