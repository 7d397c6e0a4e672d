"""What the console's pages share: who may come in, who acts, and how a refusal is said."""

from collections.abc import Callable
from functools import wraps

from django.contrib import messages
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponseBase

from revshare.access.models import User
from revshare.access.rules import MAY, may
from revshare.audit_trail.operations import Act
from revshare.clock import now
from revshare.errors import Refused
from revshare.signin.step_up import check_step_up

UNCONFIRMED = "Tick the box to confirm it first."
View = Callable[..., HttpResponseBase]


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
        roles = " and ".join(person(request).roles) or "without a role"
        raise PermissionDenied(
            f"You are {roles} here; to {action.replace('_', ' ')} takes another role.", takes(action)
        )
    if request.method == "POST":
        check_step_up(request, action)


def takes(action: str) -> str:
    """Who may do it, as a sentence names them: "an operator or an approver"."""
    named = {"operator": "an operator", "approver": "an approver", "finance": "finance"}
    return " or ".join(words for role, words in named.items() if role in MAY[action])


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
        raise Refused(UNCONFIRMED, code="unconfirmed")


def attempt(request: HttpRequest, deed: Callable[[], str]) -> bool:
    """Does it and says so; or says why it was refused. Whether it was done."""
    try:
        said = deed()
    except Refused as error:
        messages.error(request, str(error))
        return False
    messages.success(request, said)
    return True
