import json
from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from django.core.management.base import CommandError

from revshare.errors import NotFound, Refused
from revshare.management import base
from revshare.proofs.models import Commitment
from revshare.proofs.queries import commitment_of, proof_of
from revshare.proofs.signing import private_key, public_hex
from revshare.statements.pages import find_number
from revshare.tasks import request_proof, wait


class Command(base.Command):
    help = "What published cycles commit to: make it, show it, write a statement's proof, show the key that signs."

    def arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("action", choices=["make", "show", "statement", "key"])
        parser.add_argument("name", nargs="?", help="the cycle's key; of `statement`: the statement's number")
        parser.add_argument("--by", metavar="USER", help="who has it made (whoever may publish)")
        parser.add_argument("--out", type=Path, metavar="FILE", help="where to write the proof or the commitment")

    def run(self, options: dict[str, Any]) -> dict[str, Any]:
        if options["action"] != "key" and not options["name"]:
            raise CommandError(
                f"to {options['action']} needs a name: a cycle's key or a statement's number", returncode=2
            )
        return getattr(self, f"_{options['action']}")(options)

    def _make(self, options: dict[str, Any]) -> dict[str, Any]:
        act = base.acting(options["by"], "publish")
        if Commitment.objects.filter(cycle__key=options["name"]).exists():
            return self._show(options)
        run = request_proof(key=options["name"], act=act, progress=self.progress)
        run = wait(run.pk, watch=self.watcher(), queue=False)
        self.progress("done", 0, 0)
        if run.error:
            raise Refused(run.error)
        return self._show(options)

    def _show(self, options: dict[str, Any]) -> dict[str, Any]:
        commitment = commitment_of(options["name"])
        self._write(options["out"], commitment.text)
        if not options["out"]:
            self.say(commitment.text.rstrip("\n"))
        self.say(f"signed with {commitment.public_key}: {commitment.signature}")
        return {
            "cycle": options["name"], "commitment": commitment.text, "sha256": commitment.sha256,
            "public_key": commitment.public_key, "signature": commitment.signature,
        }  # fmt: skip

    def _statement(self, options: dict[str, Any]) -> dict[str, Any]:
        statement = find_number(options["name"])
        if statement is None:
            raise NotFound(f"There is no statement {options['name']!r}.")
        proof = proof_of(statement)
        target = options["out"] or Path(f"{statement.number}.proof.json")
        self._write(target, json.dumps(proof, ensure_ascii=False, indent=1) + "\n")
        self.say(f"Check it with: python3 tools/verify_statement.py {target} --key {proof['public_key']}")
        return {"statement": statement.number, "file": str(target)}

    def _key(self, options: dict[str, Any]) -> dict[str, Any]:
        key = public_hex(private_key())
        self.say(key)
        return {"public_key": key}

    def _write(self, target: Path | None, text: str) -> None:
        if target:
            try:
                target.write_text(text, encoding="utf-8", newline="\n")
            except OSError as error:
                raise Refused(f"Cannot write {target}: {error.strerror}.") from None
            self.say(f"Wrote {target}.")
