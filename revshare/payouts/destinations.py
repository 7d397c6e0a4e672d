"""Where contributors' money goes: told by themselves, used after a while, told to the address known before."""

from collections.abc import Iterable
from datetime import datetime

from django.db import transaction

from revshare.access.models import User
from revshare.audit_trail.operations import Act, record
from revshare.contributors.models import Contributor
from revshare.errors import Conflict, NotFound, Refused
from revshare.locks import Lock, hold
from revshare.payouts.models import Destination, DestinationNotice
from revshare.payouts.rules import COOL_OFF, MAX_DESTINATION_CHARACTERS, MIN_DESTINATION_CHARACTERS, destination_sha256


@transaction.atomic
def set_destination(*, contributor_id: str, text: str, act: Act) -> Destination:
    """From `COOL_OFF` after this on, batches pay there. Raises NotFound, Refused, and Conflict if nothing changes. The
    audit trail has the hash alone."""
    text = " ".join(text.split())
    if not text.isprintable() or not MIN_DESTINATION_CHARACTERS <= len(text) <= MAX_DESTINATION_CHARACTERS:
        raise Refused(
            f"A destination is {MIN_DESTINATION_CHARACTERS} to {MAX_DESTINATION_CHARACTERS} characters: a bank account "
            "with its bank, as the bank writes it.",
            code="destination_malformed",
        )
    contributor = Contributor.objects.filter(pk=contributor_id).first()
    if contributor is None:
        raise NotFound(f"There is no contributor {contributor_id!r}.")
    hold(Lock.PAYOUTS)
    last = Destination.objects.filter(contributor=contributor).first()
    if last is not None and last.text == text:
        raise Conflict("This is the destination that is known already.")
    made = Destination.objects.create(
        contributor=contributor, text=text, set_at=act.at, set_by=act.actor, usable_from=act.at + COOL_OFF
    )
    if address := contributor.email or _of_account(contributor_id):
        DestinationNotice.objects.create(destination=made, address=address)
    record(
        act=act, action="payouts.destination", object=f"contributor:{contributor_id}",
        detail={
            "sha256": destination_sha256(contributor.payee_id, text), "payee_id": contributor.payee_id,
            "usable_from": made.usable_from.isoformat(),
        },
    )  # fmt: skip
    return made


def _of_account(contributor_id: str) -> str:
    users = User.objects.filter(contributor_id=contributor_id, is_active=True).exclude(email="")
    return users.order_by("pk").values_list("email", flat=True).first() or ""


def in_use(contributor_ids: Iterable[str], *, at: datetime) -> dict[str, str]:
    """By contributor, the text of the destination that money goes to then."""
    usable = Destination.objects.filter(contributor_id__in=list(contributor_ids), usable_from__lte=at)
    rows = usable.order_by("contributor_id", "-pk").distinct("contributor_id")
    return dict(rows.values_list("contributor_id", "text"))
