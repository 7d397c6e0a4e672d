"""One's own data taken along; requests to be forgotten: asked, decided, carried out."""

from tempfile import TemporaryFile

from django.db import transaction

from revshare.access.models import User
from revshare.access.operations import end_sessions
from revshare.audit_trail.operations import Act, record
from revshare.contributors.models import Contributor
from revshare.errors import Conflict, NotAllowed, NotFound, Refused
from revshare.invitations.models import Invitation
from revshare.mail.models import Preference
from revshare.payouts.models import DestinationNotice, Payment
from revshare.payouts.rules import LIVE
from revshare.personal.archive import write_archive
from revshare.personal.models import OUTCOMES, DeletionDecision, DeletionRequest

GRANTED = "granted"


@transaction.atomic
def ask_deletion(*, contributor_id: str, text: str, act: Act) -> DeletionRequest:
    """Asks that what is personal be deleted. Raises NotFound, and Conflict while an earlier request is open."""
    if not Contributor.objects.select_for_update().filter(pk=contributor_id).exists():
        raise NotFound(f"There is no contributor {contributor_id!r}.")
    if DeletionRequest.objects.filter(contributor_id=contributor_id, decision=None).exists():
        raise Conflict("A request of yours is open already: it is decided by a person.")
    made = DeletionRequest.objects.create(
        contributor_id=contributor_id, text=text, asked_at=act.at, asked_by=act.actor
    )  # fmt: skip
    record(act=act, action="deletion.asked", object=f"contributor:{contributor_id}", detail={"request": made.pk})
    return made


def take_data(*, contributor_id: str, act: Act) -> bytes:
    """All that is held about somebody, as a ZIP file; that it was taken is on record. Raises LakeDamaged."""
    with TemporaryFile() as scratch:
        write_archive(scratch, contributor_id=contributor_id, at=act.at)
        scratch.seek(0)
        content = scratch.read()
    record(act=act, action="data.taken", object=f"contributor:{contributor_id}", detail={"bytes": len(content)})
    return content


@transaction.atomic
def decide_deletion(*, number: int, outcome: str, reason: str, act: Act) -> DeletionDecision:
    """Grants a request, which deletes at once, or refuses it. Raises NotFound, Refused, Conflict, NotAllowed."""
    request = DeletionRequest.objects.filter(pk=number).first()
    if request is None:
        raise NotFound(f"There is no deletion request {number}.")
    Contributor.objects.select_for_update().get(pk=request.contributor_id)  # two people at once: one after the other
    if DeletionDecision.objects.filter(pk=number).exists():
        raise Conflict(f"Deletion request {number} was decided already.")
    if outcome not in OUTCOMES:
        raise Refused(f"A request is {' or '.join(OUTCOMES)}, not {outcome!r}.")
    if not reason.strip():
        raise Refused("Say why: the contributor reads it.")
    if request.asked_by == act.actor:
        raise NotAllowed(f"{act.actor} asked for it: another person has to decide.")
    if outcome == GRANTED:
        _forget(request.contributor_id, act)
    made = DeletionDecision.objects.create(
        request=request, outcome=outcome, reason=reason, decided_at=act.at, decided_by=act.actor
    )
    record(
        act=act, action=f"deletion.{outcome}", object=f"contributor:{request.contributor_id}",
        detail={"request": number, "reason": reason},
    )  # fmt: skip
    return made


def _forget(contributor_id: str, act: Act) -> None:
    """Name, address, country, account and wishes go. The id stays, and with it all that the ledger counts."""
    if payment := Payment.objects.filter(contributor_id=contributor_id, state=LIVE).first():
        raise Refused(f"Payment {payment.payment_key} is under way: wait for the bank's result.", code="in_payment")
    Contributor.objects.filter(pk=contributor_id).update(name="", email="", country="", erased_at=act.at)
    Invitation.objects.filter(contributor_id=contributor_id, used_at=None, voided_at=None).update(voided_at=act.at)
    Invitation.objects.filter(contributor_id=contributor_id).update(email="")
    DestinationNotice.objects.filter(destination__contributor_id=contributor_id).update(address="")
    Preference.objects.filter(pk=contributor_id).delete()
    users = User.objects.filter(contributor_id=contributor_id)
    if any(set(user.roles) != {"contributor"} for user in users):
        raise Refused("The account has other roles too: take them away first.", code="is_staff")
    for user in users:
        end_sessions(user=user, act=act)
        user.username, user.email, user.first_name, user.last_name = f"deleted-{user.pk}", "", "", ""
        user.is_active = False
        user.set_unusable_password()
        user.save()
