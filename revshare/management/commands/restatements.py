from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from django.core.management.base import CommandError

from revshare.errors import Refused
from revshare.management import base
from revshare.management.restated import described, told
from revshare.restatements.csv_file import csv_blocks
from revshare.restatements.models import Restatement
from revshare.restatements.operations import approve, check_not_payee, post
from revshare.restatements.queries import find, state, with_steps


class Command(base.Command):
    help = "List or show restatements of closed cycles, approve or post one, export its lines."

    def arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("action", choices=["list", "show", "approve", "post", "export"])
        parser.add_argument("key", nargs="?", metavar="CYCLE/NUMBER")
        parser.add_argument("--digest", default="", help="approve only if this is still its digest")
        parser.add_argument("--out", type=Path, metavar="FILE.csv", help="where the lines are exported to")
        parser.add_argument(
            "--by", metavar="USER", help="who approves (an approver) or posts (an operator, or finance)"
        )

    def run(self, options: dict[str, Any]) -> dict[str, Any]:
        if options["action"] != "list" and not options["key"]:
            raise CommandError(f"`restatements {options['action']}` needs CYCLE/NUMBER", returncode=2)
        return getattr(self, f"_{options['action']}")(options)

    def _list(self, options: dict[str, Any]) -> dict[str, Any]:
        found = list(with_steps())
        for item in found:
            self.say(f"{item.key}  {state(item)}  {item.words}")
        if not found:
            self.say("No cycle was restated.")
        return {"restatements": [described(item) for item in found]}

    def _show(self, options: dict[str, Any]) -> dict[str, Any]:
        found = find(options["key"])
        for line in told(found):
            self.say(line)
        return described(found)

    def _approve(self, options: dict[str, Any]) -> dict[str, Any]:
        act = base.acting(options["by"], "approve_restatement")
        if options["by"]:
            check_not_payee(find(options["key"]), base.person(options["by"]).contributor_id)
        made = approve(key=options["key"], act=act, digest=options["digest"])
        self.say(f"Restatement {made.key} is {state(made)}.")
        return described(made)

    def _post(self, options: dict[str, Any]) -> dict[str, Any]:
        step = post(key=options["key"], act=base.acting(options["by"], "post_restatement"))
        self.say(f"Restatement {options['key']} is posted as journal {step.journal_id}: the next statements list it.")
        return described(find(options["key"]))

    def _export(self, options: dict[str, Any]) -> dict[str, Any]:
        if options["out"] is None:
            raise CommandError("`restatements export` needs --out FILE.csv", returncode=2)
        found = find(options["key"])
        _write(found, options["out"])
        self.say(f"{found.lines.count():,} lines in {options['out']}")
        return {"restatement": found.key, "lines": found.lines.count(), "file": str(options["out"])}


def _write(restatement: Restatement, target: Path) -> None:
    draft = target.with_name(f"{target.name}.part")
    try:
        with draft.open("wb") as file:
            file.writelines(csv_blocks(restatement))
        draft.replace(target)
    except OSError as error:
        raise Refused(f"Cannot write {target}: {error.strerror}.") from None
    finally:
        draft.unlink(missing_ok=True)
