import secrets
from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from django.core.management import call_command

from config import embedded
from config.instance import ROOT, home
from revshare.access.models import User
from revshare.access.operations import create_user
from revshare.contributors.models import Contributor
from revshare.cycles.models import Cycle
from revshare.cycles.queries import find
from revshare.cycles.summary import summarise
from revshare.errors import Refused
from revshare.files.models import IngestedFile
from revshare.files.queries import totals
from revshare.management import base
from revshare.management.report import lines, money
from revshare.management.worker import worker
from revshare.proofs.models import Commitment
from revshare.proofs.queries import commitment_of
from revshare.runs.models import Run
from revshare.tasks import request_proof, wait
from revshare.verification.operations import verify

KEY = "2011-11"
FOLDER = ROOT / "fixtures" / "tate"
STAFF = {"olivia": "operator", "adam": "approver", "fiona": "finance"}


class Command(base.Command):
    help = "Run a real month end to end, by a real worker, and show what came out."

    def arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--keep-running", action="store_true", help="leave the embedded services running")

    def run(self, options: dict[str, Any]) -> dict[str, Any]:
        before = Cycle.objects.filter(key=KEY).values_list("state", flat=True).first()
        self.say(f"Instance {home()}: PostgreSQL and a broker run.")
        self._people()
        if before == "published":
            self.say(f"Cycle {KEY} is published already: running it again is a no-op. The same commands once more:")
        with worker():
            self.say("A Celery worker runs. Taking in the Tate's collection and a shop's November 2011:")
            call_command(
                "run_cycle", KEY, start="2011-11-01", end="2011-12-01", timezone="Europe/London", folder=FOLDER,
                export=home() / "exports" / KEY, queue=True, prepared_by="olivia", approved_by="adam",
            )  # fmt: skip
            commitment = self._committed()
        self._turner()
        self._show()
        for line in commitment.text.splitlines():
            if line.startswith("tree\t"):
                _, currency, statements, earned, _, root = line.split("\t")
                self.say(
                    f"proof: {int(statements):,} statements, {money(int(earned), currency)} earned, root {root[:16]}…"
                )
        verdict = verify(cycles=[find(KEY)])
        self.say(f"verify: {'clean' if not verdict.findings else 'NOT CLEAN'}, {verdict.checks} checks")
        if verdict.findings:
            raise Refused("; ".join(f"{item.invariant} {item.where}: {item.what}" for item in verdict.findings))
        self._next_steps(home())
        if not options["keep_running"] and embedded.stop(home()):
            self.say("The services are stopped; any command starts them again.")
        return {"cycle": KEY, "no_op": before == "published", "clean": True}

    def _committed(self) -> Commitment:
        """Waits for the worker to make the tree over the statements."""
        run = Run.objects.filter(subject=f"proof:{KEY}").order_by("-pk").first()
        if run is None:  # published by a version that made none
            run = request_proof(key=KEY, act=base.acting(None, "publish"))
        done = wait(run.pk, watch=self.watcher(), queue=True)
        if done.error:
            raise Refused(done.error)
        return commitment_of(KEY)

    def _people(self) -> None:
        for name, role in STAFF.items():
            self._person(name, role, None)

    def _turner(self) -> None:
        largest = summarise(find(KEY)).largest[0].contributor_id
        assert Contributor.objects.filter(pk=largest).exists()
        self._person("turner", "contributor", largest)

    def _person(self, name: str, role: str, contributor_id: str | None) -> None:
        if User.objects.filter(username=name).exists():
            return
        password = secrets.token_urlsafe(9)
        act = base.acting(None, "browse")
        create_user(name=name, roles=[role], contributor_id=contributor_id, password=password, act=act)
        self.say(f"  {role} {name}, password {password}")

    def _show(self) -> None:
        self.say("")
        self.say(f"  {'file':<24}{'rows in':>10}{'accepted':>10}{'duplicate':>11}{'quarantined':>13}")
        for file in IngestedFile.objects.order_by("pk"):
            now = totals(file)
            self.say(
                f"  {file.name:<24}{now.rows_in:>10,}{now.accepted:>10,}{now.duplicate:>11,}{now.quarantined:>13,}"
            )
        self.say("")
        for line in lines(summarise(find(KEY))):
            self.say(line)

    def _next_steps(self, folder: Path) -> None:
        self.say("")
        self.say("Where to look next:")
        self.say(f"  {folder / 'exports' / KEY}: payouts.csv, statements.csv, journal.csv")
        self.say(
            f"  REVSHARE_STRICT_SIGN_IN=false REVSHARE_HOME={folder} .venv/bin/python manage.py serve   then "
            "http://127.0.0.1:8000/ as olivia, adam, fiona or turner"
        )
        self.say(
            f"  REVSHARE_HOME={folder} .venv/bin/python manage.py verify   (or: export payouts {KEY}, cycle show {KEY})"
        )
