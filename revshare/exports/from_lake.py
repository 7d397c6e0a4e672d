"""Payouts as CSV from the file of balances that a cycle left in the lake: the same bytes as from its entries, without
moving millions of rows out of the database. `verify` holds the file to the entries.
"""

from pathlib import Path

import duckdb
import pyarrow.parquet as pq

from revshare.allocation.balances import BALANCES, Letters, letters_in
from revshare.cells import FORMULA_STARTS
from revshare.lake import LakeDamaged, check_part, duck, literal, part, spool
from revshare.ledger.models import AccountControl

SUMS = """
    SELECT currency, count(*), sum(closing_micros - earned_micros), sum(earned_micros),
           bool_or({odd})
    FROM read_parquet({file}) WHERE earned_micros IS NOT NULL GROUP BY currency
"""

ODD = f"contains(contributor_id, '#') OR contains({literal(''.join(FORMULA_STARTS))}, contributor_id[1])"


def write_payouts(*, cycle_id: int, draft: Path) -> int | None:
    """Writes a cycle's payouts; returns how many. None, and nothing written, where the entries have to be read: the
    file is lost or damaged, of an older version, or not of this cycle; an id would be escaped for spreadsheets, or has
    a character that DuckDB quotes and PostgreSQL does not; or the draft cannot be written, which others say better."""
    controls = AccountControl.objects.filter(cycle_id=cycle_id)
    digest = controls.values_list("cycle__balances_sha256", flat=True).first()
    if not digest:
        return None
    with spool() as scratch, duck(scratch) as con:
        try:
            check_part(BALANCES, digest)
            path = part(BALANCES, digest)
            if "earned_micros" not in pq.read_schema(path).names:
                return None
            odd = "false" if _is_plain(letters_in(path)) else ODD
            found = con.execute(SUMS.format(file=literal(path), odd=odd)).fetchall()
            posted = controls.values_list("currency", "accounts", "opening_micros", "earned_micros")
            if {row[:4] for row in found} != set(posted) or any(odd for *_, odd in found):
                return None
            # In the order of the file, which DuckDB keeps where it only scans.
            ((rows,),) = con.execute(
                "COPY (SELECT contributor_id, currency, earned_micros AS amount_micros "
                f"FROM read_parquet({literal(path)}) WHERE earned_micros IS NOT NULL) "
                f"TO {literal(draft)} (FORMAT csv, HEADER)"
            ).fetchall()
        except (LakeDamaged, duckdb.IOException):
            return None
    return int(rows)


def _is_plain(letters: Letters | None) -> bool:
    """Whether no id is odd, by the letters of all of them alone."""
    return letters is not None and b"#" not in letters.all and not set(letters.first) & set(map(ord, FORMULA_STARTS))
