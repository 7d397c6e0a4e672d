"""Entries by the folio (ADR 28). A roll names neighbouring contributors of a cycle, in order; a folio has their
statements in one currency, with the entries of these: rows of the database as arrays, of which each fits a page."""

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from revshare import array_rows
from revshare.array_rows import INT, LONG, SHORT, Int64s, arrays, pieces, side_by_side

ROLL = ("cycle_id", "roll", "first_id", "contributors")
FOLIO = (
    "cycle_id", "roll", "currency", "first_no", "members", "openings", "earned", "ends", "pools", "ticks", "amounts",
)  # fmt: skip
"""The columns of a folio. Its statements are numbered `first_no`, `first_no` + 1, …; `members` are their places in the
roll, and the entries of each are those up to its place in `ends`, after those of the one before."""

STATEMENT_BYTES = 2 + 8 + 8 + 4
ENTRY_BYTES = 4 + 8 + 8

_FOLIO_ROW: list[tuple[str, str]] = [  # how many fields; cycle_id, roll, currency, first_no, each after its length
    ("fields", ">i2"), ("length0", ">i4"), ("cycle_id", ">i4"), ("length1", ">i4"), ("roll", ">i4"),
    ("length2", ">i4"), ("currency", "S3"), ("length3", ">i4"), ("first_no", ">i4"),
]  # fmt: skip


@dataclass(frozen=True)
class Statements:
    """Some statements of one currency, in order, numbered from `first_no`, with their entries one after the other:
    `people` are places among all contributors of the cycle, and `ends` says after how many entries each ends."""

    currency: str
    first_no: int
    people: Int64s
    opening_micros: Int64s
    earned_micros: Int64s
    ends: Int64s
    pools: npt.NDArray[np.int32]
    ticks: Int64s
    amounts_micros: Int64s


class Rolls(array_rows.Rolls):
    """The contributors of a cycle, parted so that nobody's folio outgrows a page unless they alone do."""

    def __init__(self, ids: pa.Array, entries: Iterable[Int64s]) -> None:
        """`ids`: of all contributors, in order. `entries`: for each currency how many each of them will have."""
        most = np.zeros(len(ids), np.int64)
        for counts in entries:
            np.maximum(most, counts, out=most)
        super().__init__(ids, ENTRY_BYTES * most + STATEMENT_BYTES * (most > 0))
        self._rolls = np.repeat(np.arange(1, len(self.starts)), np.diff(self.starts))

    def folios(self, cycle_id: int, statements: Statements) -> memoryview:
        """Statements of whole rolls, as rows of binary COPY."""
        rolls = self._rolls[statements.people]
        members = statements.people - self.starts[rolls - 1] + 1
        cuts = np.flatnonzero(np.diff(rolls, prepend=0, append=0))
        stops = np.append(0, statements.ends)
        ends = statements.ends - np.repeat(stops[cuts[:-1]], np.diff(cuts))  # each within its folio
        assert len(statements.currency) == 3, statements.currency
        row = np.zeros(len(cuts) - 1, _FOLIO_ROW)
        row["fields"], row["length0"], row["cycle_id"], row["length1"] = len(FOLIO), 4, cycle_id, 4
        row["roll"], row["length2"], row["currency"] = rolls[cuts[:-1]], 3, statements.currency.encode()
        row["length3"], row["first_no"] = 4, statements.first_no + cuts[:-1]
        lows = stops[cuts]
        columns = [
            pieces(row, np.arange(len(cuts))),
            *arrays(SHORT, members, cuts), *arrays(LONG, statements.opening_micros, cuts),
            *arrays(LONG, statements.earned_micros, cuts), *arrays(INT, ends, cuts),
            *arrays(INT, statements.pools, lows), *arrays(LONG, statements.ticks, lows),
            *arrays(LONG, statements.amounts_micros, lows),
        ]  # fmt: skip
        return side_by_side(columns)
