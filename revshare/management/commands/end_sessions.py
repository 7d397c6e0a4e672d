from argparse import ArgumentParser
from typing import Any

from revshare.access.operations import end_sessions
from revshare.management import base


class Command(base.Command):
    help = "End all sessions and tokens of a person: they sign in again, or somebody else does not any more."

    def arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("name")

    def run(self, options: dict[str, Any]) -> dict[str, Any]:
        ended = end_sessions(user=base.person(options["name"]), act=base.acting(None, "browse"))
        self.say(f"{options['name']} is signed in nowhere any more: {ended} sessions and all tokens have ended.")
        return {"name": options["name"], "sessions": ended}
