"""What all commands share: where they write, how they fail, who acts."""

import json
import sys
from argparse import ArgumentParser
from collections.abc import Callable
from typing import Any

from django.core.management.base import BaseCommand

from revshare.access.models import User
from revshare.access.rules import may
from revshare.audit_trail.operations import Act
from revshare.errors import NotAllowed, NotFound, Refused
from revshare.runs.models import Run
from revshare.tasks import now

COMMAND_LINE = "command-line"
PATIENCE_SECONDS = 10


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

    def progress(self, stage: str, done: int, total: int) -> None:
        """Progress of long work, on stderr and only where somebody looks at it."""
        if sys.stderr.isatty():
            self.stderr.write(f"\r\033[K{stage} {done:,}/{total:,}" if total else f"\r\033[K{stage} …", ending="")
            if stage == "done":
                self.stderr.write("\r\033[K", ending="")

    def watcher(self) -> Callable[[Run], None]:
        """Shows the progress of a run that somebody else works on; says so once if nobody takes it."""
        said: list[int] = []

        def watch(run: Run) -> None:
            self.progress(run.stage or run.state, run.progress_done, run.progress_total)
            if run.state == Run.State.QUEUED and not said and (now() - run.requested_at).seconds >= PATIENCE_SECONDS:
                said.append(run.pk)
                self.stderr.write("No worker has taken it yet: `manage.py worker` starts one.")

        return watch


def acting(name: str | None, action: str, *, why: str = "") -> Act:
    """The act of a named person, who must exist and may do this; or of the command line itself, whose owner could do
    anything to the instance anyway. Raises NotFound or NotAllowed."""
    if name is None:
        return Act(actor=COMMAND_LINE, at=now(), why=why)
    user = person(name)
    if not may(roles=user.roles, action=action):
        raise NotAllowed(f"{name} is {' and '.join(user.roles) or 'without a role'} and may not {action}.")
    return Act(actor=name, at=now(), why=why)


def person(name: str) -> User:
    user = User.objects.filter(username=name, is_active=True).first()
    if user is None:
        raise NotFound(f"There is no user {name!r}: `manage.py create_user {name} --role …` makes one.")
    return user
