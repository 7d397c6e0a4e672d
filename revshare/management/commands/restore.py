from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from django.core.management import call_command

from revshare.backups.restoring import restore
from revshare.clock import now
from revshare.cycles.models import Cycle
from revshare.errors import Refused
from revshare.management import base
from revshare.verification.operations import verify


class Command(base.Command):
    help = "Bring a backup into an empty instance and verify it. It neither publishes nor pays until it is reconciled."

    def arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("folder", type=Path, metavar="DIR")

    def run(self, options: dict[str, Any]) -> dict[str, Any]:
        manifest = restore(source=options["folder"], by=base.COMMAND_LINE, at=now(), progress=self.progress)
        call_command("migrate", verbosity=0)  # newer tables, and the rights of both roles
        verdict = verify(cycles=list(Cycle.objects.select_related("policy")), progress=self.progress)
        self.progress("done", 0, 0)
        for finding in verdict.findings:
            self.stderr.write(f"{finding.invariant} {finding.where}: {finding.what}")
        if verdict.findings:
            raise Refused(f"What was restored is not clean: {len(verdict.findings)} findings. Use another backup.")
        self.say(f"Restored as of {manifest.made_at}, and clean: {verdict.checks} checks.")
        if manifest.signing_key:
            self.say(
                "Put the signing key whose public half is "
                f"{manifest.signing_key} in its place (<home>/signing_key) before anything is published."
            )
        self.say("It is closed: `manage.py reconcile --head FILE` opens it (docs/operations.md).")
        return {"made_at": manifest.made_at, "sha256": manifest.sha256, "checks": verdict.checks, "reconciled": False}
