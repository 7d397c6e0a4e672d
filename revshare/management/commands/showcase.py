import tempfile
from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from django.conf import settings

from config.instance import home
from config.safety import LOOPBACK
from revshare.clock import now
from revshare.cycles.models import Cycle
from revshare.errors import Refused
from revshare.files.models import IngestedFile
from revshare.management import base
from revshare.management.showcase import people
from revshare.management.showcase.months import FEWEST, MONTHS
from revshare.management.showcase.year import Year, play


class Command(base.Command):
    help = "Make an instance to look at: a real year, people of every role, something in every queue. Once."

    def arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument(
            "--months", type=int, default=len(MONTHS), choices=range(FEWEST, len(MONTHS) + 1), metavar="N",
            help=f"how many months, from {MONTHS[0]} on ({FEWEST} to {len(MONTHS)}, default all)",
        )  # fmt: skip

    def run(self, options: dict[str, Any]) -> dict[str, Any]:
        months = MONTHS[: options["months"]]
        known = Cycle.objects.count()
        _check_for_show(months)
        if known < len(months):
            self.say(f"Making a year to look at in {home()}, once:")
            with tempfile.TemporaryDirectory(prefix="revshare-year-") as folder:
                play(Year(months=months, home=home(), folder=Path(folder), now=now()), self.say)
        self.say(f"{len(months)} months are there. Who can sign in, with which password:")
        for line in people.lines(home()):
            self.say(line)
        if settings.REVSHARE_STRICT_SIGN_IN:
            self.say(
                "Staff are asked to set up a second factor at their first sign-in: an authenticator app, or a passkey."
            )
        else:
            self.say(
                "No second factor is asked for (REVSHARE_STRICT_SIGN_IN=false): for a trial on one's own machine only."
            )
        return {"months": list(months), "made": len(months) - known, "people": people.passwords(home())}


def _check_for_show(months: tuple[str, ...]) -> None:
    """Raises Refused where somebody could mistake the year for their own books."""
    if settings.HTTPS or not set(settings.ALLOWED_HOSTS) <= set(LOOPBACK):
        raise Refused("A year to look at is for one's own machine: this instance is served to others.")
    others = Cycle.objects.exclude(key__in=months).first()
    if others or (IngestedFile.objects.exists() and not people.passwords(home())):
        raise Refused(
            f"The instance {home()} holds data of its own. Name an empty folder: REVSHARE_HOME=var/year",
            code="not_empty",
        )
