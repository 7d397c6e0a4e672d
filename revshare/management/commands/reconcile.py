from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from django.core.management.base import CommandError

from revshare.continuity.operations import NotReconciled, reconcile
from revshare.continuity.queries import head_here
from revshare.continuity.rules import Head, head_text, read_head
from revshare.errors import Refused
from revshare.management import base
from revshare.proofs.heads import head_of_proof


class Command(base.Command):
    help = "After a restore: hold the instance against what was published and paid last, and open it if that is here."

    def arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--head", type=Path, metavar="FILE", help="published_head of the instance that was lost")
        parser.add_argument(
            "--proof", type=Path, metavar="FILE", help="a statement's proof of the last published cycle"
        )
        parser.add_argument("--batch", action="append", default=[], metavar="ID=DIGEST",
                            help="with --proof: a batch that the bank got after the backup")  # fmt: skip
        parser.add_argument("--no-batch", action="store_true", help="with --proof: the bank got none after the backup")
        parser.add_argument("--show", action="store_true", help="print this instance's own head, to be kept elsewhere")
        parser.add_argument("--by", metavar="USER", help="who does it (an approver)")

    def run(self, options: dict[str, Any]) -> dict[str, Any]:
        if options["show"]:
            text = head_text(head_here())
            self.say(text.rstrip())
            return {"head": text}
        left = reconcile(head=self._head(options), act=base.acting(options["by"], "reconcile"))
        for line in left:
            self.say(line)
        if left:
            raise NotReconciled(
                "The instance stays closed, but for doing exactly this again: take in what these cycles were made of, "
                "lock, calculate and approve them and publish them; prepare, approve and export these batches (the "
                "bank has them: do not send their registers again). Then run this again."
            )
        self.say("All that was published and paid is here: the instance is open.")
        return {"reconciled": True}

    def _head(self, options: dict[str, Any]) -> Head | None:
        if options["proof"]:
            if bool(options["batch"]) == options["no_batch"]:
                raise CommandError("--proof needs --batch ID=DIGEST for each, or --no-batch", returncode=2)
            batches = dict(_pair(text) for text in options["batch"])
            return head_of_proof(_text(options["proof"]), batches)
        return read_head(_text(options["head"])) if options["head"] else None


def _text(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise Refused(f"Cannot read {path}: {error}.") from None


def _pair(text: str) -> tuple[str, str]:
    number, _, digest = text.partition("=")
    if not (number.isdigit() and digest):
        raise CommandError(f"--batch {text}: write ID=DIGEST", returncode=2)
    return number, digest
