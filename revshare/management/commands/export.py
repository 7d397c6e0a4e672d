import sys
from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from revshare.cycles.queries import find
from revshare.cycles.rules import reached
from revshare.errors import Conflict, Refused
from revshare.exports.operations import EXPORTS, FORMATS, csv_blocks, write
from revshare.management import base
from revshare.proofs.bundle import write_bundle

BUNDLE = "audit-bundle"


class Command(base.Command):
    help = (
        "Export a cycle for finance: payouts, statements or journal. Without --out, CSV goes to stdout. For auditors: "
        "audit-bundle, a ZIP file with all that the figures come from and a program that computes them again."
    )

    def arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("kind", choices=[*EXPORTS, BUNDLE])
        parser.add_argument("key")
        parser.add_argument("--format", choices=FORMATS, default="csv")
        parser.add_argument("--out", type=Path, metavar="PATH")

    def run(self, options: dict[str, Any]) -> dict[str, Any]:
        cycle = find(options["key"])
        if not reached(state=cycle.state, goal="calculated"):
            raise Conflict(f"Cycle {cycle.key} is {cycle.state}: there is nothing to export before it is calculated.")
        target = options["out"]
        if options["kind"] == BUNDLE:
            return self._bundle(cycle.key, target or Path(f"{cycle.key}.audit.zip"))
        if target is None:
            if options["format"] != "csv" or self.as_json:
                raise Refused("Say where to write it: --out PATH.")
            for block in csv_blocks(kind=options["kind"], cycle_id=cycle.pk):
                sys.stdout.buffer.write(block)
            sys.stdout.buffer.flush()
            return {}
        rows = write(kind=options["kind"], cycle_id=cycle.pk, format=options["format"], target=target)
        self.say(f"{rows:,} rows written to {target}.")
        return {"kind": options["kind"], "rows": rows, "path": str(target)}

    def _bundle(self, key: str, target: Path) -> dict[str, Any]:
        rows = write_bundle(key=key, target=target, progress=self.progress)
        self.progress("done", 0, 0)
        self.say(f"Written to {target}. Check it with: python3 tools/check_bundle.py {target}")
        return {"kind": BUNDLE, "rows": rows, "path": str(target)}
