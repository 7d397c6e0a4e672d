import sys
from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand

from config.instance import ROOT
from revshare.cycles.rules import MOVES

DOCUMENT = ROOT / "ARCHITECTURE.md"
BEGIN, END = "<!-- states: generated -->", "<!-- /states -->"


def diagram() -> str:
    """The table of moves as a Mermaid state diagram."""
    moves = "\n".join(f"    {move.source} --> {move.target}: {move.action}" for move in MOVES.values())
    return f"```mermaid\nstateDiagram-v2\n    [*] --> open\n{moves}\n```"


class Command(BaseCommand):
    help = "The state diagram of a cycle: print it, write it into ARCHITECTURE.md, or check that it is there."
    requires_system_checks: list[str] = []

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--write", action="store_true")
        parser.add_argument("--check", action="store_true")

    def handle(self, *args: Any, **options: Any) -> None:
        if not (options["write"] or options["check"]):
            self.stdout.write(diagram())
            return
        text = DOCUMENT.read_text(encoding="utf-8")
        head, _, rest = text.partition(BEGIN)
        _, found, tail = rest.partition(END)
        if not found:
            sys.exit(f"{DOCUMENT.name} has lost the marks {BEGIN} … {END}.")
        new = f"{head}{BEGIN}\n{diagram()}\n{END}{tail}"
        if options["write"]:
            DOCUMENT.write_text(new, encoding="utf-8")
        elif new != text:
            sys.exit(f"The state diagram in {DOCUMENT.name} is not that of the code: run `make fix`.")
