"""Holds, and batches of payments from draft to the file for the bank. What comes back: `results`."""

from django.db import IntegrityError, transaction

from revshare.audit_trail.operations import Act, record
from revshare.continuity.operations import BATCHES, check_head_known, check_open, note_head
from revshare.contributors.models import Contributor
from revshare.errors import Conflict, NotAllowed, NotFound, Refused
from revshare.locks import Lock, hold
from revshare.money import is_currency
from revshare.payouts.destinations import in_use
from revshare.payouts.models import Hold, Payment, PaymentBatch, PayoutCurrency
from revshare.payouts.payable import counted, without_a_rate, worked_out
from revshare.payouts.preparing import hindered, write_payments
from revshare.payouts.queries import check_digest, find_batch, last_published, standings, stored_digest
from revshare.payouts.rules import MOVES, Standing, destination_sha256
from revshare.progress import Progress, no_progress

NO_HINDRANCE = ("in_payment", "below_minimum", "rate_missing", "below_minor_unit")
"""Of a payment that is prepared: its amounts and its rate stand."""
STAGES = 3
"""Of a preparation: what is payable, the payments, their digest."""


@transaction.atomic
def place_hold(*, contributor_id: str, act: Act, currency: str = "") -> Hold:
    """From now on nobody pays this contributor (in this currency; blank: in any). The act's reason is kept."""
    if not act.why.strip():
        raise Refused("A hold needs a reason.", code="reason_missing")
    if currency:
        check_currency(currency)
    if not Contributor.objects.filter(pk=contributor_id).exists():
        raise NotFound(f"There is no contributor {contributor_id!r}.")
    hold(Lock.PAYOUTS)
    try:
        with transaction.atomic():
            made = Hold.objects.create(
                contributor_id=contributor_id, currency=currency, reason=act.why, placed_at=act.at, placed_by=act.actor
            )
    except IntegrityError:
        raise Conflict(f"{contributor_id} is on hold in {currency or 'any currency'} already.") from None
    record(
        act=act, action="payouts.held", object=f"contributor:{contributor_id}",
        detail={"hold": made.pk, "currency": currency},
    )  # fmt: skip
    return made


@transaction.atomic
def release_hold(*, hold_id: int, act: Act) -> Hold:
    """Ends a hold, for the act's reason. Once released, it stays on record."""
    if not act.why.strip():
        raise Refused("A release needs a reason.", code="reason_missing")
    hold(Lock.PAYOUTS)
    found = Hold.objects.filter(pk=hold_id).first()
    if found is None:
        raise NotFound(f"There is no hold {hold_id}.")
    if found.released_at is not None:
        raise Conflict(f"Hold {hold_id} was released by {found.released_by} already.")
    found.released_at, found.released_by, found.release_reason = act.at, act.actor, act.why
    found.save(update_fields=["released_at", "released_by", "release_reason"])
    record(act=act, action="payouts.released", object=f"contributor:{found.contributor_id}", detail={"hold": found.pk})
    return found


@transaction.atomic
def set_currency(*, contributor_id: str, currency: str, act: Act) -> PayoutCurrency:
    """From now on a contributor is paid in this currency, whatever balances are in; '': each in its own. The act's
    reason says who asked for it. Payments under way stay as they are."""
    if not act.why.strip():
        raise Refused("Say who asked for it, and how.", code="reason_missing")
    if currency:
        check_currency(currency)
    if not Contributor.objects.filter(pk=contributor_id).exists():
        raise NotFound(f"There is no contributor {contributor_id!r}.")
    hold(Lock.PAYOUTS)
    made = PayoutCurrency.objects.create(
        contributor_id=contributor_id, currency=currency, source=act.why, set_at=act.at, set_by=act.actor
    )
    record(
        act=act, action="payouts.currency", object=f"contributor:{contributor_id}", detail={"currency": currency}
    )  # fmt: skip
    return made


def check_currency(currency: str) -> None:
    """Raises Refused for what nobody can be paid in."""
    if not is_currency(currency):
        raise Refused(f"{currency!r} is not an active ISO 4217 currency.")


@transaction.atomic
def prepare(*, currency: str, act: Act, progress: Progress = no_progress, once: bool = False) -> PaymentBatch:
    """Makes a draft of all that is payable in a currency: out of balances in it, and of those of contributors who are
    paid in it, at the rates of the day. `once`: if this act has prepared it already, that one. Raises Refused if
    nothing is payable."""
    check_currency(currency)
    check_head_known()
    hold(Lock.PAYOUTS)
    own = PaymentBatch.objects.filter(currency=currency, prepared_by=act.actor, prepared_at=act.at)
    if once and (done := own.first()):
        return done
    last = last_published()
    if last is None:
        raise Refused("No cycle is published yet: only published balances are paid.", code="nothing_payable")
    progress("payable", 0, STAGES)
    with worked_out(last, currency=currency, today=act.at.date()):
        if not counted(last, currency=currency).payments:
            waiting = without_a_rate(currency=currency, today=act.at.date())
            said = "".join(f" {name}: {words}" for name, words in waiting)
            raise Refused(
                f"Nothing is payable in {currency}: `payouts why` says why not.{said}", code="nothing_payable"
            )
        progress("payments", 1, STAGES)
        batch = PaymentBatch.objects.create(
            currency=currency, cycle_id=last.cycle_id, state="preparing", prepared_at=act.at, prepared_by=act.actor
        )
        write_payments(batch)
    progress("batch", 2, STAGES)
    batch.state = "draft"
    batch.digest = stored_digest(batch)
    batch.save(update_fields=["state", "payments_count", "total_minor", "digest"])
    _record(batch, "prepare", act)
    return batch


