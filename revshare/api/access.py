"""Who is asking, and whether they may."""

import re
from typing import Any

from django.conf import settings
from drf_spectacular.authentication import SessionScheme
from rest_framework.authentication import SessionAuthentication, TokenAuthentication
from rest_framework.exceptions import AuthenticationFailed
from rest_framework.permissions import BasePermission
from rest_framework.request import Request

from revshare.access.models import User
from revshare.access.rules import may
from revshare.audit_trail.operations import Act
from revshare.tasks import now

TOKEN = re.compile(r"[0-9a-f]{40}")


class ByToken(TokenAuthentication):
    """`Authorization: Token …`. What cannot be a token never reaches the database."""

    def authenticate_credentials(self, key: str) -> Any:
        if not TOKEN.fullmatch(key):
            raise AuthenticationFailed("This is not a token.")
        return super().authenticate_credentials(key)


class BySession(SessionAuthentication):
    """The session of the pages. A cookie that cannot be one (it may hold NUL) never reaches the database."""

    def authenticate(self, request: Request) -> Any:
        key = request.COOKIES.get(settings.SESSION_COOKIE_NAME, "")
        if not (key.isascii() and key.isalnum()):
            return None
        return super().authenticate(request)


class BySessionScheme(SessionScheme):
    """How the schema describes it."""

    target_class = BySession  # type: ignore[assignment]


class MayDo(BasePermission):
    """Asks `access.rules.MAY` for the actions that the view names for the method: any one of them is enough."""

    def has_permission(self, request: Request, view: Any) -> bool:
        if not request.user.is_authenticated:
            return False
        needed = view.needs.get("GET" if request.method == "HEAD" else request.method)
        user = user_of(request)
        if needed is None or any(may(roles=user.roles, action=action) for action in needed):
            return True  # a method that nobody named is one that there is not: 405
        self.message = f"{user.username} is {' and '.join(user.roles) or 'without a role'} and may not {needed[0]}."
        return False


def user_of(request: Request) -> User:
    user = request.user
    assert isinstance(user, User), "permissions are checked before this"
    return user


def act_of(request: Request, *, why: str = "") -> Act:
    """The person who asks, now."""
    return Act(actor=user_of(request).username, at=now(), why=why)
