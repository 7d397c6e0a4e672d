"""Which statement a person may read, and whether that reading leaves a trace."""

from dataclasses import dataclass

from django.core.exceptions import PermissionDenied
from django.http import Http404

from revshare.access.models import User
from revshare.access.rules import leaves_trace, may
from revshare.audit_trail.operations import Act, record
from revshare.clock import now
from revshare.statements.models import Statement
from revshare.statements.pages import find_number
from revshare.statements.queries import PUBLISHED


@dataclass(frozen=True)
class Reading:
    """A statement that a person may read, as its contributor or as staff."""

    statement: Statement
    reader: User
    own: bool

    def log(self, form: str) -> None:
        """Records the reading where the reader is an operator or a superuser and it is not their own. Call it last."""
        if self.own or not leaves_trace(roles=self.reader.roles, superuser=self.reader.is_superuser):
            return
        record(
            act=Act(actor=self.reader.username, at=now()), action="statement.read",
            object=f"statement:{self.statement.number}", detail={"form": form},
        )  # fmt: skip


def reads_all(user: User) -> bool:
    """Whether the person may read everybody's statements, drafts included."""
    return user.may("read_statements")


def reads_own(user: User) -> bool:
    """Whether the person is a contributor with statements of their own."""
    return user.contributor_id is not None and may(roles=user.roles, action="read_own_statements")


def require_own(user: User, action: str = "read_own_statements") -> str:
    """The contributor that the person is. Raises PermissionDenied for everybody who is none, or may not do this."""
    if user.contributor_id is None or not may(roles=user.roles, action=action):
        raise PermissionDenied
    return user.contributor_id


def find_readable(*, user: User, number: str) -> Reading:
    """The statement, for this person. Another's, a draft and one that does not exist are the same Http404.

    Raises PermissionDenied for somebody who reads no statements at all.
    """
    if not reads_all(user) and not reads_own(user):
        raise PermissionDenied
    statement = _find(number)
    if statement is not None:
        own = (
            reads_own(user)
            and statement.contributor_id == user.contributor_id
            and statement.cycle.state in PUBLISHED
        )  # fmt: skip
        if own or reads_all(user):
            return Reading(statement=statement, reader=user, own=own)
    raise Http404


def _find(number: str) -> Statement | None:
    if not number.isprintable():  # no number has such characters, and PostgreSQL takes no NUL
        return None
    return find_number(number)
