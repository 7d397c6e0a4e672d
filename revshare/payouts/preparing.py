"""Making a batch: a payment for each account that can be paid, written by the database; and whether each payment of a
batch could still go out. Nothing here goes account by account."""

from datetime import datetime

from django.db import connection

from revshare.ledger.places import ROLL
from revshare.payouts.models import PaymentBatch
from revshare.payouts.payable import worked_out
from revshare.payouts.queries import last_published
from revshare.payouts.rules import LINE_DIGITS, LIVE, minor_unit_micros, payment_key
from revshare.statements.queries import PUBLISHED

CYCLES = "SELECT id, key FROM cycles_cycle WHERE state = ANY(%s) ORDER BY calculation DESC"
# The number of the last published statement of each that is paid, cycle by cycle back until all have one.
NUMBERED = """
    INSERT INTO payable_statement
    SELECT a.contributor_id, a.currency, %(key)s || '-' || to_char(e.statement_no, 'FM000000000')
    FROM ledger_account e
    JOIN payable_account a ON a.contributor_id = e.contributor_id AND a.currency = e.currency {place}
    WHERE e.cycle_id = %(cycle)s AND a.pays_in = %(currency)s AND a.minor > 0
        AND NOT EXISTS (SELECT FROM payable_statement s
                        WHERE s.contributor_id = a.contributor_id AND s.currency = a.currency)
"""
# Where they are few each is looked up, else all statements are read.
FEW = 10_000
PLACE = "AND e.roll = " + ROLL.format(cycle="%(cycle)s", contributor="a.contributor_id")
# As `rules.destination_sha256` and `rules.payment_key`; the currency's own accounts first, then by currency and id.
IN_USE = """
    SELECT DISTINCT ON (contributor_id) contributor_id, text FROM payouts_destination WHERE usable_from <= %(at)s
    ORDER BY contributor_id, id DESC
"""
SHA256 = """
    encode(sha256(convert_to(
        'payee' || chr(9) || {payee} || chr(10)
        || coalesce('destination' || chr(9) || nullif(d.text, '') || chr(10), ''), 'UTF8')), 'hex')
"""
PAYMENTS = f"""
    INSERT INTO payouts_payment (
        batch_id, payment_key, contributor_id, payee_id, name, currency, amount_minor, amount_micros, account_currency,
        account_micros, balance_micros, rate_upper, rate_lower, rate_on, rate_source, statement, destination_sha256,
        state)
    SELECT %(batch)s, %(prefix)s || lpad(line::text, greatest(%(digits)s, length(line::text)), '0'),
           a.contributor_id, a.payee_id, a.name, a.pays_in, a.minor, a.minor * %(unit)s, a.currency, a.takes_micros,
           a.available_micros, CASE WHEN a.currency <> a.pays_in THEN a.rate_upper END,
           CASE WHEN a.currency <> a.pays_in THEN a.rate_lower END, a.rate_on, a.rate_source, s.statement,
           {SHA256.format(payee="a.payee_id")}, %(live)s
    FROM (SELECT *, row_number() OVER (ORDER BY currency <> %(currency)s, currency, contributor_id) AS line
          FROM payable_account WHERE pays_in = %(currency)s AND minor > 0) a
    LEFT JOIN payable_statement s ON s.contributor_id = a.contributor_id AND s.currency = a.currency
    LEFT JOIN ({IN_USE}) d ON d.contributor_id = a.contributor_id
    ORDER BY line
"""
# Hindrances of a payment that is prepared: its amounts, its rate and that it is under way are none.
HINDERED = f"""
    SELECT p.contributor_id FROM payouts_payment p
    LEFT JOIN payable_account a ON a.contributor_id = p.contributor_id AND a.currency = p.account_currency
    LEFT JOIN ({IN_USE}) d ON d.contributor_id = p.contributor_id
    WHERE p.batch_id = %(batch)s AND (
        a.contributor_id IS NULL OR a.available_micros < p.account_micros OR a.on_hold OR a.unclaimed OR a.no_payee
        OR a.payee_to_come OR a.new_payee OR a.negative OR a.pays_in <> p.currency OR a.payee_id <> p.payee_id
        OR p.destination_sha256 <> {SHA256.format(payee="p.payee_id")})
    ORDER BY p.id DESC LIMIT 1
"""


def write_payments(batch: PaymentBatch) -> None:
    """The payments of a batch out of the table `payable_account`, and what they come to on the batch."""
    with connection.cursor() as cursor:
        cursor.execute("ANALYZE payable_account")
        cursor.execute(
            'CREATE TEMP TABLE payable_statement (contributor_id text COLLATE "C", currency text COLLATE "C", '
            "statement text) ON COMMIT DROP"
        )
        cursor.execute("SELECT count(*) FROM payable_account WHERE pays_in = %s AND minor > 0", [batch.currency])
        (without,) = cursor.fetchone()
        cursor.execute(CYCLES, [list(PUBLISHED)])
        for pk, key in cursor.fetchall():
            numbered = NUMBERED.format(place=PLACE if without < FEW else "")
            cursor.execute(numbered, {"cycle": pk, "key": key, "currency": batch.currency})
            without -= cursor.rowcount
            if not without:
                break
        cursor.execute(PAYMENTS, {
            "batch": batch.pk, "currency": batch.currency, "unit": minor_unit_micros(batch.currency), "live": LIVE,
            "at": batch.prepared_at, "prefix": payment_key(batch.pk, 0)[:-LINE_DIGITS], "digits": LINE_DIGITS,
        })  # fmt: skip
        cursor.execute(
            "SELECT count(*), coalesce(sum(amount_minor), 0)::bigint FROM payouts_payment WHERE batch_id = %s",
            [batch.pk],
        )
        batch.payments_count, batch.total_minor = cursor.fetchone()
        cursor.execute("DROP TABLE payable_statement")


def hindered(batch: PaymentBatch, *, at: datetime) -> str:
    """A contributor whose payment could not go out any more; '' if there is none."""
    last = last_published()
    assert last is not None, "a batch pays the balances of a published cycle"
    with worked_out(last, currency=batch.currency, today=at.date()), connection.cursor() as cursor:
        cursor.execute(HINDERED, {"batch": batch.pk, "at": at})
        found = cursor.fetchone()
    return found[0] if found else ""
