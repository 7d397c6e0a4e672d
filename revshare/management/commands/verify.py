import sys
from argparse import ArgumentParser
from dataclasses import asdict
from typing import Any

from revshare.cycles.models import Cycle
from revshare.cycles.queries import find
from revshare.management import base
from revshare.verification.operations import verify


class Command(base.Command):
    help = "Compute cycles again from their stored inputs and check every invariant and the hash chains."

    def arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("key", nargs="?", help="one cycle; all of them if left out")

    def run(self, options: dict[str, Any]) -> dict[str, Any]:
        cycles = (
            [find(options["key"])]
            if options["key"]
            else list(Cycle.objects.select_related("policy").order_by("starts_at"))
        )
        verdict = verify(cycles=cycles, progress=self.progress)
        for finding in verdict.findings:
            self.stderr.write(f"{finding.invariant} {finding.where}: {finding.what}")
        for note in verdict.notes:
            self.stderr.write(f"Note: {note}")
        clean = not verdict.findings
        self.say(
            f"{'Clean' if clean else 'NOT CLEAN'}: {verdict.checks} checks, {verdict.cycles} cycles computed again, "
            f"{len(verdict.findings)} findings."
        )
        self.clean = clean
        return {"clean": clean, "checks": verdict.checks, "cycles": verdict.cycles,
                "findings": [asdict(finding) for finding in verdict.findings], "notes": verdict.notes}  # fmt: skip

    def handle(self, *args: Any, **options: Any) -> None:
        super().handle(*args, **options)
        if not self.clean:
            sys.exit(1)
