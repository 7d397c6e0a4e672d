from argparse import ArgumentParser
from typing import Any

from django.core.management.base import CommandError

from revshare.allocation.suspense import waiting
from revshare.management import base
from revshare.management.report import money
from revshare.pools.matching import match
from revshare.pools.models import Match
from revshare.tasks import now


class Command(base.Command):
    help = "List money whose model or dataset nobody knows, or say what such a name stands for."

    def arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("action", choices=["list", "match"])
        parser.add_argument("kind", nargs="?", choices=list(Match.KINDS))
        parser.add_argument("name", nargs="?", help="the name that nobody knows")
        parser.add_argument("stands_for", nargs="?", metavar="KNOWN", help="what it stands for")
        parser.add_argument("--by", metavar="USER", help="who decides (an operator)")
        parser.add_argument("--reason", default="", help="why, for the audit trail")

    def run(self, options: dict[str, Any]) -> dict[str, Any]:
        return getattr(self, f"_{options['action']}")(options)

    def _list(self, options: dict[str, Any]) -> dict[str, Any]:
        at, rows = now(), []
        for row in waiting():
            days = (at - row.since).days if row.since else 0
            matched = f"; matched with {row.stands_for}" if row.stands_for else ""
            amount = money(row.amount_micros, row.currency)
            self.say(f"{row.cycle}  {row.pool}  {amount}, for {days} days: {row.reason}{matched}")
            rows.append(vars(row) | {"since": row.since.isoformat() if row.since else None, "days": days})
        if not rows:
            self.say("Nothing is in suspense.")
        return {"waiting": rows}

    def _match(self, options: dict[str, Any]) -> dict[str, Any]:
        if missing := [name for name in ("kind", "name", "stands_for") if not options[name]]:
            raise CommandError(f"to match needs {', '.join(missing)}", returncode=2)
        act = base.acting(options["by"], "match", why=options["reason"])
        made, new = match(kind=options["kind"], name=options["name"], stands_for=options["stands_for"], act=act)
        self.say(f"{made.name} stands for {made.stands_for} from the next lock on{'' if new else ', as it did'}.")
        return {"kind": made.kind, "name": made.name, "stands_for": made.stands_for, "no_op": not new}
