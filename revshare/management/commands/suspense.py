from argparse import ArgumentParser
from typing import Any

from django.core.management.base import CommandError

from revshare.allocation.deciding import settle, share
from revshare.allocation.models import SuspenseDecision
from revshare.allocation.suspense import waiting
from revshare.clock import now
from revshare.management import base
from revshare.management.report import money
from revshare.pools.matching import match


class Command(base.Command):
    help = "List money in suspense; say what an unknown name stands for, or what becomes of what no match lets out."

    def arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("action", choices=["list", "match", "share", *SuspenseDecision.SETTLED])
        parser.add_argument("kind", nargs="?", help="model or dataset_version; else the number of what waits")
        parser.add_argument("name", nargs="?", help="the name that nobody knows")
        parser.add_argument("stands_for", nargs="?", metavar="KNOWN", help="what it stands for")
        parser.add_argument("--model", default="", metavar="MODEL", help="share it with the sales of this model")
        parser.add_argument("--by", metavar="USER", help="who decides (an operator; of platform, commons: an approver)")
        parser.add_argument("--reason", default="", help="why, for the audit trail")

    def run(self, options: dict[str, Any]) -> dict[str, Any]:
        if options["action"] in SuspenseDecision.SETTLED:
            return self._settle(options)
        return getattr(self, f"_{options['action']}")(options)

    def _list(self, options: dict[str, Any]) -> dict[str, Any]:
        at, rows = now(), []
        for row in waiting():
            days = (at - row.since).days if row.since else 0
            matched = f"; matched with {row.stands_for}" if row.stands_for else ""
            if row.decided:
                matched += (
                    f"; the next cycle shares it {f'with {row.decided_model}' if row.decided_model else ''}".rstrip()
                )
            amount = money(row.amount_micros, row.currency)
            self.say(f"{row.number}  {row.cycle}  {row.pool}  {amount}, for {days} days: {row.reason}{matched}")
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

    def _share(self, options: dict[str, Any]) -> dict[str, Any]:
        act = base.acting(options["by"], "share_suspense", why=options["reason"])
        made, new = share(number=_number(options), model=options["model"], act=act)
        self.say(
            f"What waits as {made.rest_id} is shared by the next cycle that is locked{'' if new else ', as it was'}."
        )
        return {"number": made.rest_id, "decision": made.decision, "model": made.model, "no_op": not new}

    def _settle(self, options: dict[str, Any]) -> dict[str, Any]:
        act = base.acting(options["by"], "settle_suspense", why=options["reason"])
        made = settle(number=_number(options), to=options["action"], act=act)
        self.say(f"What waited as {made.rest_id} went to {made.decision}, by journal {made.journal_id}.")
        return {"number": made.rest_id, "decision": made.decision, "journal": made.journal_id}


def _number(options: dict[str, Any]) -> int:
    if not (options["kind"] or "").isdecimal():
        raise CommandError(f"`suspense {options['action']}` needs the number of what waits", returncode=2)
    return int(options["kind"])
