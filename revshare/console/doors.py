"""What the console's pages share: who may come in, who acts, and how a refusal is said."""

from collections.abc import Callable
from functools import wraps
from typing import Any

from django.contrib import messages
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponseBase
from django.utils.translation import gettext as _
from django.utils.translation import pgettext

from revshare.access.models import User
from revshare.access.rules import MAY, may
from revshare.audit_trail.operations import Act
from revshare.clock import now
from revshare.console.shown import in_english, role
from revshare.errors import Refused
from revshare.signin.step_up import check_step_up

View = Callable[..., HttpResponseBase]


class Told(Refused):
    """Refused by a page itself, in its language."""


def person(request: HttpRequest) -> User:
    """Who is signed in; the site lets nobody else through."""
    assert isinstance(request.user, User)
    return request.user


def acting(request: HttpRequest, *, why: str = "") -> Act:
    return Act(actor=person(request).username, at=now(), why=why)


def allowed(request: HttpRequest, action: str) -> bool:
    """Whether this person may do that. Superusers pass the same check: they act by the roles they hold."""
    return may(roles=person(request).roles, action=action)


def require(request: HttpRequest, action: str) -> None:
    """Raises PermissionDenied for who may not, StepUpNeeded for who has to show again who they are."""
    if not allowed(request, action):
        raise PermissionDenied(_lacking(person(request).roles, action), takes(action))
    if request.method == "POST":
        check_step_up(request, action)


def _lacking(roles: list[str], action: str) -> str:
    """`action` is told by its own name, as the table of rights has it."""
    said = {"action": action.replace("_", " "), "roles": _(" and ").join(map(role, roles))}
    if roles:
        return _("You are %(roles)s here; to %(action)s takes another role.") % said
    return _("You are without a role here; to %(action)s takes another role.") % said


def takes(action: str) -> str:
    """Who may do it, as a sentence names them: "an operator or an approver"."""
    named = {"operator": _("an operator"), "approver": _("an approver"), "finance": pgettext("who", "finance")}
    return _(" or ").join(who for name, who in named.items() if name in MAY[action])


def only(action: str) -> Callable[[View], View]:
    """Lets a page in only those who may do this."""

    def decorate(view: View) -> View:
        @wraps(view)
        def checked(request: HttpRequest, *args: object, **kwargs: object) -> HttpResponseBase:
            require(request, action)
            return view(request, *args, **kwargs)

        return checked

    return decorate


def confirmed(request: HttpRequest) -> None:
    """Raises Refused unless the box that says what will happen is ticked."""
    if request.POST.get("confirmed") != "yes":
        raise Told(_("Tick the box to confirm it first."), code="unconfirmed")


def refusal(error: Refused) -> Any:
    """Why something was refused, for a page: what the domain says is English, and marked so."""
    return str(error) if isinstance(error, Told) else in_english(str(error))


def attempt(request: HttpRequest, deed: Callable[[], str]) -> bool:
    """Does it and says so; or says why it was refused. Whether it was done."""
    try:
        said = deed()
    except Refused as error:
        messages.error(request, refusal(error))
        return False
    messages.success(request, said)
    return True
