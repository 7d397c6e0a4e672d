"""Tokens of programs: made, found by their hash, ended."""

import hashlib
import re
import secrets
from datetime import datetime, timedelta

from django.db import transaction
from django.db.models import Q

from revshare.access.models import ApiToken, User
from revshare.audit_trail.operations import Act, record
from revshare.errors import NotFound, Refused

SHAPE = re.compile(r"[0-9a-f]{40}")
DAYS = 30
MAX_DAYS = 365
USE_SECONDS = 60  # how exactly the last use is kept: a write a minute, not one a request


def hashed(token: str) -> str:
    """The token is 160 random bits: a plain hash of it cannot be guessed back."""
    return hashlib.sha256(token.encode()).hexdigest()


@transaction.atomic
def make_token(*, user: User, act: Act, days: int = DAYS, purpose: str = "") -> tuple[ApiToken, str]:
    """A new token and, this once, its text. Raises Refused for a life that is not one of days."""
    if not 1 <= days <= MAX_DAYS:
        raise Refused(f"A token lives 1 to {MAX_DAYS} days.", code="token_days")
    text = secrets.token_hex(20)
    made = ApiToken.objects.create(
        user=user, sha256=hashed(text), purpose=purpose, made_at=act.at, expires_at=act.at + timedelta(days=days)
    )
    record(act=act, action="token.made", object=f"user:{user.username}", detail={"token": made.pk, "days": days})
    return made, text


def find_token(*, text: str, at: datetime) -> ApiToken | None:
    """The living token of an active person, marked as used."""
    if not SHAPE.fullmatch(text):
        return None
    token = (
        ApiToken.objects.select_related("user")
        .filter(sha256=hashed(text), expires_at__gt=at, revoked_at=None, user__is_active=True)
        .first()
    )
    if token is not None and (token.last_used_at is None or at - token.last_used_at > timedelta(seconds=USE_SECONDS)):
        unused_since = Q(last_used_at=None) | Q(last_used_at__lt=at)
        ApiToken.objects.filter(unused_since, pk=token.pk).update(last_used_at=at)
    return token


@transaction.atomic
def revoke_token(*, user: User, token_id: int, act: Act) -> ApiToken:
    """Ends one of somebody's own tokens; ended, it stays on record. Raises NotFound for another's."""
    token = ApiToken.objects.select_for_update().filter(pk=token_id, user=user).first()
    if token is None:
        raise NotFound(f"You have no token {token_id}.")
    if token.revoked_at is None:
        token.revoked_at = act.at
        token.save(update_fields=["revoked_at"])
        record(act=act, action="token.revoked", object=f"user:{user.username}", detail={"token": token.pk})
    return token
