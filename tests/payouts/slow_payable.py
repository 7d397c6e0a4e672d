"""What is payable in a currency, account by account: the slow twin of `payouts.payable` and `payouts.preparing`."""

from collections import Counter
from datetime import date, datetime
from typing import Any

from django.db import connection, transaction

from revshare.payouts.destinations import in_use
from revshare.payouts.models import Payment, PaymentBatch
from revshare.payouts.payable import Preview, preview, preview_and_waiting, worked_out
from revshare.payouts.queries import last_published, standings
from revshare.payouts.rules import Standing, destination_sha256, minor_unit_micros, payment_key
from revshare.statements.models import Statement

PUBLISHED = ("published", "settled")


def paid_in(currency: str, today: date) -> list[Standing]:
    """Balances in it first, then the others, by currency and contributor."""
    found = [item for item in standings(today=today) if item.pays_in == currency]
    return sorted(found, key=lambda item: (item.account.currency != currency, item.account.currency,
                                           item.account.contributor_id))  # fmt: skip


def slow_preview(currency: str, today: date) -> Preview:
    last = last_published()
    if last is None:
        return Preview("", 0, 0, {})
    found = paid_in(currency, today)
    amounts = [item.payable_minor for item in found if item.payable_minor]
    reasons = Counter(why.code for item in found for why in item.reasons)
    return Preview(last.key, len(amounts), sum(amounts), dict(reasons))


def check_preview(currency: str, today: date) -> Preview:
    """Both say the same, in all and account by account."""
    quick, waiting = preview_and_waiting(currency=currency, today=today)
    assert quick == preview(currency=currency, today=today) == slow_preview(currency, today)
    slow = [
        (item.account.contributor_id, item.account.name, item.account.currency, item.account.available_micros,
         {why.code for why in item.reasons})
        for item in paid_in(currency, today) if not item.payable_minor
    ]  # fmt: skip
    assert [(w.contributor_id, w.name, w.currency, w.available_micros, set(w.reasons)) for w in waiting] == sorted(
        slow, key=lambda row: (row[0], row[2])
    )
    last = last_published()
    if last is None:
        return quick
    with transaction.atomic(), worked_out(last, currency=currency, today=today), connection.cursor() as cursor:
        cursor.execute(
            "SELECT contributor_id, currency, available_micros, minor, takes_micros FROM payable_account "
            "WHERE pays_in = %s ORDER BY currency <> pays_in, currency, contributor_id",
            [currency],
        )
        rows = cursor.fetchall()
    assert rows == [
        (item.account.contributor_id, item.account.currency, item.account.available_micros, item.payable_minor,
         item.takes_micros)
        for item in paid_in(currency, today)
    ]  # fmt: skip
    return quick


def slow_payments(currency: str, at: datetime, batch_id: int) -> list[dict[str, Any]]:
    """What a batch prepared then holds, but for the numbers of the rows."""
    found = [item for item in paid_in(currency, at.date()) if item.payable_minor]
    rows = []
    for line, item in enumerate(found, 1):
        account, rate = item.account, item.rate
        own = Statement.objects.filter(
            contributor_id=account.contributor_id, currency=account.currency, cycle__state__in=PUBLISHED
        )
        latest = max(own, key=lambda statement: statement.cycle.calculation or 0)
        place = in_use([account.contributor_id], at=at).get(account.contributor_id, "")
        rows.append({
            "batch_id": batch_id, "payment_key": payment_key(batch_id, line), "contributor_id": account.contributor_id,
            "payee_id": account.payee_id, "name": account.name, "currency": currency,
            "amount_minor": item.payable_minor, "amount_micros": item.payable_minor * minor_unit_micros(currency),
            "account_currency": account.currency, "account_micros": item.takes_micros,
            "balance_micros": account.available_micros, "rate_upper": rate.rate.numerator if rate else None,
            "rate_lower": rate.rate.denominator if rate else None, "rate_on": rate.on if rate else None,
            "rate_source": rate.source if rate else "", "statement": latest.number,
            "destination_sha256": destination_sha256(account.payee_id, place), "state": "live",
        })  # fmt: skip
    return rows


def check_batch(expected: list[dict[str, Any]], batch: PaymentBatch) -> None:
    """`expected`: what the twin said before the batch was prepared, of a batch numbered 0."""
    key = {"batch_id": batch.pk}
    expected = [row | key | {"payment_key": payment_key(batch.pk, line)} for line, row in enumerate(expected, 1)]
    assert list(Payment.objects.filter(batch=batch).order_by("pk").values(*expected[0])) == expected
    assert (batch.payments_count, batch.total_minor) == (len(expected), sum(row["amount_minor"] for row in expected))
