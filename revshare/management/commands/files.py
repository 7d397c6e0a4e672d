from argparse import ArgumentParser
from typing import Any

from django.core.management.base import CommandError

from revshare.cycles.queries import counting
from revshare.files.models import IngestedFile
from revshare.files.voiding import void
from revshare.management import base

SHOWN = 50


class Command(base.Command):
    help = "List the files that came in, or say that one should not have come: its rows count in no later cycle."

    def arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("action", choices=["list", "void"])
        parser.add_argument("number", nargs="?", type=int, metavar="FILE", help="a file's number")
        parser.add_argument("--reason", default="", help="why it is void")
        parser.add_argument("--by", metavar="USER", help="who says so (an operator)")

    def run(self, options: dict[str, Any]) -> dict[str, Any]:
        return getattr(self, f"_{options['action']}")(options)

    def _list(self, options: dict[str, Any]) -> dict[str, Any]:
        files = []
        for file in IngestedFile.objects.select_related("void")[:SHOWN]:
            why = file.void.reason if hasattr(file, "void") else ""
            self.say(
                f"{file.pk}  {file.kind}  {file.name}  {file.rows_accepted:,} rows{f'; void: {why}' if why else ''}"
            )
            files.append({"file": file.pk, "kind": file.kind, "name": file.name, "void": why})
        if not files:
            self.say("No file has come in.")
        return {"files": files}

    def _void(self, options: dict[str, Any]) -> dict[str, Any]:
        if options["number"] is None:
            raise CommandError("`files void` needs the number of a file (`files list`)", returncode=2)
        act = base.acting(options["by"], "void_file")
        made, new = void(file_id=options["number"], reason=options["reason"], act=act)
        self.say(
            f"File {made.file_id} is void{'' if new else ', as it was'}: it counts in no cycle locked from now on."
        )
        cycles = [cycle.key for cycle in counting(made.file_id)]
        for key in cycles:
            self.say(
                f"Cycle {key} was closed with its sales: `restate {key} --void {made.file_id}` works it out again."
            )
        return {"file": made.file_id, "reason": made.reason, "cycles": cycles, "no_op": not new}
