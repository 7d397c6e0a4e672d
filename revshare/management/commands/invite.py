from argparse import ArgumentParser
from typing import Any

from django.conf import settings

from revshare.invitations.operations import USUAL_DAYS, invite, link_of
from revshare.management import base


class Command(base.Command):
    help = "Invite a contributor to an account of their own; prints the link once. It goes by letter too."

    def arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("contributor", metavar="CONTRIBUTOR")
        parser.add_argument("--email", default="", help="to whom it goes (default: the address that came with them)")
        parser.add_argument("--days", type=int, default=USUAL_DAYS, help=f"how long it is open (default {USUAL_DAYS})")
        parser.add_argument("--by", metavar="USER", help="who invites (an operator)")

    def run(self, options: dict[str, Any]) -> dict[str, Any]:
        made = invite(
            contributor_id=options["contributor"], email=options["email"], days=options["days"],
            act=base.acting(options["by"], "invite"),
        )  # fmt: skip
        link = settings.REVSHARE_SITE_URL + link_of(made)
        self.say(f"{made.contributor_id} is invited until {made.expires_at:%Y-%m-%d %H:%M} UTC: {link}")
        return {"contributor": made.contributor_id, "expires_at": made.expires_at.isoformat(), "link": link}
