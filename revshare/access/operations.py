"""People in."""

from django.db import IntegrityError, transaction

from revshare.access.models import User
from revshare.access.rules import STAFF
from revshare.audit_trail.operations import Act, record
from revshare.contributors.models import Contributor
from revshare.errors import Conflict, NotFound, Refused


def create_user(*, name: str, roles: list[str], contributor_id: str | None, password: str, act: Act) -> User:
    """Creates a user with these roles. Raises Refused where a contributor is missing, NotFound, or Conflict."""
    if ("contributor" in roles) != (contributor_id is not None):
        raise Refused("The role contributor and a contributor's id (--contributor ID) go together.")
    if contributor_id is not None and not Contributor.objects.filter(pk=contributor_id).exists():
        raise NotFound(f"There is no contributor {contributor_id!r}.")
    try:
        with transaction.atomic():
            user = User.objects.create_user(
                name, password=password, roles=sorted(set(roles)), contributor_id=contributor_id,
                is_staff=not STAFF.isdisjoint(roles),
            )  # fmt: skip
            record(act=act, action="user.created", object=f"user:{name}", detail={"roles": user.roles})
    except IntegrityError:
        raise Conflict(f"There is a user {name!r} already.") from None
    return user
