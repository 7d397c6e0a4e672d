from argparse import ArgumentParser
from typing import Any

from revshare.management import base
from revshare.personal.operations import decide_deletion
from revshare.personal.queries import open_requests

OUTCOMES = {"grant": "granted", "refuse": "refused"}


class Command(base.Command):
    help = "Contributors' requests to have personal data deleted: list those that wait, grant or refuse one."

    def arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("action", choices=["list", *OUTCOMES])
        parser.add_argument("number", nargs="?", type=int, default=0, metavar="REQUEST")
        parser.add_argument("--reason", default="", help="why; the contributor reads it")
        parser.add_argument("--by", metavar="USER", help="who decides (an approver)")

    def run(self, options: dict[str, Any]) -> dict[str, Any]:
        if options["action"] in OUTCOMES:
            decided = decide_deletion(
                number=options["number"], outcome=OUTCOMES[options["action"]], reason=options["reason"],
                act=base.acting(options["by"], "decide_deletion"),
            )  # fmt: skip
            self.say(f"Request {decided.pk} is {decided.outcome}.")
            return {"request": decided.pk, "outcome": decided.outcome}
        waiting = open_requests()
        for item in waiting:
            self.say(f"{item.pk}: {item.contributor_id}, asked {item.asked_at:%Y-%m-%d %H:%M} UTC")
        return {"requests": [{"request": item.pk, "contributor": item.contributor_id} for item in waiting]}
