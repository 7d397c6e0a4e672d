from argparse import ArgumentParser
from typing import Any

from revshare.management import base
from revshare.policies.operations import find
from revshare.policies.rules import parse


class Command(base.Command):
    help = "Show a registered policy in plain language, with its hash."

    def arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("action", choices=["show"])
        parser.add_argument("name", metavar="NAME", help="NAME (latest version) or NAME@VERSION")

    def run(self, options: dict[str, Any]) -> dict[str, Any]:
        policy = find(options["name"])
        sentences = parse(policy.text).sentences
        self.say(f"Policy {policy.name} {policy.version}, registered by {policy.registered_by}")
        self.say(f"  SHA-256 {policy.sha256}")
        for table, said in sentences.items():
            self.say(f"  {table}")
            for sentence in said:
                self.say(f"    {sentence}")
        return {
            "name": policy.name, "version": policy.version, "sha256": policy.sha256,
            "registered_at": policy.registered_at, "registered_by": policy.registered_by, "sentences": sentences,
        }  # fmt: skip
