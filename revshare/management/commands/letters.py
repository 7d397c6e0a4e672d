from argparse import ArgumentParser
from typing import Any

from revshare.mail.models import Message
from revshare.mail.queries import counted_by_state
from revshare.mail.rules import LOST
from revshare.management import base
from revshare.tasks import write_letters

SHOWN = 100


class Command(base.Command):
    help = (
        "Letters to contributors: write about what has happened and send what is due, as a worker does; or count them."
    )

    def arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("action", choices=["send", "show"])

    def run(self, options: dict[str, Any]) -> dict[str, Any]:
        sent = write_letters() if options["action"] == "send" else 0
        counts = counted_by_state()
        if options["action"] == "send":
            self.say(f"{sent:,} letters went.")
        for state, number in counts.items():
            self.say(f"{state}: {number:,}")
        lost = list(Message.objects.filter(state__in=LOST)[:SHOWN])
        for item in lost:
            self.say(
                f"  {item.pk}: {item.kind} about {item.event} to {item.contributor_id}: {item.state}, {item.error}"
            )
        return {"sent_now": sent, "states": counts, "lost": [item.pk for item in lost]}
