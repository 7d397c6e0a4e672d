"""People in, and out of what they are signed in to."""

from datetime import timedelta

from django.contrib.sessions.models import Session
from django.db import IntegrityError, transaction

from revshare.access.models import ApiToken, User
from revshare.access.rules import STAFF
from revshare.audit_trail.operations import Act, record
from revshare.contributors.models import Contributor
from revshare.errors import Conflict, NotFound, Refused

FIRST_PASSWORD_DAYS = 7


def create_user(
    *, name: str, roles: list[str], contributor_id: str | None, password: str, act: Act,
    password_days: int = 0,
) -> User:  # fmt: skip
    """Creates a user with these roles. `password_days`: how long a password that somebody else chose holds.
    Raises Refused where a contributor is missing, NotFound, or Conflict."""
    if ("contributor" in roles) != (contributor_id is not None):
        raise Refused("The role contributor and a contributor's id (--contributor ID) go together.")
    if contributor_id is not None and not Contributor.objects.filter(pk=contributor_id).exists():
        raise NotFound(f"There is no contributor {contributor_id!r}.")
    try:
        with transaction.atomic():
            user = User.objects.create_user(
                name, password=password, roles=sorted(set(roles)), contributor_id=contributor_id,
                is_staff=not STAFF.isdisjoint(roles),
                password_ends_at=act.at + timedelta(days=password_days) if password_days else None,
            )  # fmt: skip
            record(act=act, action="user.created", object=f"user:{name}", detail={"roles": user.roles})
    except IntegrityError:
        raise Conflict(f"There is a user {name!r} already.") from None
    return user


@transaction.atomic
def end_sessions(*, user: User, act: Act) -> int:
    """All sessions and tokens of this person open nothing any more. Returns how many sessions that were."""
    ApiToken.objects.filter(user=user, revoked_at=None).update(revoked_at=act.at)
    ended = 0
    for session in Session.objects.iterator():  # whose it is, it says inside
        if session.get_decoded().get("_auth_user_id") == str(user.pk):
            session.delete()
            ended += 1
    record(act=act, action="user.sessions_ended", object=f"user:{user.username}", detail={"sessions": ended})
    return ended
