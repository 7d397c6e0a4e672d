"""One cycle's entries, row by row, against all that sums them up or follows from them: the controls under which they
were posted, the statements, the balances before and after.

They are copied out of the database once, in order, and looked at by DuckDB and numpy: a million contributors take
seconds, and memory is bounded.
"""

from collections import defaultdict
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import duckdb
import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
from django.db.models import QuerySet

from revshare.allocation.balances import BALANCES
from revshare.arrow_texts import opened
from revshare.cycles.models import Cycle
from revshare.lake import LakeDamaged, check_part, copy_out, csv_scan, duck, literal, part, spool
from revshare.ledger.models import AccountControl, PoolControl
from revshare.ledger.rules import ColumnsHash
from revshare.policies.rules import parse
from revshare.policies.terms import Terms
from revshare.pools.models import Pool
from revshare.verification.findings import Finding

COLUMNS = {
    "contributor_id": "VARCHAR", "pool_id": "INTEGER", "statement_no": "INTEGER", "numerator_ticks": "BIGINT",
    "amount_micros": "BIGINT", "opening_micros": "BIGINT", "earned_micros": "BIGINT", "statement_lines": "INTEGER",
}  # fmt: skip
POOL = [
    ("pool_id", pa.int32()), ("kind", pa.string()), ("currency", pa.string()), ("distributable_micros", pa.int64()),
    ("denominator_ticks", pa.int64()), ("limited", pa.bool_()),
]  # fmt: skip
ROWS_AT_ONCE = 250_000
NO_BALANCES = "(SELECT ''::VARCHAR AS contributor_id, ''::VARCHAR AS currency, 0::BIGINT AS closing_micros WHERE false)"
MOVED = "CASE kind WHEN 'movements' THEN amount_micros ELSE 0 END"
QUOTA = "CAST(distributable_micros AS HUGEINT) * numerator_ticks"
TICKS = "nullif(denominator_ticks, 0)"  # of pools of movements there is no quota
STATEMENT = "contributor_id, currency"
# Each gives (where, is, should be) of the first thing that is wrong.
WRONG_AMOUNT = f"""
    SELECT 'pool ' || pool_id || ' ' || contributor_id, amount_micros, {QUOTA} // {TICKS} FROM entry
    WHERE NOT limited AND amount_micros NOT BETWEEN {QUOTA} // {TICKS}
        AND ({QUOTA} + denominator_ticks - 1) // {TICKS}
    ORDER BY contributor_id, pool_id LIMIT 1
"""
WRONG_STATEMENT = f"""
    SELECT contributor_id || ' ' || currency, sum(amount_micros - {MOVED}), sum(earned_micros) FROM (
        SELECT *, dense_rank() OVER (ORDER BY currency, contributor_id) AS place FROM entry)
    GROUP BY {STATEMENT}
    HAVING count(*) FILTER (statement_lines > 0) <> 1 OR sum(statement_lines) <> count(*)
        OR max(pool_id) FILTER (statement_lines > 0) <> max(pool_id)
        OR sum(earned_micros) <> sum(amount_micros - {MOVED}) OR min(statement_no) <> max(statement_no)
        OR min(statement_no) <> min(place)
        OR count(*) FILTER (statement_lines = 0 AND (opening_micros <> 0 OR earned_micros <> 0)) > 0
    ORDER BY currency, contributor_id LIMIT 1
"""
WRONG_OPENING = f"""
    SELECT contributor_id || ' ' || currency, opening_micros, coalesce(closing_micros, 0)
    FROM entry LEFT JOIN before USING ({STATEMENT})
    WHERE statement_lines > 0 AND opening_micros <> coalesce(closing_micros, 0)
    ORDER BY currency, contributor_id LIMIT 1
"""
WRONG_BALANCE = f"""
    WITH touched AS (
        SELECT {STATEMENT}, opening_micros + earned_micros + {MOVED} AS closing FROM entry WHERE statement_lines > 0),
    should AS (
        SELECT * FROM touched
        UNION ALL SELECT {STATEMENT}, closing_micros FROM before ANTI JOIN touched USING ({STATEMENT}))
    SELECT contributor_id || ' ' || currency, coalesce(closing_micros, 0), coalesce(closing, 0)
    FROM should FULL JOIN after USING ({STATEMENT})
    WHERE closing IS DISTINCT FROM closing_micros
    ORDER BY currency, contributor_id LIMIT 1
"""
# What exports read in place of the entries.
WRONG_EARNED = f"""
    WITH should AS (SELECT {STATEMENT}, statement_no, earned_micros FROM entry WHERE statement_lines > 0),
    kept AS (SELECT {STATEMENT}, file_row_number + 1 AS place, earned_micros FROM after WHERE earned_micros IS NOT NULL)
    SELECT contributor_id || ' ' || currency, kept.earned_micros || ' in place ' || place,
        should.earned_micros || ' in place ' || statement_no
    FROM should FULL JOIN kept USING ({STATEMENT})
    WHERE (should.earned_micros, statement_no) IS DISTINCT FROM (kept.earned_micros, place)
    ORDER BY currency, contributor_id LIMIT 1
"""


