"""Who is asking, and whether they may."""

from typing import Any

from django.conf import settings
from drf_spectacular.authentication import SessionScheme
from rest_framework.authentication import SessionAuthentication, TokenAuthentication
from rest_framework.exceptions import AuthenticationFailed, PermissionDenied
from rest_framework.permissions import SAFE_METHODS, BasePermission
from rest_framework.request import Request

from revshare.access.models import ApiToken, User
from revshare.access.rules import STEP_UP, is_fresh
from revshare.access.tokens import find_token
from revshare.audit_trail.operations import Act
from revshare.clock import now
from revshare.signin.factors import has_factor, needs_factor
from revshare.signin.middleware import FACTOR_FIRST, SHOW_YOURSELF
from revshare.signin.step_up import is_fresh_request


class ByToken(TokenAuthentication):
    """`Authorization: Token …`. Only hashes of tokens are kept; what cannot be a token never reaches the database."""

    def authenticate_credentials(self, key: str) -> Any:
        token = find_token(text=key, at=now())
        if token is None:
            raise AuthenticationFailed("This is not a token, or one that has ended: get a new one.")
        if needs_factor(token.user) and not has_factor(token.user):
            raise AuthenticationFailed(FACTOR_FIRST)
        return token.user, token


class BySession(SessionAuthentication):
    """The session of the pages."""


class BySessionScheme(SessionScheme):
    """How the schema describes it."""

    target_class = BySession  # type: ignore[assignment]


class NotShown(PermissionDenied):
    """The person may, once they have shown again who they are."""

    default_code = "step_up"
    default_detail = SHOW_YOURSELF


class MayDo(BasePermission):
    """Asks `access.rules.MAY` for the actions that the view names for the method: any one of them is enough."""

    def has_permission(self, request: Request, view: Any) -> bool:
        if not request.user.is_authenticated:
            return False
        needed = view.needs.get("GET" if request.method == "HEAD" else request.method)
        user = user_of(request)
        if needed is None:
            return True  # a method that nobody named is one that there is not: 405
        granted = [action for action in needed if user.may(action)]
        if granted:
            return self._is_shown(request, granted)
        self.message = f"{user.username} is {' and '.join(user.roles) or 'without a role'} and may not {needed[0]}."
        return False

    def _is_shown(self, request: Request, granted: list[str]) -> bool:
        """What releases money takes somebody who showed a moment ago who they are: by the session's last proof, or by
        a token that was just made."""
        if not settings.REVSHARE_STRICT_SIGN_IN or not STEP_UP.issuperset(granted):
            return True
        token = request.auth
        if isinstance(token, ApiToken):
            shown = is_fresh(shown_at=token.made_at, at=now())
        else:
            shown = is_fresh_request(request._request)
        if not shown and request.method not in SAFE_METHODS:
            raise NotShown
        return True


def user_of(request: Request) -> User:
    user = request.user
    assert isinstance(user, User), "permissions are checked before this"
    return user


def act_of(request: Request, *, why: str = "") -> Act:
    """The person who asks, now."""
    return Act(actor=user_of(request).username, at=now(), why=why)
