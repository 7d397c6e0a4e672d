"""What the bank says of payments, in: each result is booked once, `paid` as a payment, `returned` as its mirror."""

from typing import Any

from django.db import connection

from revshare.audit_trail.operations import Act, record
from revshare.files.formats import PAYMENT_RESULTS
from revshare.files.models import IngestedFile
from revshare.files.repeats import except_repeated
from revshare.files.rules import id_checks, reason, text_checks
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
    **dict.fromkeys(("result", "date", "reference", "reason"), "text"),
}
PAID, RETURNED = RESULTS
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
            + "END AS reason FROM raw"
        )
        content = "struct_pack(date := date, reference := reference, reason := reason)"
        except_repeated(work, key=("payment_key", "result"), content=content)

    def settle(self, work: Work) -> None:
        hold(Lock.PAYOUTS)
        work.stage(TABLE, STAGED)
        same = "r.dated = i.date::date AND r.reference = i.reference AND r.reason = i.reason"
        work.except_found(
            f"SELECT i.row, CASE WHEN {same} THEN 'duplicate' ELSE 'quarantined' END AS outcome, CASE "
            "WHEN p.id IS NULL THEN 'payment_unknown@payment_key' "
            "WHEN b.state <> 'exported' THEN 'payment_not_exported@payment_key' "
            f"WHEN {same} THEN '' WHEN r.id IS NOT NULL THEN 'conflicting_duplicate@payment_key' "
            f"WHEN i.result = '{PAID}' AND p.state = '{RETURNED}' THEN 'payment_returned@result' END AS reason "
            f"FROM {TABLE} i LEFT JOIN payouts_payment p ON p.payment_key = i.payment_key "
            "LEFT JOIN payouts_batch b ON b.id = p.batch_id "
            "LEFT JOIN payouts_result r ON r.payment_id = p.id AND r.result = i.result"
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
                    "INSERT INTO payouts_result (payment_id, result, dated, reference, reason, journal_id, file_id) "
                    f"SELECT p.id, i.result, i.date::date, i.reference, i.reason, j.seq, %s FROM {TABLE} i "
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
        "SELECT p.payment_key, p.contributor_id, p.currency, p.amount_micros FROM payouts_payment p "
        f"WHERE EXISTS (SELECT FROM {TABLE} i WHERE i.payment_key = p.payment_key) "
        "AND NOT EXISTS (SELECT FROM ledger_journal j WHERE j.kind = 'payment' AND j.key = p.payment_key) "
        "ORDER BY p.payment_key"
    )
    postings = [
        Posting(key, _legs(contributor_id, currency, micros, "DC")) for key, contributor_id, currency, micros in rows
    ]
    post_many(kind="payment", postings=postings, act=act)


def _post_returns(act: Act) -> None:
    rows = _rows(
        f"SELECT p.payment_key, p.contributor_id, p.currency, p.amount_micros, pay.seq FROM {TABLE} i "
        f"JOIN payouts_payment p ON p.payment_key = i.payment_key JOIN {PAY} WHERE i.result = '{RETURNED}' "
        "AND NOT EXISTS (SELECT FROM ledger_journal j WHERE j.reverses_id = pay.seq) ORDER BY p.payment_key"
    )
    postings = [
        Posting(key, _legs(contributor_id, currency, micros, "CD"), reverses=seq)
        for key, contributor_id, currency, micros, seq in rows
    ]
    post_many(kind="returned", postings=postings, act=act)


def _legs(contributor_id: str, currency: str, micros: int, sides: str) -> list[LegData]:
    return [
        LegData(f"{PAYABLE}{contributor_id}", currency, sides[0], micros), LegData("bank", currency, sides[1], micros)
    ]  # fmt: skip


def _rows(query: str) -> list[tuple[Any, ...]]:
    with connection.cursor() as cursor:
        cursor.execute(query)
        return list(cursor.fetchall())
