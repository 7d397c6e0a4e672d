from argparse import ArgumentParser
from typing import Any

from revshare.errors import Refused
from revshare.management import base
from revshare.management.restated import described, told
from revshare.policies.operations import find as find_policy
from revshare.restatements.queries import find
from revshare.restatements.rules import Options, replacement
from revshare.tasks import request_restatement, wait


class Command(base.Command):
    help = "Compute a published cycle again and draft what comes out differently. Nothing is posted."

    def arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("cycle", metavar="CYCLE")
        parser.add_argument("--late", action="store_true", help="with all that has come since, without void files")
        parser.add_argument(
            "--late-file",
            action="append",
            type=int,
            default=[],
            metavar="FILE",
            help="with what this file says that came late; of nothing else late",
        )
        parser.add_argument(
            "--late-sale", action="append", default=[], metavar="ID", help="with this late sale or refund"
        )
        parser.add_argument(
            "--void", action="append", type=int, default=[], metavar="FILE", help="without this file, which is void"
        )
        parser.add_argument(
            "--manifest", action="append", default=[], metavar="OLD=NEW", help="a dataset version in another's place"
        )
        parser.add_argument("--policy", metavar="NAME", help="under another registered policy: NAME or NAME@VERSION")
        parser.add_argument("--queue", action="store_true", help="let a worker do it, and wait")
        parser.add_argument("--by", metavar="USER", help="who drafts it (an operator)")

    def run(self, options: dict[str, Any]) -> dict[str, Any]:
        asked = Options(
            late=options["late"], void=tuple(options["void"]), manifests=dict(map(replacement, options["manifest"])),
            policy=find_policy(options["policy"]).sha256 if options["policy"] else "",
            files=tuple(options["late_file"]), sales=tuple(options["late_sale"]),
        )  # fmt: skip
        act = base.acting(options["by"], "restate")
        queue = options["queue"]
        run, _ = request_restatement(
            key=options["cycle"], options=asked, act=act, queue=queue, progress=self.progress
        )  # fmt: skip
        run = wait(run.pk, watch=self.watcher(), queue=queue)
        self.progress("done", 0, 0)
        if run.error:
            raise Refused(run.error)
        made = find(run.outcome["key"])
        for line in told(made):
            self.say(line)
        return described(made)
