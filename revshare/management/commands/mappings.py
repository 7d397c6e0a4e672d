from argparse import ArgumentParser
from typing import Any

from django.core.management.base import CommandError

from revshare.files.mapped import save
from revshare.files.models import ColumnMapping
from revshare.management import base


class Command(base.Command):
    help = "List saved mappings of foreign headers, or save one: mappings save NAME KIND THEIRS=OURS …"

    def arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("action", choices=["list", "save"])
        parser.add_argument("name", nargs="?")
        parser.add_argument("kind", nargs="?")
        parser.add_argument("columns", nargs="*", metavar="THEIRS=OURS")
        parser.add_argument("--by", metavar="USER", help="who saves it (an operator)")

    def run(self, options: dict[str, Any]) -> dict[str, Any]:
        if options["action"] == "list":
            return self._list()
        if not options["kind"] or not options["columns"]:
            raise CommandError("to save needs a name, a kind of files, and columns as THEIRS=OURS", returncode=2)
        pairs = [text.rpartition("=")[::2] for text in options["columns"]]
        act = base.acting(options["by"], "ingest")
        made, new = save(name=options["name"], kind=options["kind"], columns=dict(pairs), act=act)
        self.say(f"The mapping {made.name} for {made.kind} is {'saved' if new else 'there already'}.")
        return {"name": made.name, "kind": made.kind, "columns": made.columns, "no_op": not new}

    def _list(self) -> dict[str, Any]:
        rows = [{"name": item.name, "kind": item.kind, "columns": item.columns} for item in ColumnMapping.objects.all()]
        for row in rows:
            self.say(f"{row['name']} ({row['kind']}): {', '.join(f'{a}={b}' for a, b in row['columns'].items())}")
        if not rows:
            self.say("There is no mapping yet.")
        return {"mappings": rows}
