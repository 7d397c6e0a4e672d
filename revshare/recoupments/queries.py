"""Reads: where debts stand, and what is left of each."""

from collections import defaultdict
from dataclasses import dataclass
from datetime import date
from typing import Any

from django.db import connection
from django.db.models import BigIntegerField, Case, F, Max, OuterRef, QuerySet, Subquery, Sum, TextField, Value, When
from django.db.models.functions import Coalesce

from revshare.errors import NotFound
from revshare.ledger.places import on_roll_of
from revshare.recoupments.models import Debt, DebtStep, Recouped
from revshare.recoupments.rules import ASKED, BOOKED, Owed

# What a lock found booked and not written off, and may be taken back from the cycle that ends on a day; of each what
# the cycles calculated before have left. Parameters: the number of the calculation, the last step that the lock found
# (twice), the day.
DUE = """
    SELECT d.id AS debt_id, d.contributor_id, d.currency,
           d.amount_micros - coalesce((SELECT sum(r.amount_micros) FROM recoupments_recouped r
                                       JOIN cycles_cycle c ON c.id = r.cycle_id
                                       WHERE r.debt_id = d.id AND c.calculation < %s), 0)::bigint AS left_micros
    FROM recoupments_debt d
    JOIN recoupments_step b ON b.debt_id = d.id AND b.target = 'booked' AND b.id <= %s
    WHERE NOT EXISTS (SELECT FROM recoupments_step w WHERE w.debt_id = d.id AND w.target = 'written_off' AND w.id <= %s)
        AND d.starts_on < %s
"""
BALANCE = """
    SELECT coalesce(sum(amount), 0)::bigint FROM (
        SELECT CASE side WHEN 'C' THEN amount_micros ELSE -amount_micros END AS amount
        FROM ledger_leg WHERE account = 'payable:' || %(contributor)s AND currency = %(currency)s
        UNION ALL
        SELECT a.earned_micros FROM ledger_account a
        JOIN ledger_journal j ON j.cycle_id = a.cycle_id AND j.kind = 'allocation'
        WHERE a.contributor_id = %(contributor)s AND a.currency = %(currency)s
            AND {on_roll}
    ) legs
""".format(on_roll=on_roll_of("a", "%(contributor)s"))


def with_state() -> QuerySet[Debt, Any]:
    """Debts, each with its `state`, what was `recouped_micros`, and what is `left_micros`: nothing unless booked."""
    last = DebtStep.objects.filter(debt=OuterRef("pk")).order_by("-pk").values("target")[:1]
    sums = Recouped.objects.filter(debt=OuterRef("pk")).order_by().values("debt").annotate(sum=Sum("amount_micros"))
    whole = BigIntegerField()
    return Debt.objects.annotate(
        state=Coalesce(Subquery(last), Value(ASKED, TextField())),
        recouped_micros=Coalesce(Subquery(sums.values("sum"), output_field=whole), 0, output_field=whole),
    ).annotate(
        left_micros=Case(
            When(state=BOOKED, then=F("amount_micros") - F("recouped_micros")), default=0, output_field=whole
        )
    )


def find(number: int) -> Any:
    """A debt with its `state` and `left_micros`. Raises NotFound."""
    debt = with_state().filter(pk=number).first()
    if debt is None:
        raise NotFound(f"There is no debt {number}: `debts list` shows those there are.")
    return debt


def last_step() -> int:
    """The number of the last step: what a lock pins."""
    return DebtStep.objects.aggregate(last=Max("pk"))["last"] or 0


def due_query(*, calculation: int, ends_on: date, upto_step: int) -> tuple[str, list[Any]]:
    """What a cycle may take back of debts, as SQL: debt_id, contributor_id, currency, left_micros."""
    return DUE, [calculation, upto_step, upto_step, ends_on]


def due(*, calculation: int, ends_on: date, upto_step: int) -> dict[tuple[str, str], list[Owed]]:
    """The same by contributor and currency, the first debt first."""
    found: dict[tuple[str, str], list[Owed]] = defaultdict(list)
    with connection.cursor() as cursor:
        query, params = due_query(calculation=calculation, ends_on=ends_on, upto_step=upto_step)
        cursor.execute(f"{query} ORDER BY d.id", params)
        for debt, contributor_id, currency, left in cursor.fetchall():
            found[contributor_id, currency].append(Owed(debt, left))
    return found


def balance_micros(*, contributor_id: str, currency: str) -> int:
    """What an account holds by all that is posted."""
    with connection.cursor() as cursor:
        cursor.execute(BALANCE, {"contributor": contributor_id, "currency": currency})
        return int(cursor.fetchone()[0])


def locked_cycle() -> str:
    """The key of a cycle that is locked and not calculated yet; '' if there is none."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT key FROM cycles_cycle WHERE state = 'locked' ORDER BY id LIMIT 1")
        row = cursor.fetchone()
    return row[0] if row else ""


@dataclass(frozen=True)
class Owing:
    """What a contributor is told of a debt of theirs: what was left of it by the last published cycle."""

    debt: int
    kind: str
    currency: str
    amount_micros: int
    left_micros: int
    starts_on: date


OWING = """
    SELECT d.id, d.kind, d.currency, d.amount_micros,
           (d.amount_micros - coalesce((
               SELECT sum(r.amount_micros) FROM recoupments_recouped r
               JOIN cycles_cycle c ON c.id = r.cycle_id AND c.state IN ('published', 'settled')
               WHERE r.debt_id = d.id), 0))::bigint AS left_micros, d.starts_on
    FROM recoupments_debt d LEFT JOIN cycles_cycle found ON found.id = d.cycle_id
    WHERE d.contributor_id = %s AND (d.cycle_id IS NULL OR found.state IN ('published', 'settled'))
        AND (SELECT target FROM recoupments_step WHERE debt_id = d.id ORDER BY id DESC LIMIT 1) = 'booked'
    ORDER BY d.id
"""


def owing(contributor_id: str) -> list[Owing]:
    """The debts of a contributor of which anything is left, by what is published."""
    with connection.cursor() as cursor:
        cursor.execute(OWING, [contributor_id])
        return [debt for debt in (Owing(*row) for row in cursor.fetchall()) if debt.left_micros]


@dataclass(frozen=True)
class TakenBack:
    """What a cycle took back of a debt, and what was left of it then."""

    debt: int
    kind: str
    amount_micros: int
    left_micros: int


LEFT_THEN = """
    SELECT d.id, d.kind, r.amount_micros, (d.amount_micros - sum(b.amount_micros))::bigint
    FROM recoupments_recouped r JOIN recoupments_debt d ON d.id = r.debt_id
    JOIN recoupments_recouped b ON b.debt_id = d.id AND b.id <= r.id
    WHERE r.cycle_id = %s AND d.contributor_id = %s AND d.currency = %s GROUP BY d.id, r.id ORDER BY d.id
"""


def taken_back(*, cycle_id: int, contributor_id: str, currency: str) -> list[TakenBack]:
    """What a cycle took back of somebody's debts."""
    with connection.cursor() as cursor:
        cursor.execute(LEFT_THEN, [cycle_id, contributor_id, currency])
        return [TakenBack(*row) for row in cursor.fetchall()]