@transaction.atomic
def approve(*, batch_id: int, digest: str, act: Act) -> PaymentBatch:
    """A second person releases a batch, bound to the digest that they looked at.

    Raises NotAllowed for whoever prepared it (whom it pays, the skin knows: `check_not_payee`), Conflict if the batch
    is another, or could not be paid as it stands any more.
    """
    hold(Lock.PAYOUTS)
    batch = find_batch(batch_id)
    if act.actor == batch.prepared_by:
        raise NotAllowed(f"{act.actor} prepared batch {batch_id}: another person has to approve it.")
    if digest != batch.digest:
        raise Conflict(f"Batch {batch_id} has another digest ({batch.digest[:16]}…): look at it again.")
    if batch.state in ("approved", "exported"):
        return batch
    check_open(kind=BATCHES, key=str(batch.pk), digest=batch.digest)
    check_digest(batch)
    _check_still_payable(batch, act)
    return _move(batch, "approve", act, approved_at=act.at, approved_by=act.actor, approved_digest=digest)


@transaction.atomic
def release_to_bank(*, batch_id: int, act: Act) -> PaymentBatch:
    """Marks an approved batch as handed to the bank: from here on only results end its payments. Once; `register`
    gives the file as often as it is asked for."""
    hold(Lock.PAYOUTS)
    batch = find_batch(batch_id)
    if batch.state == "exported":
        return batch
    check_open(kind=BATCHES, key=str(batch.pk), digest=batch.digest)
    check_digest(batch)
    _check_still_payable(batch, act)
    transaction.on_commit(note_head)
    return _move(batch, "export", act, exported_at=act.at, exported_by=act.actor)


@transaction.atomic
def cancel(*, batch_id: int, act: Act) -> PaymentBatch:
    """Gives up a batch that the bank has not got; what it would have paid can go into another."""
    hold(Lock.PAYOUTS)
    batch = find_batch(batch_id)
    if batch.state == "cancelled":
        return batch
    batch = _move(batch, "cancel", act, cancelled_at=act.at, cancelled_by=act.actor)
    batch.payments.update(state="cancelled")
    return batch


def check_not_payee(batch: PaymentBatch, contributor_id: str | None) -> None:
    """Raises NotAllowed if the batch pays this contributor: nobody approves their own money."""
    payees = batch.payments.filter(contributor_id=contributor_id) | batch.payments.filter(payee_id=contributor_id)
    if contributor_id and payees.exists():
        raise NotAllowed(f"Batch {batch.pk} pays {contributor_id}: another person has to approve it.")


def _check_still_payable(batch: PaymentBatch, act: Act) -> None:
    """Raises Conflict if since the preparation somebody was put on hold, lost what they had, or has another payee."""
    name = hindered(batch, at=act.at)
    if not name:
        return
    now = {item.account.currency: item for item in standings(today=act.at.date(), contributor_ids=[name])}
    place = in_use([name], at=act.at).get(name, "")
    for payment in batch.payments.filter(contributor_id=name):
        if blocked := _blocked(payment, now.get(payment.account_currency), place):
            raise Conflict(
                f"Payment {payment.payment_key} to {name} cannot go out: {' '.join(blocked)} Cancel batch {batch.pk} "
                "and prepare another."
            )
    raise AssertionError(f"a payment to {name} is hindered, and nothing says by what")


def _blocked(payment: Payment, found: Standing | None, place: str) -> list[str]:
    """Why a payment cannot go out, in words. `place`: the destination in use."""
    blocked = [why.words for why in found.reasons if why.code not in NO_HINDRANCE] if found else []
    if found is None or found.account.available_micros < payment.account_micros:
        blocked.append("The balance is less than the payment by now.")
    if found and found.pays_in != payment.currency:
        blocked.append(f"They are paid in {found.pays_in} by now.")
    if found and found.account.payee_id != payment.payee_id:
        blocked.append("The payee is another by now.")
    elif destination_sha256(payment.payee_id, place) != payment.destination_sha256:
        blocked.append("The destination is another by now.")
    return blocked


def _move(batch: PaymentBatch, action: str, act: Act, **fields: object) -> PaymentBatch:
    """The one function that moves a batch: an allowed move, made once, and audited."""
    move = MOVES[action]
    moved = PaymentBatch.objects.filter(pk=batch.pk, state__in=move.sources).update(state=move.target, **fields)
    batch.refresh_from_db()
    if not moved:
        raise Conflict(f"Batch {batch.pk} is {batch.state}; to {action} it, it must be {' or '.join(move.sources)}.")
    _record(batch, action, act)
    return batch


def _record(batch: PaymentBatch, action: str, act: Act) -> None:
    record(
        act=act, action=f"payouts.{action}", object=f"batch:{batch.pk}",
        detail={"digest": batch.digest, "currency": batch.currency, "payments": batch.payments_count,
                "total_minor": batch.total_minor},
    )  # fmt: skip
