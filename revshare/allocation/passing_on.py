"""What contributors earn in a cycle and pass on to others, by their splits. Before the allocation, so that it stands on
the statements of the same cycle as what was earned.

One step only: what somebody receives by a split is not passed on by splits of their own.
"""

from collections.abc import Sequence
from datetime import date
from pathlib import Path

import duckdb
from django.db import transaction

from revshare.allocation.earnings import earned
from revshare.allocation.models import PassedOn
from revshare.allocation.numerators import Numerators
from revshare.audit_trail.operations import Act
from revshare.errors import Conflict
from revshare.lake import copy_in, copy_out, csv_scan, duck, spool
from revshare.ledger.operations import post
from revshare.money import MICROS_PER_UNIT
from revshare.pools.models import Pool
from revshare.pools.rules import Pinned
from revshare.pools.sources import Sources
from revshare.splits.queries import in_force, in_force_query

SPLIT_JOURNAL = "split"
PART = {"contributor_id": "VARCHAR", "payee_id": "VARCHAR", "share_millionths": "BIGINT", "reason": "VARCHAR"}
COLUMNS = "cycle_id, contributor_id, payee_id, currency, earned_micros, share_millionths, amount_micros"
# By largest remainder, ties by ascending id, as `splits.rules.divide` does it one by one.
DIVIDED = f"""
    WITH payee AS (
        SELECT contributor_id, payee_id, sum(share_millionths) AS share FROM part GROUP BY ALL),
    side AS (
        SELECT * FROM payee UNION ALL
        SELECT contributor_id, contributor_id, {MICROS_PER_UNIT} - sum(share) FROM payee GROUP BY ALL),
    quota AS (
        SELECT *, CAST(earned_micros AS HUGEINT) * share // {MICROS_PER_UNIT} AS whole,
               CAST(earned_micros AS HUGEINT) * share % {MICROS_PER_UNIT} AS remainder
        FROM side JOIN earned USING (contributor_id)),
    ranked AS (
        SELECT *, row_number() OVER (one ORDER BY remainder DESC, payee_id) AS place,
               earned_micros - sum(whole) OVER one AS left_over
        FROM quota WINDOW one AS (PARTITION BY contributor_id, currency))
    SELECT {{cycle:d}} AS cycle_id, contributor_id, payee_id, currency, earned_micros, CAST(share AS INTEGER),
           CAST(whole + CASE WHEN place <= left_over THEN 1 ELSE 0 END AS BIGINT)
    FROM ranked WHERE payee_id <> contributor_id ORDER BY contributor_id, payee_id, currency
"""
LEGS = """
    SELECT 'payable:' || person COLLATE "C" AS account, currency,
           CASE WHEN sum(amount) > 0 THEN 'C' ELSE 'D' END AS side, abs(sum(amount))::bigint AS amount_micros
    FROM (SELECT payee_id AS person, currency, amount_micros AS amount FROM allocation_passed_on WHERE cycle_id = %s
          UNION ALL
          SELECT contributor_id, currency, -amount_micros FROM allocation_passed_on WHERE cycle_id = %s) sides
    GROUP BY person, currency HAVING sum(amount) <> 0
"""


@transaction.atomic
def pass_on(
    *, cycle_id: int, key: str, day: date, pools: Sequence[Pool], sources: Sources, pinned: Pinned, act: Act
) -> int:
    """Writes what of the earnings of a cycle is others', by the splits in force on `day`, and posts it as one journal
    under the cycle's key; returns how many such parts there are. Done once per cycle. Raises LakeDamaged."""
    names = sorted({part.contributor_id for part in in_force(day=day, upto_arrival=pinned.upto_arrival)})
    shared = [pool for pool in pools if pool.denominator_ticks and pool.distributable_micros]
    if not names or not shared or PassedOn.objects.filter(cycle_id=cycle_id).exists():
        return 0
    with spool() as scratch, duck(scratch) as con:
        versions = sorted({version for pool in shared for version in pool.versions})
        numerators = Numerators(con, sources=sources, pinned=pinned, versions=versions, scratch=scratch)
        con.register("earned", earned(shared, numerators, sources.rulebook, names))
        load_parts(con, day, pinned, scratch)
        parts = copy_in(con, DIVIDED.format(cycle=cycle_id), table=PassedOn._meta.db_table, columns=COLUMNS)
    journal = post(kind=SPLIT_JOURNAL, key=key, legs_sql=LEGS, params=[cycle_id] * 2, act=act, cycle_id=cycle_id)
    if journal is not None and journal.cycle_id != cycle_id:
        raise Conflict(f"Journal {SPLIT_JOURNAL} {key} was posted beside the cycle (number {journal.seq}).")
    return parts


def load_parts(con: duckdb.DuckDBPyConnection, day: date, pinned: Pinned, scratch: Path) -> None:
    draft = scratch / "part.copy"
    query, params = in_force_query(day=day, upto_arrival=pinned.upto_arrival)
    copy_out(query, draft, params)
    con.execute(f"CREATE TEMP TABLE part AS SELECT * FROM {csv_scan(draft, PART)}")
    draft.unlink()
