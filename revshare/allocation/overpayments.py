"""Accounts below zero, found by a cycle's calculation and made debts: from then on what is earned is paid but for what
the policy's schedule takes back."""

from datetime import date, timedelta

from django.db import connection, transaction

from revshare.allocation.balances import BALANCES
from revshare.allocation.passing_on import SPLIT_JOURNAL
from revshare.audit_trail.operations import Act, record
from revshare.errors import Conflict
from revshare.lake import check_part, copy_in, copy_out, csv_scan, duck, literal, part, spool
from revshare.ledger.operations import post
from revshare.ledger.queries import MOVED, MOVED_BY, last_journal
from revshare.recoupments.models import Debt
from revshare.recoupments.rules import JOURNALS, OVERPAYMENT

REASON = "The account was below zero when cycle {key} was calculated."
COLUMNS = {"contributor_id": "VARCHAR", "currency": "VARCHAR", "amount_micros": "BIGINT"}
NOBODY = "SELECT '' AS contributor_id, '' AS currency, 0 AS amount_micros WHERE false"
BELOW_ZERO = """
    SELECT contributor_id, currency, CAST(-sum(amount_micros) AS BIGINT) FROM (
        SELECT contributor_id, currency, amount_micros FROM moved
        UNION ALL SELECT contributor_id, currency, -amount_micros FROM passed_on
        UNION ALL {balances})
    GROUP BY contributor_id, currency HAVING sum(amount_micros) < 0
"""
DEBTS = """
    INSERT INTO recoupments_debt (contributor_id, currency, kind, amount_micros, reason, asked_at, asked_by, noticed_on,
                                  starts_on, cycle_id)
    SELECT contributor_id, currency, %s, amount_micros, %s, %s, %s, %s, %s, %s FROM below_zero
    ORDER BY contributor_id COLLATE "C", currency
"""
LEGS = """
    SELECT 'payable:' || contributor_id COLLATE "C" AS account, currency, 'C' AS side, amount_micros
    FROM recoupments_debt WHERE cycle_id = %s
    UNION ALL
    SELECT 'receivable', currency, 'D', sum(amount_micros)::bigint FROM recoupments_debt WHERE cycle_id = %s
    GROUP BY currency
"""
STEPS = """
    INSERT INTO recoupments_step (debt_id, action, source, target, text, at, by, amount_micros, journal_id)
    SELECT id, 'book', 'asked', 'booked', reason, asked_at, asked_by, amount_micros, %s FROM recoupments_debt
    WHERE cycle_id = %s ORDER BY id
"""


@transaction.atomic
def find_overpayments(
    *, cycle_id: int, key: str, before: str, journals_after: int, noticed_on: date, notice_days: int, act: Act
) -> int:
    """Makes a debt of every account that is below zero by the balances `before` (a file of the lake) and the journals
    since, but for what the cycle itself passes on of earnings that are not on the accounts yet; returns how many. Once
    per cycle. Raises LakeDamaged."""
    if Debt.objects.filter(cycle_id=cycle_id).exists():
        return 0
    with connection.cursor() as cursor:
        cursor.execute(
            "CREATE TEMP TABLE below_zero (contributor_id text, currency text, amount_micros bigint) ON COMMIT DROP"
        )
        _load(before, journals_after, key)
        reason, starts_on = REASON.format(key=key), noticed_on + timedelta(days=notice_days)
        cursor.execute(DEBTS, [OVERPAYMENT, reason, act.at, act.actor, noticed_on, starts_on, cycle_id])
        found = cursor.rowcount
        cursor.execute("DROP TABLE below_zero")
        if not found:
            return 0
        kind = JOURNALS[OVERPAYMENT]
        journal = post(kind=kind, key=key, legs_sql=LEGS, params=[cycle_id] * 2, act=act, cycle_id=cycle_id)
        assert journal is not None, "a debt is more than nothing"
        if journal.cycle_id != cycle_id:
            raise Conflict(f"Journal {kind} {key} was posted beside the cycle (number {journal.seq}).")
        cursor.execute(STEPS, [journal.seq, cycle_id])
    record(
        act=act, action="debt.found", object=f"cycle:{key}", detail={"debts": found, "journal": journal.seq}
    )  # fmt: skip
    return found


def _load(before: str, journals_after: int, key: str) -> None:
    balances = NOBODY
    if before:
        check_part(BALANCES, before)
        balances = (
            "SELECT contributor_id, currency, closing_micros FROM "
            f"read_parquet({literal(part(BALANCES, before))})"
        )  # fmt: skip
    with spool() as scratch, duck(scratch) as con:
        moved = MOVED.format(after=journals_after, upto=last_journal())
        for name, query, params in (("moved", moved, ()), ("passed_on", MOVED_BY, (SPLIT_JOURNAL, key))):
            draft = scratch / f"{name}.copy"
            copy_out(query, draft, list(params))
            con.execute(f"CREATE TEMP TABLE {name} AS SELECT * FROM {csv_scan(draft, COLUMNS)}")
        copy_in(
            con, BELOW_ZERO.format(balances=balances), table="below_zero",
            columns="contributor_id, currency, amount_micros",
        )  # fmt: skip
