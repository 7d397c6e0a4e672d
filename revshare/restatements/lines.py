"""What comes out differently when a cycle is computed again, line by line, in DuckDB.

A line is an amount with its sign as it moves an account: what a pool gives a contributor, or puts into a bucket; what
contributors pass on; and where it comes from. Of every currency all lines come to nothing.
"""

from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

import duckdb
import numpy as np
import pyarrow as pa

from revshare.allocation.models import Bucket
from revshare.allocation.numerators import Int64s, Numerators
from revshare.allocation.passing_on import DIVIDED, load_parts
from revshare.allocation.shares import share_out
from revshare.cycles.models import Cycle
from revshare.cycles.queries import carried_before, gathered_and_converted, last_day, released_by
from revshare.lake import copy_out, csv_scan, duck, spool
from revshare.pools.exchange import Converted
from revshare.pools.rules import PoolSum
from revshare.restatements.inputs import Basis
from revshare.splits.queries import in_force

KEY = ("bucket", "table", "model", "dataset_version", "part", "currency", "reason", "contributor_id")
TYPES = dict.fromkeys(KEY, "VARCHAR") | {"micros": "BIGINT"}
NAMES = ", ".join(f'"{name}"' for name in KEY)
SCHEMA = pa.schema([*((name, pa.string()) for name in KEY), ("micros", pa.int64())])
RELEASED = "released in this cycle"
CONVERTED = "converted"
# What a cycle has stored, and what restatements changed of it. Parameters: cycle (STORED_CYCLES times), restatements.
STORED = f"""
    SELECT 'contributor', p."table", p.model, p.dataset_version, p.part, p.currency, '', a.contributor_id,
           a.amount_micros
    FROM allocation_allocation a JOIN pools_pool p ON p.id = a.pool_id
    WHERE a.cycle_id = %s AND a.bucket = 'contributor' AND a.amount_micros <> 0
    UNION ALL
    SELECT r.bucket, p."table", p.model, p.dataset_version, p.part, p.currency, r.reason,
           coalesce(r.contributor_id, ''), r.amount_micros
    FROM allocation_rest r JOIN pools_pool p ON p.id = r.pool_id WHERE r.cycle_id = %s AND r.bucket <> 'carried'
    UNION ALL
    SELECT v.bucket, p."table", p.model, p.dataset_version, p.part, p.currency, v.reason, '', v.amount
    FROM pools_pool p CROSS JOIN LATERAL (VALUES
        ('sales', '', -p.net_micros), ('carried', '', p.carried_out_micros - p.carried_in_micros),
        ('suspense', '{RELEASED}', -p.released_micros)) v (bucket, reason, amount)
    WHERE p.cycle_id = %s AND p.kind = 'sales'
    UNION ALL
    SELECT v.bucket, '', '', '', '', v.currency, '{CONVERTED}', '', v.amount FROM (
        SELECT base AS currency, sum(amount_in_micros) AS amount FROM fx_conversion WHERE cycle_id = %s GROUP BY 1
        UNION ALL
        SELECT quote, -sum(amount_out_micros) FROM fx_conversion WHERE cycle_id = %s GROUP BY 1) x
    CROSS JOIN LATERAL (VALUES ('fx', x.currency, x.amount), ('sales', x.currency, -x.amount))
        v (bucket, currency, amount)
    UNION ALL
    SELECT 'split', '', '', '', '', currency, 'to ' || payee_id, contributor_id, -amount_micros
    FROM allocation_passed_on WHERE cycle_id = %s
    UNION ALL
    SELECT 'split', '', '', '', '', currency, 'from ' || contributor_id, payee_id, amount_micros
    FROM allocation_passed_on WHERE cycle_id = %s
    UNION ALL
    SELECT bucket, "table", model, dataset_version, part, currency, reason, coalesce(contributor_id, ''),
           new_micros - old_micros
    FROM restatements_line WHERE restatement_id = ANY(%s)
"""
STORED_CYCLES = 7
PASSED_ON = f"""
    WITH passed AS (SELECT contributor_id, payee_id, currency, amount FROM ({DIVIDED.format(cycle=0)}) AS d(
        cycle_id, contributor_id, payee_id, currency, earned, share, amount))
    SELECT 'split', '', '', '', '', currency, 'to ' || payee_id, contributor_id, -amount FROM passed
    UNION ALL SELECT 'split', '', '', '', '', currency, 'from ' || contributor_id, payee_id, amount FROM passed
"""


class Line(NamedTuple):
    """A line that is not of a contributor's pool."""

    bucket: str
    table: str
    model: str
    dataset_version: str
    part: str
    currency: str
    reason: str
    contributor_id: str
    micros: int


@contextmanager
def compared(basis: Basis, restatements: Sequence[int]) -> Iterator[duckdb.DuckDBPyConnection]:
    """A connection with the table `line` (KEY, old_micros, new_micros) of all that comes out differently from what the
    cycle and these restatements of it say, and the table `total` (currency, bucket, old_micros, new_micros).

    Raises LakeDamaged, RateMissing, UnitsTooLarge; AssertionError if anything were lost on the way.
    """
    with spool() as scratch, duck(scratch) as con:
        con.register("nothing", SCHEMA.empty_table())
        con.execute("CREATE TEMP TABLE new_line AS SELECT * FROM nothing")
        _compute(con, basis, scratch)
        draft = scratch / "stored.copy"
        copy_out(STORED, draft, [*[basis.cycle.pk] * STORED_CYCLES, list(restatements)])
        con.execute(
            f"CREATE TEMP TABLE every_line AS SELECT {NAMES}, CAST(sum(old) AS BIGINT) AS old_micros, "
            "CAST(sum(new) AS BIGINT) AS new_micros FROM ("
            f"SELECT {NAMES}, micros AS old, 0 AS new FROM {csv_scan(draft, TYPES)} UNION ALL "
            f"SELECT {NAMES}, 0, micros FROM new_line) GROUP BY ALL"
        )
        con.execute("CREATE TEMP TABLE line AS SELECT * FROM every_line WHERE old_micros <> new_micros")
        con.execute(
            "CREATE TEMP TABLE total AS SELECT currency, bucket, sum(old_micros) AS old_micros, "
            "sum(new_micros) AS new_micros FROM every_line GROUP BY currency, bucket"
        )
        uneven = con.execute(
            "SELECT currency FROM total GROUP BY currency HAVING sum(old_micros) <> 0 OR sum(new_micros) <> 0"
        ).fetchall()
        assert not uneven, f"lines in {uneven[0][0]} do not come to nothing"
        yield con


