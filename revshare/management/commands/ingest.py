from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from revshare.files.formats import TAKEN_IN
from revshare.files.models import IngestedFile
from revshare.files.queries import totals
from revshare.ingest.operations import ingest
from revshare.management import base


class Command(base.Command):
    help = "Take in a file: CSV, CSV.gz, JSON Lines or Parquet."

    def arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("kind", choices=list(TAKEN_IN))
        parser.add_argument("file", type=Path)
        parser.add_argument("--mapping", default="", metavar="NAME", help="a saved mapping of the file's header")
        parser.add_argument("--by", metavar="USER", help="who takes it in (an operator)")

    def run(self, options: dict[str, Any]) -> dict[str, Any]:
        act = base.acting(options["by"], "ingest")
        report = ingest(
            kind=options["kind"], path=options["file"], act=act, mapping=options["mapping"], progress=self.progress
        )
        result = describe(report.file) | {"no_op": report.seen_before, **report.facts}
        if report.seen_before:
            self.say(f"{options['file']}: these bytes are in already (file {report.file.pk}); nothing was done.")
        else:
            self.say(sentence(result))
        return result


def describe(file: IngestedFile) -> dict[str, Any]:
    """A file's control totals as of now, for --json."""
    now = totals(file)
    sums = {"sum_in": now.sum_in, "sum_accepted": now.sum_accepted, "sum_duplicate": now.sum_duplicate,
            "sum_quarantined": now.sum_quarantined}  # fmt: skip
    return {
        "file": file.pk, "kind": file.kind, "name": file.name, "sha256": file.sha256, "rows_in": now.rows_in,
        "accepted": now.accepted, "duplicate": now.duplicate, "quarantined": now.quarantined,
        "unknown_columns": file.unknown_columns, "mapping": file.mapping.name if file.mapping else "",
        **{name: int(value) for name, value in sums.items() if value is not None},
    }  # fmt: skip


def sentence(result: dict[str, Any]) -> str:
    text = (
        f"{result['kind']} {result['name']}: {result['rows_in']:,} rows in = {result['accepted']:,} accepted + "
        f"{result['duplicate']:,} duplicate + {result['quarantined']:,} quarantined"
    )
    if result["unknown_columns"]:
        text += f"; columns left out: {', '.join(result['unknown_columns'])}"
    return text
