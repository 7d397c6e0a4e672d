"""What a cycle keeps back of what it earns contributors: a reserve for refunds to come, and what they owe. Before the
allocation, so that it stands on the statements of the same cycle as what was earned.

Earned is here what the pools give, less what splits pass on and with what they bring. The reserve comes first; debts
take of the rest, the first debt first, never more than the policy's limit; and all that comes back of earlier reserves.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from fractions import Fraction
from pathlib import Path
from typing import Any

import duckdb
import pyarrow as pa
from django.db import transaction

from revshare.allocation.earnings import earned
from revshare.allocation.numerators import Numerators
from revshare.allocation.overpayments import find_overpayments
from revshare.allocation.passing_on import SPLIT_JOURNAL
from revshare.allocation.reserves import RESERVE_RELEASE, keep_reserves, release_reserves
from revshare.audit_trail.operations import Act
from revshare.errors import Conflict
from revshare.lake import copy_in, copy_out, csv_scan, duck, spool
from revshare.ledger.models import Journal
from revshare.ledger.operations import post
from revshare.ledger.queries import MOVED_BY, MOVED_SINCE
from revshare.policies.deductions import Recoupment
from revshare.pools.models import Pool
from revshare.pools.rules import Pinned
from revshare.pools.sources import Sources
from revshare.recoupments.models import Recouped
from revshare.recoupments.queries import due_query
from revshare.recoupments.rules import RECOUPMENT

MOVED_COLUMNS = {"contributor_id": "VARCHAR", "currency": "VARCHAR", "amount_micros": "BIGINT"}
DUE_COLUMNS = {"debt_id": "BIGINT", "contributor_id": "VARCHAR", "currency": "VARCHAR", "left_micros": "BIGINT"}
BASE = """
    CREATE TEMP TABLE base AS SELECT contributor_id, currency, CAST(sum(micros) AS BIGINT) AS earned_micros FROM (
        SELECT contributor_id, currency, earned_micros AS micros FROM earned
        UNION ALL SELECT contributor_id, currency, amount_micros FROM shared)
    GROUP BY ALL HAVING sum(micros) > 0
"""
SHARE = "CAST(CAST(earned_micros AS HUGEINT) * {numerator:d} // {denominator:d} AS BIGINT)"
# `recoupments.rules.taken`, of everybody at once.
TAKEN = """
    WITH limits AS (
        SELECT contributor_id, currency, earned_micros, released_micros,
               least({cap}, {at_most}, earned_micros - reserved_micros) + released_micros AS most
        FROM (SELECT contributor_id, currency, coalesce(b.earned_micros, 0) AS earned_micros,
                     coalesce(r.amount_micros, 0) AS released_micros, coalesce(k.amount_micros, 0) AS reserved_micros
              FROM base b FULL JOIN came_back r USING (contributor_id, currency)
              LEFT JOIN (SELECT contributor_id, currency, CAST(sum(amount_micros) AS BIGINT) AS amount_micros
                         FROM kept GROUP BY ALL) k USING (contributor_id, currency))),
    ranked AS (
        SELECT *, coalesce(sum(left_micros) OVER (PARTITION BY contributor_id, currency ORDER BY debt_id
                           ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING), 0) AS before
        FROM due JOIN limits USING (contributor_id, currency))
    SELECT debt_id, {cycle:d}, earned_micros, released_micros, CAST(least(left_micros, most - before) AS BIGINT)
    FROM ranked WHERE left_micros > 0 AND most > before ORDER BY debt_id
"""
RECOUPED = """
    WITH taken AS (
        SELECT d.contributor_id, d.currency, d.kind, r.amount_micros FROM recoupments_recouped r
        JOIN recoupments_debt d ON d.id = r.debt_id WHERE r.cycle_id = %s)
    SELECT 'payable:' || contributor_id COLLATE "C" AS account, currency, 'D' AS side,
           sum(amount_micros)::bigint AS amount_micros FROM taken GROUP BY 1, 2
    UNION ALL
    SELECT CASE kind WHEN 'advance' THEN 'advance' ELSE 'receivable' END, currency, 'C', sum(amount_micros)::bigint
    FROM taken GROUP BY 1, 2
