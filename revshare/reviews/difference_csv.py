"""What everybody earns in a cycle beside the cycle before, as CSV."""

from collections.abc import Iterator
from pathlib import Path

from revshare.allocation.balances import BALANCES, have_same_accounts
from revshare.cells import safe_cell
from revshare.lake import duck, literal, part, spool

ROWS_AT_ONCE = 50_000
NOTHING = "SELECT '' AS contributor_id, '' AS currency, 0::BIGINT AS micros WHERE false"
ALL_NEW = "SELECT contributor_id, currency, 0::BIGINT AS before, micros AS after FROM ({after})"
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
CSV_HEADER = b"contributor_id,currency,before_micros,after_micros,difference_micros,what\n"


def csv_blocks(*, after: str, before: str) -> Iterator[bytes]:
    """Everybody who earns something in either cycle, by currency, then id. `after`, `before`: the files of balances
    that two cycles left; '' for none. Raises LakeDamaged before the first."""
    with spool() as scratch, duck(scratch) as con:
        con.execute(f"CREATE TEMP TABLE pair AS {_both(after, before)}")
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


def _both(after: str, before: str) -> str:
    if not before:
        return ALL_NEW.format(after=_earned(after))
    if after and have_same_accounts(after, before):
        files = {name: literal(part(BALANCES, digest)) for name, digest in (("after", after), ("before", before))}
        return SAME_ROWS.format(**files)
    return BOTH.format(after=_earned(after), before=_earned(before))


def _earned(digest: str) -> str:
    if not digest:
        return NOTHING
    path: Path = part(BALANCES, digest)
    return (
        "SELECT contributor_id, currency, earned_micros AS micros "
        f"FROM read_parquet({literal(path)}) WHERE earned_micros > 0"
    )
