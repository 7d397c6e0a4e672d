from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from revshare.errors import Refused
from revshare.management import base
from revshare.policies.operations import register


class Command(base.Command):
    help = "Register a version of a policy. Once registered it never changes."

    def arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("file", type=Path, metavar="FILE.toml")
        parser.add_argument("--by", metavar="USER", help="who registers it (an operator)")

    def run(self, options: dict[str, Any]) -> dict[str, Any]:
        act = base.acting(options["by"], "register_policy")
        try:
            content = options["file"].read_bytes()
        except OSError as error:
            raise Refused(f"Cannot read {options['file']}: {error.strerror}.") from None
        policy, new = register(content=content, act=act)
        self.say(
            f"Policy {policy.name} {policy.version} is {'' if new else 'already '}registered ({policy.sha256[:16]}…)."
        )
        return {"name": policy.name, "version": policy.version, "sha256": policy.sha256, "no_op": not new}
