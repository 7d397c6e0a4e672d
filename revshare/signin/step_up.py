"""Showing again who one is, before what releases money or rights."""

from datetime import UTC, datetime

from allauth.account.internal.flows.login import get_authentication_records
from django.conf import settings
from django.http import HttpRequest

from revshare.access.models import User
from revshare.access.rules import STEP_UP, is_fresh
from revshare.clock import now


class StepUpNeeded(Exception):
    """The person has to show again who they are; the middleware sends a browser where that is done."""


def shown_at(request: HttpRequest) -> datetime | None:
    """When the person of this session last used their second factor; their password, if they have no other."""
    user = request.user
    records = get_authentication_records(request, user if isinstance(user, User) else None)
    records = [record for record in records if record["method"] == "mfa"] or records
    latest = max((float(record["at"]) for record in records), default=None)
    return None if latest is None else datetime.fromtimestamp(latest, UTC)


def is_fresh_request(request: HttpRequest) -> bool:
    return is_fresh(shown_at=shown_at(request), at=now())


def check_step_up(request: HttpRequest, action: str) -> None:
    """Raises StepUpNeeded where this action needs it and the person showed themselves too long ago."""
    if settings.REVSHARE_STRICT_SIGN_IN and action in STEP_UP and not is_fresh_request(request):
        raise StepUpNeeded
