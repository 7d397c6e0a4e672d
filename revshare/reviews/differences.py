"""What contributors earn in a cycle beside the cycle before: set-wise, from the lake's files of balances.

`tests/reviews/slow_review.py` does the same one by one.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import Any

import duckdb

from revshare.allocation.balances import BALANCES, have_same_accounts
from revshare.cells import safe_cell
from revshare.lake import duck, literal, part, spool
from revshare.money import INT64_MAX
from revshare.reviews.rules import PARTS, Center

SHOWN = 10
CANDIDATES = 200
ROWS_AT_ONCE = 50_000
NOTHING = "SELECT '' AS contributor_id, '' AS currency, 0::BIGINT AS micros WHERE false"
ALL_NEW = """
    CREATE TEMP TABLE pair AS
    SELECT contributor_id, currency, 0::BIGINT AS before, micros AS after, NULL::BIGINT AS change FROM ({after})
"""
# Who earns something in either cycle; of those who stayed, `change`: `rules.ratio`, in 64 bits where they are enough.
PAIR = f"""
    CREATE TEMP TABLE pair AS
    SELECT *, CASE WHEN before = 0 OR after = 0 THEN NULL
              WHEN after <= {INT64_MAX // PARTS} THEN after * {PARTS} // before
              ELSE least(after::HUGEINT * {PARTS} // before, {INT64_MAX}::HUGEINT)::BIGINT END AS change
    FROM ({{both}})
"""
BOTH = """
    SELECT contributor_id, currency, coalesce(b.micros, 0) AS before, coalesce(a.micros, 0) AS after
    FROM ({after}) a FULL JOIN ({before}) b USING (contributor_id, currency)
"""
# Where the same accounts stand in the same rows of both files, numbers are compared, not names.
SAME_ROWS = """
    SELECT a.contributor_id, a.currency, b.earned_micros AS before, a.earned_micros AS after
    FROM read_parquet({after}, file_row_number=true) a JOIN read_parquet({before}, file_row_number=true) b
        USING (file_row_number) WHERE a.earned_micros > 0 OR b.earned_micros > 0
"""
TOTALS = """
    SELECT currency, sum(before), sum(after), count(*) FILTER (before > 0), count(*) FILTER (after > 0),
           count(*) FILTER (before > 0 AND after > 0),
           count(*) FILTER (before = 0), coalesce(sum(after) FILTER (before = 0), 0),
           count(*) FILTER (after = 0), coalesce(sum(before) FILTER (after = 0), 0)
    FROM pair GROUP BY currency ORDER BY currency
"""
MEDIAN = "SELECT quantile_disc(change, 0.5) FROM pair WHERE currency = ? AND change IS NOT NULL"
DEVIATION = "SELECT quantile_disc(abs(change - ?), 0.5) FROM pair WHERE currency = ? AND change IS NOT NULL"
# Furthest from what they would get had it changed as for the one in the middle. Whose amounts, now and then, are both
# too small for that is left out without a multiplication of 128 bits.
OFF = f"""
    SELECT contributor_id, before, after FROM pair
    WHERE currency = $currency AND change IS NOT NULL AND (after >= $least OR before >= $least_before)
    AND abs(after - before::HUGEINT * $median::HUGEINT // {PARTS}) >= $least
    ORDER BY abs(after - before::HUGEINT * $median::HUGEINT // {PARTS}) DESC, contributor_id LIMIT {CANDIDATES}
"""
BEST = """
    SELECT coalesce(sum(micros), 0) FROM
    (SELECT {side} AS micros FROM pair WHERE currency = ? AND {side} > 0 ORDER BY {side} DESC LIMIT {most})
"""
FIRST = f"""
    SELECT contributor_id, before, after FROM pair WHERE currency = ? AND {{where}}
    ORDER BY {{order}}, contributor_id LIMIT {SHOWN}
"""
CSV_HEADER = b"contributor_id,currency,before_micros,after_micros,difference_micros,what\n"


@dataclass(frozen=True)
class Mover:
    contributor_id: str
    before_micros: int
    after_micros: int

    @property
    def difference_micros(self) -> int:
        return self.after_micros - self.before_micros


@dataclass(frozen=True)
class Difference:
    """Of one currency: what contributors earn in all, how many of them, who is new and who is gone; where the changes
    of those who stayed lie (in millionths of what they earned before); who rose and fell most; and the candidates of a
    rule: who is furthest from the change in the middle. `best`: what the best paid hundredth (at least one) earns."""

    currency: str
    before_micros: int
    after_micros: int
    paid_before: int
    paid_after: int
    stayed: int
    newcomers: int
    newcomers_micros: int
    dropouts: int
    dropouts_micros: int
    change: Center
    best_before_micros: int
    best_after_micros: int
    largest: tuple[Mover, ...]
    risers: tuple[Mover, ...]
    fallers: tuple[Mover, ...]
    new: tuple[Mover, ...]
    gone: tuple[Mover, ...]
    off: tuple[Mover, ...]


def differences(*, after: str, before: str, material: Fraction) -> list[Difference]:
    """By currency. `after`, `before`: the files of balances that two cycles left; '' for none. `material`: the part of
    a total from which on a change is worth looking at. Raises LakeDamaged."""
    with spool() as scratch, duck(scratch) as con:
        _pair(con, after, before)
        return [_difference(con, row, material) for row in con.execute(TOTALS).fetchall()]


def csv_blocks(*, after: str, before: str) -> Iterator[bytes]:
    """Everybody who earns something in either cycle, by currency, then id. Raises LakeDamaged before the first."""
    with spool() as scratch, duck(scratch) as con:
        _pair(con, after, before)
        yield CSV_HEADER
        found = con.execute(
            "SELECT contributor_id, currency, before, after, after - before, CASE WHEN before = 0 THEN 'new' "
            "WHEN after = 0 THEN 'gone' ELSE 'stayed' END FROM pair ORDER BY currency, contributor_id"
        )
        while rows := found.fetchmany(ROWS_AT_ONCE):
            yield "".join(_line(*row) for row in rows).encode()


def _line(contributor_id: str, *rest: object) -> str:
    name = safe_cell(contributor_id)
    if any(sign in name for sign in ',"\n\r'):
        name = '"' + name.replace('"', '""') + '"'
    return ",".join([name, *map(str, rest)]) + "\n"


def _pair(con: duckdb.DuckDBPyConnection, after: str, before: str) -> None:
    if not before:
        con.execute(ALL_NEW.format(after=_earned(after)))
    elif after and have_same_accounts(after, before):
        files = {name: literal(part(BALANCES, digest)) for name, digest in (("after", after), ("before", before))}
        con.execute(PAIR.format(both=SAME_ROWS.format(**files)))
    else:
        con.execute(PAIR.format(both=BOTH.format(after=_earned(after), before=_earned(before))))


def _earned(digest: str) -> str:
    if not digest:
        return NOTHING
    path: Path = part(BALANCES, digest)
    return (
        "SELECT contributor_id, currency, earned_micros AS micros "
        f"FROM read_parquet({literal(path)}) WHERE earned_micros > 0"
    )


def _difference(con: duckdb.DuckDBPyConnection, row: Sequence[Any], material: Fraction) -> Difference:
    currency, *numbers = row
    before, after, paid_before, paid_after, stayed, new, new_micros, gone, gone_micros = map(int, numbers)
    change = _change(con, currency, stayed)
    least = max(-(-after * material.numerator // material.denominator), 1)

    def first(where: str, order: str) -> tuple[Mover, ...]:
        return _movers(con, FIRST.format(where=where, order=order), [currency])

    def best(side: str, paid: int) -> int:
        ((micros,),) = con.execute(BEST.format(side=side, most=max(1, paid // 100)), [currency]).fetchall()
        return int(micros)

    off = {"currency": currency, "median": change.median, "least": least,
           "least_before": min(least * PARTS // max(change.median, 1), INT64_MAX)}  # fmt: skip
    return Difference(
        currency, before, after, paid_before, paid_after, stayed, new, new_micros, gone, gone_micros, change=change,
        best_before_micros=best("before", paid_before), best_after_micros=best("after", paid_after),
        largest=first("after > 0", "after DESC"),
        risers=first("before > 0 AND after > before", "after - before DESC"),
        fallers=first("after > 0 AND after < before", "after - before"),
        new=first("before = 0", "after DESC"), gone=first("after = 0", "before DESC"),
        off=_movers(con, OFF, off) if stayed else (),
    )  # fmt: skip


def _change(con: duckdb.DuckDBPyConnection, currency: str, stayed: int) -> Center:
    if not stayed:
        return Center(PARTS, 0)
    ((median,),) = con.execute(MEDIAN, [currency]).fetchall()
    ((deviation,),) = con.execute(DEVIATION, [median, currency]).fetchall()
    return Center(int(median), int(deviation))


def _movers(con: duckdb.DuckDBPyConnection, query: str, params: object) -> tuple[Mover, ...]:
    return tuple(Mover(name, int(before), int(after)) for name, before, after in con.execute(query, params).fetchall())
