"""Who may still try a password or a code: so many wrong ones for a name, and from an address, in a while."""

import hashlib
from datetime import datetime, timedelta

from django.db.models import Q

from revshare.access.models import FailedAttempt

WINDOW = timedelta(minutes=15)
FOR_A_NAME = 10
FROM_AN_ADDRESS = 100
KEPT = timedelta(days=1)


def hashed_name(name: str) -> str:
    return hashlib.sha256(name.casefold().encode(errors="replace")).hexdigest()


def is_locked(*, name: str, address: str, at: datetime) -> bool:
    """Whether the next attempt is refused without looking at it; for a name that nobody has, too."""
    recent = FailedAttempt.objects.filter(at__gt=at - WINDOW)
    for_name = recent.filter(name_sha256=hashed_name(name))
    from_there = recent.filter(address=address)
    return for_name.count() >= FOR_A_NAME or (bool(address) and from_there.count() >= FROM_AN_ADDRESS)


def note_failure(*, name: str, address: str, at: datetime) -> None:
    """One more; those of yesterday go."""
    FailedAttempt.objects.create(name_sha256=hashed_name(name), address=address, at=at)
    old = Q(name_sha256=hashed_name(name)) | Q(address=address)
    FailedAttempt.objects.filter(old, at__lt=at - KEPT).delete()


def forget_failures(*, name: str) -> None:
    """Somebody got in: what they mistyped before counts no more. Those of their address stay."""
    FailedAttempt.objects.filter(name_sha256=hashed_name(name)).delete()
