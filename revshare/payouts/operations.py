"""Holds, and batches of payments from draft to the file for the bank. What comes back: `results`."""

from decimal import Decimal

from django.db import IntegrityError, transaction

from revshare.audit_trail.operations import Act, record
from revshare.continuity.operations import BATCHES, check_head_known, check_open, note_head
from revshare.contributors.models import Contributor
from revshare.errors import Conflict, NotAllowed, NotFound, Refused
from revshare.locks import Lock, hold
from revshare.money import is_currency
from revshare.payouts.destinations import in_use
from revshare.payouts.models import Hold, Payment, PaymentBatch, PayoutCurrency
from revshare.payouts.queries import (
    check_digest,
    find_batch,
    last_published,
    latest_statements,
    standings,
    standings_paid_in,
    stored_digest,
)
from revshare.payouts.rules import LIVE, MOVES, Standing, destination_sha256, minor_unit_micros, payment_key

NO_HINDRANCE = ("in_payment", "below_minimum", "rate_missing", "below_minor_unit")
"""Of a payment that is prepared: its amounts and its rate stand."""
NAMED = 5


@transaction.atomic
def place_hold(*, contributor_id: str, act: Act, currency: str = "") -> Hold:
    """From now on nobody pays this contributor (in this currency; blank: in any). The act's reason is kept."""
    if not act.why.strip():
        raise Refused("A hold needs a reason.", code="reason_missing")
    if currency and not is_currency(currency):
        raise Refused(f"{currency!r} is not an active ISO 4217 currency.")
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
    if currency and not is_currency(currency):
        raise Refused(f"{currency!r} is not an active ISO 4217 currency.")
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


@transaction.atomic
def prepare(*, currency: str, act: Act) -> PaymentBatch:
    """Makes a draft of all that is payable in a currency: out of balances in it, and of those of contributors who are
    paid in it, at the rates of the day. Raises Refused if that is nothing."""
    if not is_currency(currency):
        raise Refused(f"{currency!r} is not an active ISO 4217 currency.")
    check_head_known()
    hold(Lock.PAYOUTS)
    last = last_published()
    if last is None:
        raise Refused("No cycle is published yet: only published balances are paid.", code="nothing_payable")
    waiting = standings_paid_in(currency, today=act.at.date())
    found = [item for item in waiting if item.payable_minor]
    if not found:
        raise Refused(_nothing_payable(currency, waiting), code="nothing_payable")
    batch = PaymentBatch.objects.create(
        currency=currency, cycle_id=last.cycle_id, state="preparing", prepared_at=act.at, prepared_by=act.actor
    )
    numbers: dict[tuple[str, str], str] = {}
    for code in {item.account.currency for item in found}:
        own = [item.account.contributor_id for item in found if item.account.currency == code]
        numbers |= {(name, code): number for name, number in latest_statements(own, code).items()}
    places = in_use({item.account.contributor_id for item in found}, at=act.at)
    payments = Payment.objects.bulk_create(
        _payment(
            batch,
            line,
            item,
            numbers[item.account.contributor_id, item.account.currency],
            places.get(item.account.contributor_id, ""),
        )
        for line, item in enumerate(found, 1)
    )
    batch.state = "draft"
    batch.payments_count, batch.total_minor = len(payments), sum(payment.amount_minor for payment in payments)
    batch.digest = stored_digest(batch)
    batch.save(update_fields=["state", "payments_count", "total_minor", "digest"])
    _record(batch, "prepare", act)
    return batch


def _nothing_payable(currency: str, waiting: list[Standing]) -> str:
    """Names those who only wait for a rate: that can be mended at once."""
    without = [item for item in waiting if any(why.code == "rate_missing" for why in item.reasons)]
    said = "".join(
        f" {item.account.contributor_id}: {why.words}"
        for item in without[:NAMED]
        for why in item.reasons
        if why.code == "rate_missing"
    )
    return f"Nothing is payable in {currency}: `payouts why` says why not.{said}"


def _payment(batch: PaymentBatch, line: int, item: Standing, statement: str, place: str) -> Payment:
    account, rate = item.account, item.rate
    return Payment(
        batch=batch, payment_key=payment_key(batch.pk, line), contributor_id=account.contributor_id,
        payee_id=account.payee_id, name=account.name, currency=batch.currency, amount_minor=item.payable_minor,
        amount_micros=item.payable_minor * minor_unit_micros(batch.currency), account_currency=account.currency,
        account_micros=item.takes_micros, balance_micros=account.available_micros, statement=statement, state=LIVE,
        rate_upper=Decimal(rate.rate.numerator) if rate else None,
        rate_lower=Decimal(rate.rate.denominator) if rate else None,
        rate_on=rate.on if rate else None, rate_source=rate.source if rate else "",
        destination_sha256=destination_sha256(account.payee_id, place),
    )  # fmt: skip


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
    payments = {(payment.contributor_id, payment.account_currency): payment for payment in batch.payments.all()}
    names = {name for name, _ in payments}
    now = {
        (item.account.contributor_id, item.account.currency): item
        for item in standings(today=act.at.date(), contributor_ids=names)
    }
    places = in_use(names, at=act.at)
    for (contributor_id, own), payment in payments.items():
        found = now.get((contributor_id, own))
        blocked = [why.words for why in found.reasons if why.code not in NO_HINDRANCE] if found else []
        if found is None or found.account.available_micros < payment.account_micros:
            blocked.append("The balance is less than the payment by now.")
        if found and found.pays_in != payment.currency:
            blocked.append(f"They are paid in {found.pays_in} by now.")
        if found and found.account.payee_id != payment.payee_id:
            blocked.append("The payee is another by now.")
        elif destination_sha256(payment.payee_id, places.get(contributor_id, "")) != payment.destination_sha256:
            blocked.append("The destination is another by now.")
        if blocked:
            raise Conflict(
                f"Payment {payment.payment_key} to {contributor_id} cannot go out: {' '.join(blocked)} Cancel batch "
                f"{batch.pk} and prepare another."
            )


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
