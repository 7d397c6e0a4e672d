"""What commands on an instance share: how they show progress, who acts."""

import sys
from collections.abc import Callable

from revshare.access.models import User
from revshare.access.rules import may
from revshare.audit_trail.operations import Act
from revshare.clock import now
from revshare.errors import NotAllowed, NotFound
from revshare.management import plain
from revshare.runs.models import Run

COMMAND_LINE = "command-line"
PATIENCE_SECONDS = 10


class Command(plain.Command):
    """A command that works on an instance, and shows how far it is."""

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
            if run.live:
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
