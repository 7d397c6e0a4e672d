"""What changes how somebody signs in is on record."""

from typing import Any

from allauth.account.signals import password_changed
from allauth.mfa.models import Authenticator
from allauth.mfa.signals import authenticator_added, authenticator_removed, authenticator_reset
from django.contrib.auth.signals import user_logged_in
from django.dispatch import receiver
from django.http import HttpRequest

from revshare.access.models import User
from revshare.audit_trail.operations import Act, record
from revshare.clock import now
from revshare.signin.middleware import SEEN, SIGNED_IN


@receiver(user_logged_in)
def signed_in(request: HttpRequest, **kwargs: Any) -> None:
    """From here on the session's age counts."""
    request.session[SIGNED_IN] = request.session[SEEN] = now().timestamp()


def _note(user: User, action: str, detail: dict[str, Any]) -> None:
    record(act=Act(actor=user.username, at=now()), action=action, object=f"user:{user.username}", detail=detail)


@receiver(authenticator_added)
def factor_added(user: User, authenticator: Authenticator, **kwargs: Any) -> None:
    _note(user, "user.factor_added", {"type": authenticator.type})


@receiver(authenticator_removed)
def factor_removed(user: User, authenticator: Authenticator, **kwargs: Any) -> None:
    _note(user, "user.factor_removed", {"type": authenticator.type})


@receiver(authenticator_reset)
def factor_reset(user: User, authenticator: Authenticator, **kwargs: Any) -> None:
    _note(user, "user.factor_reset", {"type": authenticator.type})


@receiver(password_changed)
def changed_password(user: User, **kwargs: Any) -> None:
    _note(user, "user.password_changed", {})