@dataclass(frozen=True)
class Entries:
    """A cycle's entries as a Parquet file: COLUMNS, and of each pool the currency and what it shares; in code-point
    order of contributors, then by pool. The view `entry` of the connection shows it."""

    con: duckdb.DuckDBPyConnection
    path: Path

    def batches(self) -> Iterator[pa.RecordBatch]:
        return pq.ParquetFile(self.path).iter_batches(batch_size=ROWS_AT_ONCE)


@contextmanager
def entries_of(cycle: Cycle, pools: QuerySet[Pool]) -> Iterator[Entries]:
    """The entries that stand in the ledger for this cycle."""
    with spool() as scratch, duck(scratch) as con:
        draft, path = scratch / "entries.copy", scratch / "entries.parquet"
        copy_out(f"SELECT {', '.join(COLUMNS)} FROM ledger_entry WHERE cycle_id = {cycle.pk:d}", draft)
        tables = parse(cycle.policy.text).tables
        rows = [
            (p.pk, p.kind, p.currency, p.distributable_micros, p.denominator_ticks, _is_limited(tables, p))
            for p in pools
        ]
        columns = zip(*rows, strict=True) if rows else [[]] * len(POOL)
        arrays = [pa.array(values, kind) for values, (_, kind) in zip(columns, POOL, strict=True)]
        con.register("pool", pa.table(arrays, pa.schema(POOL)))
        con.execute(
            f"COPY (SELECT * FROM {csv_scan(draft, COLUMNS)} JOIN pool USING (pool_id) "
            f"ORDER BY contributor_id, pool_id) TO {literal(path)} (FORMAT parquet)"
        )
        draft.unlink()
        con.execute(f"CREATE TEMP VIEW entry AS SELECT * FROM read_parquet({literal(path)})")
        yield Entries(con, path)


def _is_limited(tables: dict[str, Terms], pool: Pool) -> bool:
    """Whether caps or floors move its amounts away from the quotas."""
    terms = tables.get(pool.table)
    return terms is not None and terms.is_limited


def check_entries(cycle: Cycle, entries: Entries) -> Iterator[Finding]:
    """I5, I6, I16, I23: the entries are those that were posted, and all follows from them."""
    yield from _as_posted(cycle, entries)
    yield from _residues(cycle, entries)
    yield from _first(entries, "I16", cycle, "each amount is the quota rounded down or up", WRONG_AMOUNT)
    yield from _first(
        entries, "I5", cycle, "each statement's lines are what it earned, and its number is its place", WRONG_STATEMENT
    )
    yield from _balances(cycle, entries)


def _first(entries: Entries, invariant: str, cycle: Cycle, says: str, query: str) -> Iterator[Finding]:
    for where, actual, expected in entries.con.execute(query).fetchall():
        yield Finding(invariant, f"cycle {cycle.key} {where}", f"{says}: it is {actual}, it should be {expected}")


