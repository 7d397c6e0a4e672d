"""Invitations made, and used to claim an account."""

import base64
import hashlib
import hmac
import re
import secrets
from datetime import datetime, timedelta

from django.conf import settings
from django.contrib.auth.password_validation import validate_password
from django.core.exceptions import ValidationError
from django.db import transaction
from django.utils.translation import gettext as _

from revshare.access.models import User
from revshare.access.operations import create_user
from revshare.audit_trail.operations import Act, record
from revshare.contributors.models import Contributor
from revshare.errors import Conflict, NotFound, Refused
from revshare.invitations.models import Invitation

USUAL_DAYS = 14
MOST_DAYS = 90
EMAIL = re.compile(r"[^@\s\x00-\x1f]{1,64}@[^@\s\x00-\x1f]{1,190}")
NAME = re.compile(r"[\w.@+-]{3,150}")


@transaction.atomic
def invite(*, contributor_id: str, email: str, act: Act, days: int = USUAL_DAYS) -> Invitation:
    """Invites a contributor who has no account yet; an earlier invitation that is still open is void from now on.

    Raises NotFound, Refused, Conflict.
    """
    contributor = Contributor.objects.select_for_update().filter(pk=contributor_id).first()
    if contributor is None:
        raise NotFound(f"There is no contributor {contributor_id!r}.")
    if User.objects.filter(contributor_id=contributor_id).exists():
        raise Conflict(f"{contributor_id} has an account already.")
    address = email or contributor.email
    if not EMAIL.fullmatch(address):
        raise Refused(f"No usable e-mail address of {contributor_id} is known: give one.", code="email_missing")
    if not 1 <= days <= MOST_DAYS:
        raise Refused(f"An invitation is open for 1 to {MOST_DAYS} days, not {days}.")
    Invitation.objects.filter(contributor_id=contributor_id, used_at=None, voided_at=None).update(voided_at=act.at)
    nonce = secrets.token_hex(16)
    made = Invitation.objects.create(
        contributor=contributor, email=address, nonce=nonce, token_sha256=_sha256(_token(nonce)), made_at=act.at,
        made_by=act.actor, expires_at=act.at + timedelta(days=days),
    )  # fmt: skip
    record(
        act=act, action="invitation.made", object=f"contributor:{contributor_id}",
        detail={"invitation": made.pk, "expires_at": made.expires_at.isoformat()},
    )  # fmt: skip
    return made


def link_of(invitation: Invitation) -> str:
    """The path of the link, for whoever sends it."""
    return f"/invitations/{_token(invitation.nonce)}/"


def find_open(token: str, *, at: datetime) -> Invitation:
    """The invitation of a link. Raises NotFound, with the same words whatever is wrong with it."""
    found = Invitation.objects.select_related("contributor").filter(
        token_sha256=_sha256(token), used_at=None, voided_at=None, expires_at__gt=at
    )
    invitation = found.first()
    if invitation is None:
        raise NotFound(
            _("This link was used already, is too old, or was replaced by a newer one. Ask for another invitation.")
        )
    return invitation


@transaction.atomic
def claim_account(*, token: str, name: str, password: str, at: datetime) -> User:
    """Makes the account that the link is for. Raises NotFound, Refused, Conflict; the link then stays good."""
    invitation = find_open(token, at=at)
    # A second claim with the same link waits here, and then finds it used.
    if not Invitation.objects.select_for_update().filter(pk=invitation.pk, used_at=None, voided_at=None).exists():
        raise NotFound(_("This link was used already. Ask for another invitation."))
    if not NAME.fullmatch(name):
        raise Refused(_("A user name has 3 to 150 letters, digits and @ . + - _ only."), code="name_syntax")
    try:
        validate_password(password, User(username=name, email=invitation.email))
    except ValidationError as error:
        raise Refused(" ".join(error.messages), code="password_weak") from None
    act = Act(actor=name, at=at)
    contributor = invitation.contributor
    user = create_user(name=name, roles=["contributor"], contributor_id=contributor.pk, password=password, act=act)
    user.email = invitation.email
    user.save(update_fields=["email"])
    was_unclaimed = contributor.unclaimed
    contributor.unclaimed = False
    contributor.email = contributor.email or invitation.email
    contributor.save(update_fields=["unclaimed", "email"])
    invitation.used_at = at
    invitation.save(update_fields=["used_at"])
    record(
        act=act, action="invitation.used", object=f"contributor:{contributor.pk}",
        detail={"invitation": invitation.pk, "user": name, "was_unclaimed": was_unclaimed},
    )  # fmt: skip
    return user


def _token(nonce: str) -> str:
    made = hmac.new(settings.SECRET_KEY.encode(), f"invitation {nonce}".encode(), hashlib.sha256).digest()
    return base64.urlsafe_b64encode(made).decode().rstrip("=")


def _sha256(token: str) -> str:
    return hashlib.sha256(token.encode()).hexdigest()
