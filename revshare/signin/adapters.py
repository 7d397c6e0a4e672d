"""How allauth is used here: nobody signs themselves up, secrets of factors are encrypted, staff keep a factor."""

import base64
import hashlib
from typing import Any

from allauth.account.adapter import DefaultAccountAdapter
from allauth.core import context
from allauth.mfa.adapter import DefaultMFAAdapter
from allauth.mfa.models import Authenticator
from cryptography.fernet import Fernet
from django.conf import settings
from django.http import HttpRequest

from revshare.access.rules import is_staff
from revshare.signin.backend import address_of
from revshare.signin.step_up import is_fresh_request

NOWHERE = "0.0.0.0"  # noqa: S104  # of a request through a socket without an address; nothing listens on it


class AccountAdapter(DefaultAccountAdapter):
    def is_open_for_signup(self, request: HttpRequest) -> bool:
        return False

    def get_client_ip(self, request: HttpRequest) -> str:
        return address_of(request) or NOWHERE

    def is_reauthentication_required(self, *, app: str, **kwargs: object) -> bool:
        """Who has just signed in need not say it again."""
        return not is_fresh_request(context.request)

    def get_reauthentication_methods(self, user: Any) -> list[dict[str, Any]]:
        """Who has a second factor shows that, not the password."""
        ways: list[dict[str, Any]] = super().get_reauthentication_methods(user)
        factors = [way for way in ways if way["id"] != "reauthenticate"]
        return factors or ways


class FactorAdapter(DefaultMFAAdapter):
    def encrypt(self, text: str) -> str:
        return _box().encrypt(text.encode()).decode()

    def decrypt(self, encrypted_text: str) -> str:
        return _box().decrypt(encrypted_text.encode()).decode()

    def can_delete_authenticator(self, authenticator: Authenticator) -> bool:
        """Staff keep one factor at least: another is added first."""
        user = authenticator.user
        if not (settings.REVSHARE_STRICT_SIGN_IN and is_staff(roles=user.roles, superuser=user.is_superuser)):
            return True
        factors = Authenticator.objects.filter(user=user).exclude(type=Authenticator.Type.RECOVERY_CODES)
        return bool(factors.exclude(pk=authenticator.pk).exists())


def _box() -> Fernet:
    key = hashlib.sha256(b"second factors\0" + settings.SECRET_KEY.encode()).digest()
    return Fernet(base64.urlsafe_b64encode(key))
