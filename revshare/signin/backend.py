"""Passwords, tried so many times and no more."""

from typing import Any

from allauth.account.auth_backends import AuthenticationBackend
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest

from revshare.access import attempts
from revshare.access.models import User
from revshare.clock import now


def address_of(request: HttpRequest | None) -> str:
    """Where a request comes from. Headers that a client could make up do not count: a proxy that ends TLS sets
    REMOTE_ADDR (gunicorn's `--forwarded-allow-ips`), or all its visitors share one limit."""
    return str(request.META.get("REMOTE_ADDR", "")) if request is not None else ""


class CarefulBackend(AuthenticationBackend):
    """Whoever asks for a password (pages, API) asks here: it counts what was wrong."""

    def authenticate(self, request: HttpRequest | None, **credentials: Any) -> User | None:
        name, address = str(credentials.get("username") or ""), address_of(request)
        if attempts.is_locked(name=name, address=address, at=now()):
            raise PermissionDenied  # no other backend is asked either
        user = super().authenticate(request, **credentials)
        if user is None:
            attempts.note_failure(name=name, address=address, at=now())
            return None
        assert isinstance(user, User), "the only kind of user there is"
        if user.password_ends_at is not None and user.password_ends_at <= now():
            attempts.note_failure(name=name, address=address, at=now())
            return None
        return user
