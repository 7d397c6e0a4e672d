import sys
from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from django.core.management.base import CommandError

from revshare.cycles.models import Cycle
from revshare.cycles.queries import find
from revshare.cycles.rules import reached
from revshare.errors import Conflict, Refused
from revshare.exports.operations import EXPORTS, write
from revshare.exports.registers import CONSENTS, CREDITS, REGISTERS, write_consents, write_credits
from revshare.exports.tables import FORMATS
from revshare.lake import spool
from revshare.management import base
from revshare.proofs.bundle import write_bundle

BUNDLE = "audit-bundle"


class Command(base.Command):
    help = (
        "Export a cycle for finance (payouts, statements, journal, splits), the credits of a model, or what "
        "contributors consent to. Without --out, CSV and JSON Lines go to stdout. For auditors: audit-bundle, a ZIP "
        "file with all that a cycle's figures come from and a program that computes them again."
    )

    def arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("kind", choices=[*EXPORTS, *REGISTERS, BUNDLE])
        parser.add_argument("key", nargs="?", help="the cycle; of credits the model; of consents nothing")
        parser.add_argument("--since", default="", metavar="DAY", help="only consents registered from then on (UTC)")
        parser.add_argument("--format", choices=FORMATS, default="csv")
        parser.add_argument("--out", type=Path, metavar="PATH")

    def run(self, options: dict[str, Any]) -> dict[str, Any]:
        kind, target, format = options["kind"], options["out"], options["format"]
        if (options["key"] is None) != (kind == CONSENTS):
            raise CommandError("consents are of no cycle" if options["key"] else f"{kind} of what?", returncode=2)
        if options["since"] and kind != CONSENTS:
            raise CommandError("--since is for consents", returncode=2)
        if kind == BUNDLE:
            return self._bundle(options["key"], target)
        if target is None:
            if format == "xlsx" or self.as_json:
                raise Refused("Say where to write it: --out PATH.")
            with spool() as scratch:
                self._write(options, scratch / "export")
                with (scratch / "export").open("rb") as file:
                    while block := file.read(1 << 20):
                        sys.stdout.buffer.write(block)
            sys.stdout.buffer.flush()
            return {}
        rows = self._write(options, target)
        self.say(f"{rows:,} rows written to {target}.")
        return {"kind": kind, "rows": rows, "path": str(target)}

    def _bundle(self, key: str, target: Path | None) -> dict[str, Any]:
        cycle = _calculated(key)
        target = target or Path(f"{cycle.key}.audit.zip")
        rows = write_bundle(key=cycle.key, target=target, progress=self.progress)
        self.progress("done", 0, 0)
        self.say(f"Written to {target}. Check it with: python3 tools/check_bundle.py {target}")
        return {"kind": BUNDLE, "rows": rows, "path": str(target)}

    def _write(self, options: dict[str, Any], target: Path) -> int:
        kind, key, format = options["kind"], options["key"], options["format"]
        if kind == CREDITS:
            return write_credits(model=key, format=format, target=target)
        if kind == CONSENTS:
            return write_consents(since=options["since"], format=format, target=target)
        return write(kind=kind, cycle_id=_calculated(key).pk, format=format, target=target)


def _calculated(key: str) -> Cycle:
    cycle = find(key)
    if not reached(state=cycle.state, goal="calculated"):
        raise Conflict(f"Cycle {cycle.key} is {cycle.state}: there is nothing to export before it is calculated.")
    return cycle
