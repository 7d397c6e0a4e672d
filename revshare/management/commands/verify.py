import sys
from argparse import ArgumentParser
from dataclasses import asdict
from typing import Any

from django.core.management.base import CommandError

from revshare.cycles.models import Cycle
from revshare.cycles.queries import find
from revshare.errors import NotFound, Refused
from revshare.management import base
from revshare.tasks import request_verify, wait
from revshare.verification.models import StoredVerdict
from revshare.verification.nightly import last_verdict
from revshare.verification.operations import verify


class Command(base.Command):
    help = "Compute cycles again from their stored inputs and check every invariant and the hash chains."

    def arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("key", nargs="?", help="one cycle; all of them if left out")
        kept = parser.add_mutually_exclusive_group()
        kept.add_argument("--keep", action="store_true", help="all of them, and keep the verdict, as each night")
        kept.add_argument("--queue", action="store_true", help="the same by a worker, whose end is waited for")
        kept.add_argument("--last", action="store_true", help="show the verdict that was kept last")
        parser.add_argument("--by", metavar="USER", help="who asks for it (an operator, an approver)")

    def run(self, options: dict[str, Any]) -> dict[str, Any]:
        if not (options["keep"] or options["queue"] or options["last"]):
            return self._verify(options)
        if options["key"]:
            raise CommandError("what is kept is the verdict on all cycles: leave the key out", returncode=2)
        if not options["last"]:
            self._have_verified(options)
        return self._show(last_verdict())

    def _have_verified(self, options: dict[str, Any]) -> None:
        """By the machinery of jobs; raises Refused if it does not come to its end."""
        act = base.acting(options["by"], "verify")
        run, _ = request_verify(act=act, queue=options["queue"], progress=self.progress)
        run = wait(run.pk, watch=self.watcher(), queue=options["queue"])
        if run.error:
            raise Refused(run.error)

    def _show(self, verdict: StoredVerdict | None) -> dict[str, Any]:
        if verdict is None:
            raise NotFound("Nothing was verified yet: `verify --keep` does it.")
        for finding in verdict.findings:
            self.stderr.write(f"{finding['invariant']} {finding['where']}: {finding['what']}")
        self.clean = verdict.is_clean
        self.say(
            f"{'Clean' if self.clean else 'NOT CLEAN'} on {verdict.asked_at:%Y-%m-%d %H:%M} UTC, asked for by "
            f"{verdict.asked_by}: {verdict.checks} checks, {verdict.cycles} cycles computed again, "
            f"{verdict.findings_count} findings."
        )
        return {"clean": self.clean, "checks": verdict.checks, "cycles": verdict.cycles, "findings": verdict.findings,
                "findings_count": verdict.findings_count, "asked_at": verdict.asked_at.isoformat(),
                "asked_by": verdict.asked_by, "notes": []}  # fmt: skip

    def _verify(self, options: dict[str, Any]) -> dict[str, Any]:
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