"""


@dataclass(frozen=True)
class Deducted:
    """The cycle that keeps something back: `calculation`, its number among those calculated; the lake's file of the
    balances `before` it ('' if there is none), and the last journal that is on statements."""

    cycle_id: int
    key: str
    ends_on: date
    calculation: int
    before: str
    journals_after: int


@transaction.atomic
def deduct(*, cycle: Deducted, pools: Sequence[Pool], sources: Sources, pinned: Pinned, act: Act) -> None:
    """Releases the reserves that are due, makes debts of accounts below zero, and keeps back a reserve and what is due
    of debts, as the policy says. Each is done once per cycle. Raises LakeDamaged."""
    release_reserves(calculation=cycle.calculation, act=act)
    reserves, recoupment = sources.rulebook.reserves, sources.rulebook.recoupment
    if recoupment:
        find_overpayments(
            cycle_id=cycle.cycle_id, key=cycle.key, before=cycle.before, journals_after=cycle.journals_after,
            noticed_on=cycle.ends_on, notice_days=recoupment.notice_days, act=act,
        )  # fmt: skip
    if not (reserves or recoupment):
        return
    with spool() as scratch, duck(scratch) as con:
        debtors = _load_due(con, cycle, pinned, scratch) if recoupment else []
        if not (reserves or debtors):
            return
        shared = [pool for pool in pools if pool.denominator_ticks and pool.distributable_micros]
        versions = sorted({version for pool in shared for version in pool.versions})
        numerators = Numerators(con, sources=sources, pinned=pinned, versions=versions, scratch=scratch)
        _load_earned(con, shared, numerators, sources, None if reserves else debtors)
        _load_moved(con, "shared", MOVED_BY, [SPLIT_JOURNAL, cycle.key], scratch)
        _load_moved(con, "came_back", MOVED_SINCE, [RESERVE_RELEASE, cycle.journals_after], scratch)
        con.execute(BASE)
        for journal in keep_reserves(con, cycle_id=cycle.cycle_id, key=cycle.key, reserves=reserves, act=act):
            _own(journal, cycle)
        if recoupment and debtors:
            _take_back(con, cycle, recoupment, act)


def _load_earned(
    con: duckdb.DuckDBPyConnection, pools: Sequence[Pool], numerators: Numerators, sources: Sources,
    names: Sequence[str] | None,
) -> None:  # fmt: skip
    """Makes the table `earned`: of these people (else: everybody), by currency and by the reserve it is under."""
    own = sources.rulebook.reserves.keys()
    tables = []
    for name in ("", *sorted(own - {""})):
        under = [pool for pool in pools if (pool.table if pool.table in own else "") == name]
        found = earned(under, numerators, sources.rulebook, names)
        tables.append(found.append_column("reserve", pa.repeat(name, len(found))))
    con.register("earned", pa.concat_tables(tables))


def _take_back(con: duckdb.DuckDBPyConnection, cycle: Deducted, recoupment: Recoupment, act: Act) -> None:
    if not Recouped.objects.filter(cycle_id=cycle.cycle_id).exists():
        cases = "".join(f"WHEN '{code}' THEN {micros:d} " for code, micros in recoupment.at_most_micros.items())
        query = TAKEN.format(
            cap=_share(recoupment.cap),
            at_most=f"CASE currency {cases}ELSE earned_micros END" if cases else "earned_micros",
            cycle=cycle.cycle_id,
        )  # fmt: skip
        columns = "debt_id, cycle_id, earned_micros, released_micros, amount_micros"
        copy_in(con, query, table=Recouped._meta.db_table, columns=columns)
    params = [cycle.cycle_id]
    _own(post(kind=RECOUPMENT, key=cycle.key, legs_sql=RECOUPED, params=params, act=act, cycle_id=params[0]), cycle)


def _share(share: Fraction) -> str:
    """Of what was earned, rounded down."""
    return SHARE.format(numerator=share.numerator, denominator=share.denominator)


def _own(journal: Journal | None, cycle: Deducted) -> None:
    if journal is not None and journal.cycle_id != cycle.cycle_id:
        raise Conflict(f"Journal {journal.kind} {cycle.key} was posted beside the cycle (number {journal.seq}).")


def _load_due(con: duckdb.DuckDBPyConnection, cycle: Deducted, pinned: Pinned, scratch: Path) -> list[str]:
    """Makes the table `due`; returns whose debts are in it."""
    draft = scratch / "due.copy"
    query, params = due_query(
        calculation=cycle.calculation, ends_on=cycle.ends_on, upto_step=pinned.upto_debt_step
    )  # fmt: skip
    copy_out(query, draft, params)
    con.execute(f"CREATE TEMP TABLE due AS SELECT * FROM {csv_scan(draft, DUE_COLUMNS)}")
    draft.unlink()
    return [name for (name,) in con.execute("SELECT DISTINCT contributor_id FROM due ORDER BY 1").fetchall()]


def _load_moved(con: duckdb.DuckDBPyConnection, name: str, query: str, params: list[Any], scratch: Path) -> None:
    """Makes a table of what journals moved, by account."""
    draft = scratch / f"{name}.copy"
    copy_out(query, draft, params)
    con.execute(f"CREATE TEMP TABLE {name} AS SELECT * FROM {csv_scan(draft, MOVED_COLUMNS)}")
    draft.unlink()
