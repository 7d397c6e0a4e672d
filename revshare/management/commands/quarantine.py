from argparse import ArgumentParser
from typing import Any

from django.db.models import Count

from revshare.errors import NotFound, Refused
from revshare.files import quarantine
from revshare.files.models import IngestedFile
from revshare.files.queries import open_quarantine, reject_lines
from revshare.files.reasons import sentence
from revshare.ingest.operations import retry_quarantine
from revshare.management import base

SHOWN = 50


class Command(base.Command):
    help = "List rows in quarantine, judge them again, dismiss them with a reason, or write a file's reject file."

    def arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("action", choices=["list", "retry", "dismiss", "rejects"])
        parser.add_argument("file_id", nargs="?", type=int, metavar="FILE-ID")
        parser.add_argument("--by", metavar="USER", help="who decides (an operator)")
        parser.add_argument("--reason", default="", help="why, for the audit trail")

    def run(self, options: dict[str, Any]) -> dict[str, Any]:
        return getattr(self, f"_{options['action']}")(options)

    def _list(self, options: dict[str, Any]) -> dict[str, Any]:
        rows = open_quarantine()
        if options["file_id"] is not None:
            rows = rows.filter(file_id=options["file_id"])
        counts = list(
            rows.values("file_id", "file__name", "reason").annotate(rows=Count("pk")).order_by("file_id", "reason")
        )
        for item in counts:
            code = item["reason"].partition("@")[0]
            self.say(
                f"file {item['file_id']} {item['file__name']}: {item['rows']:,} × {item['reason']}: {sentence(code)}"
            )
        if not counts:
            self.say("Nothing is in quarantine.")
        shown: list[dict[str, Any]] = [
            {"id": row.pk, "file": row.file_id, "line": row.line, "reason": row.reason.partition("@")[0],
             "column": row.reason.partition("@")[2], "row": row.row}
            for row in rows.order_by("file_id", "line")[: None if self.as_json else SHOWN]
        ]  # fmt: skip
        for line in shown:
            self.say(f"  file {line['file']} line {line['line']}: {line['reason']} ({line['column']})")
        return {"open": sum(item["rows"] for item in counts), "rows": shown}

    def _retry(self, options: dict[str, Any]) -> dict[str, Any]:
        act = base.acting(options["by"], "quarantine", why=options["reason"])
        counts = retry_quarantine(file_id=options["file_id"], act=act)
        self.say(", ".join(f"{count:,} {outcome.replace('_', ' ')}" for outcome, count in counts.items()))
        return counts

    def _dismiss(self, options: dict[str, Any]) -> dict[str, Any]:
        act = base.acting(options["by"], "quarantine", why=options["reason"])
        if options["file_id"] is None:
            raise Refused("Say which file: quarantine dismiss FILE-ID --reason …")
        count = quarantine.dismiss(file_id=options["file_id"], act=act)
        self.say(f"{count:,} rows dismissed; they stay on record.")
        return {"dismissed": count}

    def _rejects(self, options: dict[str, Any]) -> dict[str, Any]:
        file = IngestedFile.objects.filter(pk=options["file_id"]).first()
        if file is None:
            raise NotFound(f"There is no file {options['file_id']}.")
        for line in reject_lines(file):
            self.stdout.write(line, ending="")
        return {"file": file.pk}
