"""People who sign in as they would for real: second factors and showing oneself again are not left out here."""

from datetime import UTC, datetime
from typing import Any

import pytest
from allauth.mfa.totp.internal.auth import TOTP, format_hotp_value, generate_totp_secret, hotp_value
from django.core.cache import cache
from django.test import Client

from revshare.access.models import User
from revshare.access.operations import create_user
from revshare.audit_trail.operations import Act
from tests.conftest import AT

PASSWORD = "correct horse battery staple"
STARTS = datetime(2026, 7, 1, 9, tzinfo=UTC)


@pytest.fixture(autouse=True)
def _strict(settings: Any) -> None:
    cache.clear()
    settings.REVSHARE_STRICT_SIGN_IN = True
    settings.PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]


@pytest.fixture
def clock(time_machine: Any) -> Any:
    """A clock that stands still until it is moved."""
    time_machine.move_to(STARTS, tick=False)
    return time_machine


def person(name: str, *roles: str, contributor: str | None = None) -> User:
    act = Act(actor="test", at=AT)
    return create_user(name=name, roles=list(roles), contributor_id=contributor, password=PASSWORD, act=act)


def with_app(user: User) -> str:
    """Sets an authenticator app up; returns its secret."""
    secret = generate_totp_secret()
    TOTP.activate(user, secret)
    return secret


def code(secret: str, at: datetime) -> str:
    """What the app shows at a time."""
    return format_hotp_value(hotp_value(secret, int(at.timestamp()) // 30))


def sign_in(name: str, password: str = PASSWORD) -> tuple[Client, Any]:
    client = Client()
    return client, client.post("/sign-in/", {"username": name, "password": password})
