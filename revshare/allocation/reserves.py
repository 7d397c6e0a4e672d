"""What a cycle keeps of what it earns contributors for refunds to come, and when that comes back.

Streams may have reserves of their own. Then what somebody keeps or gets by a split is of them in proportion to what
each earned the one who shares, in the order of their names, rounded down as it adds up
(`recoupments.rules.by_reserve`).
"""

from collections.abc import Iterator, Mapping

import duckdb
import pyarrow as pa
from django.db import connection

from revshare.allocation.models import PassedOn
from revshare.audit_trail.operations import Act
from revshare.lake import copy_in, copy_out, csv_scan, spool
from revshare.ledger.models import Journal
from revshare.ledger.operations import post, reverse
from revshare.policies.deductions import Reserve
from revshare.policies.rules import parse

RESERVE, RESERVE_RELEASE = "reserve", "reserve_release"
PASSED = f"SELECT contributor_id, payee_id, currency, amount_micros FROM {PassedOn._meta.db_table} WHERE cycle_id = %s"
PASSED_COLUMNS = {
    "contributor_id": "VARCHAR", "payee_id": "VARCHAR", "currency": "VARCHAR", "amount_micros": "BIGINT",
}  # fmt: skip
RULE = pa.schema([("reserve", pa.string()), ("numerator", pa.int64()), ("denominator", pa.int64())])
# `recoupments.rules.by_reserve`, of everybody at once. No product is of more than two amounts, so it fits in 128 bits.
KEPT = """
    CREATE TEMP TABLE kept AS
    WITH part AS (
        SELECT *, sum(earned_micros) OVER (PARTITION BY contributor_id, currency ORDER BY reserve) AS upto FROM earned),
    whole AS (
        SELECT contributor_id, currency, sum(earned_micros) AS whole FROM earned GROUP BY ALL),
    given AS (
        SELECT contributor_id, currency, sum(amount_micros) AS given FROM passed GROUP BY ALL),
    side AS (
        SELECT contributor_id, contributor_id AS person, currency, whole, whole - coalesce(given, 0) AS amount
        FROM whole LEFT JOIN given USING (contributor_id, currency)
        UNION ALL
        SELECT contributor_id, payee_id, currency, whole, amount_micros
        FROM passed JOIN whole USING (contributor_id, currency)),
    own AS (
        SELECT person AS contributor_id, currency, reserve,
               sum(amount * upto // whole - amount * (upto - earned_micros) // whole) AS micros
        FROM side JOIN part USING (contributor_id, currency) GROUP BY ALL)
    SELECT contributor_id, currency, reserve, CAST(micros * numerator // denominator AS BIGINT) AS amount_micros
    FROM own JOIN rule USING (reserve) WHERE micros * numerator >= denominator
"""
# The same where no stream has a reserve of its own.
KEPT_OF_ALL = """
    CREATE TEMP TABLE kept AS
    SELECT contributor_id, currency, reserve,
           CAST(CAST(earned_micros AS HUGEINT) * numerator // denominator AS BIGINT) AS amount_micros
    FROM base CROSS JOIN rule WHERE CAST(earned_micros AS HUGEINT) * numerator >= denominator
"""
LEGS = """
    WITH own AS (SELECT * FROM kept_back WHERE reserve = %s)
    SELECT 'payable:' || contributor_id COLLATE "C" AS account, currency, 'D' AS side, amount_micros FROM own
    UNION ALL SELECT 'reserve', currency, 'C', sum(amount_micros)::bigint FROM own GROUP BY currency
"""


def keep_reserves(
    con: duckdb.DuckDBPyConnection, *, cycle_id: int, key: str, reserves: Mapping[str, Reserve], act: Act
) -> Iterator[Journal | None]:
    """Makes the table `kept` out of `earned`, or of `base` if all is under one reserve; and posts what is kept: a
    journal for each reserve of the policy."""
    rules = [(name, item.share.numerator, item.share.denominator) for name, item in reserves.items()]
    columns = list(zip(*rules, strict=True)) or [()] * len(RULE)
    con.register("rule", pa.table([pa.array(c, f.type) for c, f in zip(columns, RULE, strict=True)], schema=RULE))
    if reserves.keys() <= {""}:
        con.execute(KEPT_OF_ALL)
    else:
        _load_passed(con, cycle_id)
        con.execute(KEPT)
    columns_kept = "contributor_id, currency, reserve, amount_micros"
    with connection.cursor() as cursor:
        cursor.execute(
            "CREATE TEMP TABLE kept_back (contributor_id text, currency text, reserve text, amount_micros bigint) "
            "ON COMMIT DROP"
        )
        copy_in(con, f"SELECT {columns_kept} FROM kept", table="kept_back", columns=columns_kept)
        for name in reserves:
            yield post(
                kind=RESERVE, key=reserve_key(key, name), legs_sql=LEGS, params=[name], act=act, cycle_id=cycle_id
            )
        cursor.execute("DROP TABLE kept_back")


def _load_passed(con: duckdb.DuckDBPyConnection, cycle_id: int) -> None:
    with spool() as scratch:
        draft = scratch / "passed.copy"
        copy_out(PASSED, draft, [cycle_id])
        con.execute(f"CREATE TEMP TABLE passed AS SELECT * FROM {csv_scan(draft, PASSED_COLUMNS)}")


def reserve_key(cycle: str, table: str) -> str:
    """The journal's key of what a cycle keeps by a reserve: no cycle has a key with a slash."""
    return f"{cycle}/{table}" if table else cycle


def release_reserves(*, calculation: int, act: Act) -> list[Journal]:
    """Gives back the reserves that were kept so many cycles before this calculation as their own policies say."""
    kept = Journal.objects.filter(kind=RESERVE, cycle__calculation__isnull=False, reverses=None, reversed_by=None)
    return [
        reverse(journal=journal, act=act, kind=RESERVE_RELEASE, key=journal.key)
        for journal in kept.select_related("cycle__policy").order_by("seq")
        if due_in(journal) <= calculation
    ]


def due_in(journal: Journal) -> int:
    """The number of the calculation that releases a reserve."""
    cycle = journal.cycle
    assert cycle is not None, "a reserve is a cycle's"
    assert cycle.calculation is not None, "cycles calculate one by one"
    reserves = {reserve_key(cycle.key, name): reserve for name, reserve in parse(cycle.policy.text).reserves.items()}
    assert journal.key in reserves, "a policy never changes"
    return cycle.calculation + reserves[journal.key].cycles
