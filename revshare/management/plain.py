"""A command that needs no instance: how all commands write and fail. Nothing here starts a service."""

import json
import sys
from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand

from revshare.errors import Refused


class Command(BaseCommand):
    """Exit 0: done; 1: refused, with the reason on stderr; 2: wrong usage. With --json, stdout ends with one object."""

    requires_system_checks: list[str] = []  # they load every page; `manage.py check` runs them

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--json", action="store_true", help="print one JSON object last on stdout")
        self.arguments(parser)

    def arguments(self, parser: ArgumentParser) -> None:
        """The command's own arguments."""

    def run(self, options: dict[str, Any]) -> dict[str, Any]:
        """Does the work; returns what --json prints. Says what it does with `say`."""
        raise NotImplementedError

    def handle(self, *args: Any, **options: Any) -> None:
        self.as_json = options["json"]
        try:
            result = self.run(options)
        except Refused as error:
            self.stderr.write(str(error))
            if self.as_json:
                self.stdout.write(json.dumps({"refused": error.code, "reason": str(error)}))
            sys.exit(1)
        if self.as_json:
            self.stdout.write(json.dumps(result, default=str))

    def say(self, text: str) -> None:
        """A line for people: on stdout, or on stderr where stdout is for machines."""
        (self.stderr if self.as_json else self.stdout).write(text, lambda line: line)
