"""What the bank says of payments, in: each result is booked once, `paid` as a payment, `returned` as its mirror."""

from typing import Any

from django.db import connection

from revshare.audit_trail.operations import Act, record
from revshare.files.formats import PAYMENT_RESULTS
from revshare.files.models import IngestedFile
from revshare.files.repeats import except_repeated
from revshare.files.rules import amount_checks, id_checks, micros, reason, text_checks
from revshare.files.work import Work
from revshare.ledger.models import Journal
from revshare.ledger.operations import LegData, post_legs, reverse
from revshare.ledger.queries import PAYABLE
from revshare.locks import Lock, hold
from revshare.payouts.models import Payment, PaymentResult
from revshare.payouts.rules import RESULTS
from revshare.periods import DAY_PATTERN

TABLE = "incoming_result"
STAGED = {
    "row": "bigint",
    "payment_key": 'text COLLATE "C"',
    **dict.fromkeys(("result", "date", "reference", "reason", "amount"), "text"),
}
PAID, RETURNED = RESULTS
MICROS = "(nullif(i.amount, '')::numeric * 1000000)::bigint"


class PaymentResultIntake:
    """Takes files of payment results."""

    kind = PAYMENT_RESULTS
    numbered = False
    plain = None

    def check(self, work: Work) -> None:
        known = ", ".join(f"'{result}'" for result in RESULTS)
        work.except_rows(
            "SELECT row, 'quarantined' AS outcome, CASE "
            + id_checks("payment_key", printable=work.printable)
            + f"WHEN result NOT IN ({known}) THEN {reason('result_unknown', 'result')} "
            + f"WHEN NOT regexp_full_match(date, '{DAY_PATTERN}') OR TRY_CAST(date AS DATE) IS NULL "
            + f"THEN {reason('date_syntax', 'date')} "
            + id_checks("reference", printable=work.printable)
            + text_checks("reason")
            + amount_checks("amount", required=False)
            + f"WHEN amount <> '' AND {micros('amount')} <= 0 THEN {reason('paid_nothing', 'amount')} "
            + "END AS reason FROM raw"
        )
        content = "struct_pack(date := date, reference := reference, reason := reason, amount := amount)"
        except_repeated(work, key=("payment_key", "result"), content=content)

    def settle(self, work: Work) -> None:
        hold(Lock.PAYOUTS)
        work.stage(TABLE, STAGED)
        same = (
            "r.dated = i.date::date AND r.reference = i.reference AND r.reason = i.reason "
            f"AND r.amount_micros IS NOT DISTINCT FROM {MICROS}"
        )
        # At a rate the bank may pay another amount than it was told; it gives back what it paid.
        differs = (
            f"{MICROS} <> CASE WHEN i.result = '{PAID}' AND p.account_currency <> p.currency THEN {MICROS} "
            "ELSE coalesce(paid.amount_micros, p.amount_micros) END"
        )
        work.except_found(
            f"SELECT i.row, CASE WHEN {same} THEN 'duplicate' ELSE 'quarantined' END AS outcome, CASE "
            "WHEN p.id IS NULL THEN 'payment_unknown@payment_key' "
            "WHEN b.state <> 'exported' THEN 'payment_not_exported@payment_key' "
            f"WHEN {same} THEN '' WHEN r.id IS NOT NULL THEN 'conflicting_duplicate@payment_key' "
            f"WHEN i.result = '{PAID}' AND p.state = '{RETURNED}' THEN 'payment_returned@result' "
            f"WHEN {differs} THEN 'amount_differs@amount' END AS reason "
            f"FROM {TABLE} i LEFT JOIN payouts_payment p ON p.payment_key = i.payment_key "
            "LEFT JOIN payouts_batch b ON b.id = p.batch_id "
            "LEFT JOIN payouts_result r ON r.payment_id = p.id AND r.result = i.result "
            f"LEFT JOIN payouts_result paid ON paid.payment_id = p.id AND paid.result = '{PAID}'"
        )

    def store(self, work: Work, file: IngestedFile) -> dict[str, Any]:
        work.drop_excepted(TABLE)
        with connection.cursor() as cursor:
            cursor.execute(
                f"SELECT payment_key, result, date, reference, reason, {MICROS} FROM {TABLE} i "
                f"ORDER BY result <> '{PAID}', payment_key"
            )
            rows = cursor.fetchall()
        payments = Payment.objects.in_bulk([row[0] for row in rows], field_name="payment_key")
        booked = dict.fromkeys(RESULTS, 0)
        for key, result, dated, reference, why, paid_micros in rows:
            payment = payments[key]
            journal = _book(payment, result, paid_micros or payment.amount_micros, work.act)
            PaymentResult.objects.create(
                payment=payment, result=result, dated=dated, reference=reference, reason=why, journal=journal,
                amount_micros=paid_micros, file=file,
            )  # fmt: skip
            booked[result] += 1
        if rows:
            record(act=work.act, action="payouts.booked", object=f"file:{file.pk}", detail=booked)
        return {f"booked_{result}": count for result, count in booked.items()}


def _book(payment: Payment, result: str, paid_micros: int, act: Act) -> Journal:
    """A payment that comes back went out before: both are booked, also where the bank says only the second."""
    journal = Journal.objects.filter(kind="payment", key=payment.payment_key).first()
    if journal is None or result == PAID:
        legs = _legs(payment, paid_micros)
        journal = post_legs(kind="payment", key=payment.payment_key, legs=legs, act=act)
    assert journal is not None, "a payment is more than nothing"
    if result == RETURNED:
        journal = reverse(journal=journal, act=act, kind="returned", key=payment.payment_key)
    payment.state = result
    payment.save(update_fields=["state"])
    return journal


def _legs(payment: Payment, paid_micros: int) -> list[LegData]:
    """Out of a balance in another currency it goes through the account fx, where the difference stays between the
    batch's rate and the bank's."""
    legs = [
        LegData(f"{PAYABLE}{payment.contributor_id}", payment.account_currency, "D", payment.account_micros),
        LegData("bank", payment.currency, "C", paid_micros),
    ]
    if payment.account_currency != payment.currency:
        legs += [
            LegData("fx", payment.account_currency, "C", payment.account_micros),
            LegData("fx", payment.currency, "D", paid_micros),
        ]
    return legs
