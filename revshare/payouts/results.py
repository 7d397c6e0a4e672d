"""What the bank says of payments, in: each result is booked once, `paid` as a payment, `returned` as its mirror."""

from itertools import groupby
from operator import itemgetter
from typing import Any

from django.db import connection

from revshare.audit_trail.operations import Act, record
from revshare.files.formats import PAYMENT_RESULTS
from revshare.files.models import IngestedFile
from revshare.files.repeats import except_repeated
from revshare.files.rules import amount_checks, id_checks, micros, reason, text_checks
from revshare.files.work import Work
from revshare.ledger.in_bulk import Posting, post_many
from revshare.ledger.operations import LegData
from revshare.ledger.queries import PAYABLE
from revshare.locks import Lock, hold
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
PAY = "ledger_journal pay ON pay.kind = 'payment' AND pay.key = p.payment_key"


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
        _post_payments(work.act)
        _post_returns(work.act)
        with connection.cursor() as cursor:
            for result, booked_by in ((PAID, "j.seq = pay.seq"), (RETURNED, "j.reverses_id = pay.seq")):
                # A payment that ended both ways in one file was paid first.
                cursor.execute(
                    f"UPDATE payouts_payment p SET state = i.result FROM {TABLE} i "
                    "WHERE i.payment_key = p.payment_key AND i.result = %s",
                    [result],
                )
                cursor.execute(
                    "INSERT INTO payouts_result "
                    "(payment_id, result, dated, reference, reason, amount_micros, journal_id, file_id) "
                    f"SELECT p.id, i.result, i.date::date, i.reference, i.reason, {MICROS}, j.seq, %s FROM {TABLE} i "
                    f"JOIN payouts_payment p ON p.payment_key = i.payment_key JOIN {PAY} "
                    f"JOIN ledger_journal j ON {booked_by} WHERE i.result = %s ORDER BY i.payment_key",
                    [file.pk, result],
                )
            cursor.execute(f"SELECT result, count(*) FROM {TABLE} GROUP BY result")
            booked = dict.fromkeys(RESULTS, 0) | dict(cursor.fetchall())
        if any(booked.values()):
            record(act=work.act, action="payouts.booked", object=f"file:{file.pk}", detail=booked)
        return {f"booked_{result}": count for result, count in booked.items()}


def _post_payments(act: Act) -> None:
    """A payment that comes back went out before: both are booked, also where the bank says only the second."""
    rows = _rows(
        "SELECT p.payment_key, p.contributor_id, p.account_currency, p.account_micros, p.currency, "
        f"coalesce((SELECT {MICROS} FROM {TABLE} i WHERE i.payment_key = p.payment_key AND i.result = '{PAID}'), "
        "p.amount_micros) FROM payouts_payment p "
        f"WHERE EXISTS (SELECT FROM {TABLE} i WHERE i.payment_key = p.payment_key) "
        "AND NOT EXISTS (SELECT FROM ledger_journal j WHERE j.kind = 'payment' AND j.key = p.payment_key) "
        "ORDER BY p.payment_key"
    )
    post_many(kind="payment", postings=[Posting(key, _legs(*payment)) for key, *payment in rows], act=act)


def _legs(
    contributor_id: str, account_currency: str, account_micros: int, currency: str, paid_micros: int
) -> list[LegData]:
    """Out of a balance in another currency it goes through the account fx, where the difference stays between the
    batch's rate and the bank's."""
    legs = [
        LegData(f"{PAYABLE}{contributor_id}", account_currency, "D", account_micros),
        LegData("bank", currency, "C", paid_micros),
    ]
    if account_currency != currency:
        legs += [LegData("fx", account_currency, "C", account_micros), LegData("fx", currency, "D", paid_micros)]
    return legs


def _post_returns(act: Act) -> None:
    """Each is the mirror of what was booked as paid."""
    rows = _rows(
        "SELECT p.payment_key, pay.seq, l.account, l.currency, CASE l.side WHEN 'D' THEN 'C' ELSE 'D' END, "
        f"l.amount_micros FROM {TABLE} i JOIN payouts_payment p ON p.payment_key = i.payment_key JOIN {PAY} "
        f"JOIN ledger_leg l ON l.journal_id = pay.seq WHERE i.result = '{RETURNED}' "
        "AND NOT EXISTS (SELECT FROM ledger_journal j WHERE j.reverses_id = pay.seq) ORDER BY p.payment_key"
    )
    postings = [
        Posting(key, [LegData(*leg) for _, _, *leg in legs], reverses=seq)
        for (key, seq), legs in groupby(rows, key=itemgetter(0, 1))
    ]
    post_many(kind="returned", postings=postings, act=act)


def _rows(query: str) -> list[tuple[Any, ...]]:
    with connection.cursor() as cursor:
        cursor.execute(query)
        return list(cursor.fetchall())