def _as_posted(cycle: Cycle, entries: Entries) -> Iterator[Finding]:
    """The hashes of the controls, which the journal and the digest of the result cover, are those of the entries."""
    pools: dict[int, ColumnsHash] = defaultdict(lambda: ColumnsHash(numbers=2))
    accounts: dict[str, ColumnsHash] = defaultdict(lambda: ColumnsHash(numbers=2))
    for batch in entries.batches():
        ids, pool_ids = batch["contributor_id"], _ints(batch, "pool_id")
        ticks, amounts = _ints(batch, "numerator_ticks"), _ints(batch, "amount_micros")
        for pool in np.unique(pool_ids):
            at = np.flatnonzero(pool_ids == pool)
            pools[int(pool)].update(_lines(ids, at), (ticks[at], amounts[at]))
        opening, earned = _ints(batch, "opening_micros"), _ints(batch, "earned_micros")
        last = _ints(batch, "statement_lines") > 0
        for currency in batch["currency"].unique().to_pylist():
            at = np.flatnonzero(last & _is(batch["currency"], currency))
            accounts[currency].update(_lines(ids, at), (opening[at], earned[at]))
    for control in PoolControl.objects.filter(cycle=cycle).order_by("pool_id"):
        own = pools[control.pool_id].hexdigest()
        if own != control.sha256:
            yield Finding("I23", f"cycle {cycle.key} pool {control.pool_id}", _hashes("entries", own, control.sha256))
            break
    for account in AccountControl.objects.filter(cycle=cycle).order_by("currency"):
        own = accounts[account.currency].hexdigest()
        if own != account.sha256:
            where = f"cycle {cycle.key} accounts in {account.currency}"
            yield Finding("I23", where, _hashes("accounts", own, account.sha256))
            break


def _hashes(what: str, own: str, posted: str) -> str:
    return f"the {what} have the hash {own}, when they were posted it was {posted}"


def _residues(cycle: Cycle, entries: Entries) -> Iterator[Finding]:
    """What of each pool was handed out one by one is what the quotas rounded down leave."""
    left = dict(
        entries.con.execute(
            f"SELECT pool_id, coalesce(sum(amount_micros - {QUOTA} // {TICKS}), 0) FROM entry "
            "WHERE NOT limited GROUP BY 1"
        ).fetchall()
    )
    for control in PoolControl.objects.filter(cycle=cycle, pool_id__in=left).order_by("pool_id"):
        if left[control.pool_id] != control.residue_micros:
            yield Finding(
                "I16", f"cycle {cycle.key} pool {control.pool_id}",
                f"the residue is {control.residue_micros}, it should be {left[control.pool_id]}",
            )  # fmt: skip
            return


def _balances(cycle: Cycle, entries: Entries) -> Iterator[Finding]:
    """Each account opens with what it closed with before; and the lake's file of all balances is the one before, but
    for what this cycle added."""
    before = Cycle.objects.filter(calculation__lt=cycle.calculation or 0).order_by("-calculation").first()
    for view, digest in (("before", before.balances_sha256 if before else ""), ("after", cycle.balances_sha256)):
        try:
            if digest:
                check_part(BALANCES, digest)
        except LakeDamaged as error:
            yield Finding("I6", f"cycle {cycle.key}", str(error))
            return
        scan = f"read_parquet({literal(part(BALANCES, digest))}, file_row_number=true)" if digest else NO_BALANCES
        entries.con.execute(f"CREATE OR REPLACE TEMP VIEW {view} AS SELECT * FROM {scan}")
    yield from _first(entries, "I6", cycle, "each statement opens with what the one before closed with", WRONG_OPENING)
    yield from _first(
        entries, "I5", cycle, "the balance kept of each account is what its last statement closed with", WRONG_BALANCE
    )
    # Exports leave alone files of older versions, which do not have it, and that of a cycle without entries: it is the
    # one of the cycle before.
    own = digest and AccountControl.objects.filter(cycle=cycle).exists()
    if own and "earned_micros" in pq.read_schema(part(BALANCES, digest)).names:
        yield from _first(entries, "I5", cycle, "what is kept of each statement is what it says", WRONG_EARNED)


def _ints(batch: pa.RecordBatch, name: str) -> npt.NDArray[np.int64]:
    values: npt.NDArray[np.int64] = batch[name].to_numpy(zero_copy_only=False)
    return values


def _is(column: pa.Array, value: str) -> npt.NDArray[np.bool_]:
    equal: npt.NDArray[np.bool_] = pc.equal(column, value).to_numpy(zero_copy_only=False)
    return equal


def _lines(ids: pa.Array, at: npt.NDArray[np.int64]) -> bytes:
    """These ids, each followed by a line feed."""
    chosen = ids.take(pa.array(at)).cast(pa.large_string())
    lines = pc.binary_join_element_wise(chosen, pa.scalar("\n", pa.large_string()), pa.scalar("", pa.large_string()))
    return opened(lines).own.tobytes()
