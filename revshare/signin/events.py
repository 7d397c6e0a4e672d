"""What changes how somebody signs in is on record."""

import logging
from typing import Any

from allauth.account.internal.flows.login import get_authentication_records
from allauth.account.signals import password_changed
from allauth.mfa.models import Authenticator
from allauth.mfa.signals import authenticator_added, authenticator_removed, authenticator_reset
from django.contrib.auth.signals import user_logged_in, user_login_failed
from django.dispatch import receiver
from django.http import HttpRequest

from revshare.access.attempts import hashed_name
from revshare.access.models import User
from revshare.audit_trail.operations import Act, record
from revshare.clock import now
from revshare.signin.backend import address_of
from revshare.signin.middleware import SEEN, SIGNED_IN

log = logging.getLogger("revshare.security")


@receiver(user_logged_in)
def signed_in(request: HttpRequest, user: User, **kwargs: Any) -> None:
    """From here on the session's age counts."""
    request.session[SIGNED_IN] = request.session[SEEN] = now().timestamp()
    log.info("signed in: %s from %s, %s", user.username, address_of(request), _ways(request, user))


def _ways(request: HttpRequest, user: User) -> str:
    used = {str(record["method"]) for record in get_authentication_records(request, user)}
    return "by " + " and ".join(sorted(used)) if used else "in a way that is not known yet"


@receiver(user_login_failed)
def tried_in_vain(credentials: dict[str, Any], request: HttpRequest | None = None, **kwargs: Any) -> None:
    """The name by its hash: people type their password there."""
    name = hashed_name(str(credentials.get("username") or ""))[:16]
    log.warning("wrong password, or too many: name %s from %s", name, address_of(request))


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
    User.objects.filter(pk=user.pk).update(password_ends_at=None)
    _note(user, "user.password_changed", {})