def _compute(con: duckdb.DuckDBPyConnection, basis: Basis, scratch: Path) -> None:
    """Fills `new_line`."""
    cycle, sources, pinned = basis.cycle, basis.sources, basis.pinned
    released = released_by(cycle, sources, pinned)
    items, conversions = gathered_and_converted(sources, pinned, carried_before(cycle), released)
    versions = sorted({version for item in items for version in item.versions})
    numerators = Numerators(con, sources=sources, pinned=pinned, versions=versions, scratch=scratch)
    earned: dict[str, Int64s] = {}
    others = list(_conversions(conversions))
    for item in items:
        holding = numerators.holding(item.key, item.measure, item.versions)
        others += _beside(item, in_suspense=not holding.denominator)
        if not holding.denominator:
            continue
        shares = share_out(total_micros=item.distributable_micros, holding=holding, terms=item.terms)
        others += (
            _line(item, kept.aside.bucket, kept.amount_micros, kept.aside.reason, kept.aside.contributor_id)
            for kept in shares.set_aside
        )
        _insert(con, _of_contributors(item, numerators, holding.codes, shares.amounts))
        own = earned.setdefault(item.key.currency, np.zeros(len(numerators.people.ids), np.int64))
        own[holding.codes] += shares.amounts
    columns = list(zip(*(line for line in others if line.micros), strict=True)) or [()] * len(SCHEMA)
    _insert(con, pa.table([pa.array(c, f.type) for c, f in zip(columns, SCHEMA, strict=True)], schema=SCHEMA))
    _pass_on(con, cycle, basis, numerators, earned, scratch)


def _insert(con: duckdb.DuckDBPyConnection, table: pa.Table) -> None:
    con.register("more", table)
    con.execute("INSERT INTO new_line SELECT * FROM more")
    con.unregister("more")


def _beside(item: PoolSum, *, in_suspense: bool) -> Iterator[Line]:
    """What of a pool goes to no contributor, but for what is set aside; and where it comes from."""
    yield _line(item, "sales", -item.net_micros)
    yield _line(item, Bucket.PLATFORM, item.platform_micros)
    yield _line(item, Bucket.COMMONS, item.commons_micros)
    yield _line(item, Bucket.CARRIED, item.carried_out_micros - item.carried_in_micros)
    yield _line(item, Bucket.SUSPENSE, -item.released_micros, RELEASED)
    if in_suspense:
        yield _line(item, Bucket.SUSPENSE, item.distributable_micros)


def _line(item: PoolSum, bucket: str, micros: int, reason: str = "", contributor_id: str = "") -> Line:
    key = item.key
    return Line(
        str(bucket), key.table, key.model, key.dataset_version, key.part, key.currency, reason, contributor_id, micros
    )


def _conversions(items: Iterable[Converted]) -> Iterator[Line]:
    for item in items:
        for currency, micros in ((item.base, item.amount_in_micros), (item.quote, -item.amount_out_micros)):
            yield Line("fx", "", "", "", "", currency, CONVERTED, "", micros)
            yield Line("sales", "", "", "", "", currency, CONVERTED, "", -micros)


def _of_contributors(item: PoolSum, numerators: Numerators, codes: Int64s, amounts: Int64s) -> pa.Table:
    something = amounts != 0
    ids = numerators.people.ids.take(pa.array(codes[something])).cast(pa.string())
    of = _line(item, Bucket.CONTRIBUTOR, 0)
    same = [pa.repeat(value, len(ids)) for value in of[: len(KEY) - 1]]
    return pa.table([*same, ids, pa.array(amounts[something])], schema=SCHEMA)


def _pass_on(
    con: duckdb.DuckDBPyConnection, cycle: Cycle, basis: Basis, numerators: Numerators, earned: dict[str, Int64s],
    scratch: Path,
) -> None:  # fmt: skip
    """By the splits in force on the cycle's last day, as `allocation.passing_on` does it."""
    day = last_day(cycle)
    names = sorted({part.contributor_id for part in in_force(day=day, upto_arrival=basis.pinned.upto_arrival)})
    if not names:
        return
    codes = np.sort(numerators.people.codes_of(names))
    schema = pa.schema([("contributor_id", pa.string()), ("currency", pa.string()), ("earned_micros", pa.int64())])
    tables = [schema.empty_table()]
    for currency, amounts in earned.items():
        earning = codes[amounts[codes] > 0]
        ids = numerators.people.ids.take(pa.array(earning)).cast(pa.string())
        tables.append(pa.table([ids, pa.repeat(currency, len(ids)), amounts[earning]], schema=schema))
    con.register("earned", pa.concat_tables(tables))
    load_parts(con, day, basis.pinned, scratch)
    con.execute(f"INSERT INTO new_line SELECT * FROM ({PASSED_ON}) AS p({NAMES}, micros) WHERE micros <> 0")
