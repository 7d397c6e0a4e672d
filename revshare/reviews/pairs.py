"""What accounts earned in a cycle beside the cycle before: amounts as arrays, of one currency at a time.

A text costs more than what is counted of it, so no array has any: an account is known by its place, and the ids of the
few that are shown are looked up last.
"""

import contextlib
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import duckdb
import numpy as np
import numpy.typing as npt
import pyarrow as pa

from revshare.allocation.balances import BALANCES, Run, micros_in, runs_in
from revshare.lake import LakeDamaged, literal, part

Int64s = npt.NDArray[np.int64]

NOBODY = Run("", 0, "")
COUNTED = """
    SELECT currency, count(*) FROM read_parquet({path}) WHERE earned_micros IS NOT NULL
    GROUP BY currency ORDER BY currency
"""
NAMES = """
    SELECT contributor_id FROM read_parquet({path}, file_row_number=true) WHERE file_row_number IN ({rows})
    ORDER BY file_row_number
"""
PAID = """
    SELECT contributor_id, file_row_number - {first} AS place FROM read_parquet({path}, file_row_number=true)
    WHERE {rows} AND earned_micros > 0
"""
IN_BOTH = "SELECT a.place AS after, b.place AS before FROM ({after}) a JOIN ({before}) b USING (contributor_id)"


class File:
    """A cycle's file of balances, of which each currency's accounts stand one after the other, by id."""

    def __init__(self, con: duckdb.DuckDBPyConnection, digest: str) -> None:
        """`digest`: '' for none. Several threads may ask of a file. Raises LakeDamaged."""
        self._con = con
        self._path = part(BALANCES, digest) if digest else Path()
        self._runs: dict[str, tuple[int, Run]] = {}
        first = 0
        for run in self._said() if digest else ():
            self._runs[run.currency] = first, run
            first += run.accounts

    @property
    def currencies(self) -> set[str]:
        return set(self._runs)

    def stand(self, currency: str) -> tuple[int, Run]:
        """In which row the accounts begin, and what is said of them."""
        return self._runs.get(currency, (0, NOBODY))

    def earned(self, currency: str) -> Int64s:
        """What each earned. Raises LakeDamaged."""
        first, run = self.stand(currency)
        if not run.accounts:
            return np.zeros(0, np.int64)
        try:
            found = micros_in(self._path, "earned_micros", first, run.accounts)
        except (OSError, pa.ArrowException) as error:
            raise LakeDamaged(f"{self._path} cannot be read: restore it from a backup.") from error
        if len(found) != run.accounts:
            raise LakeDamaged(f"{self._path} has fewer accounts than it says: restore it from a backup.")
        return found

    def names(self, rows: Int64s) -> list[str]:
        """Whose these rows are; they ascend."""
        if not len(rows):
            return []
        query = NAMES.format(path=literal(self._path), rows=", ".join(map(str, rows.tolist())))
        return [name for (name,) in self.ask(query).fetchall()]

    def ask(self, query: str) -> duckdb.DuckDBPyConnection:
        """The result of a query of DuckDB."""
        return self._con.cursor().execute(query)

    def paid(self, currency: str) -> str:
        """As SQL: who earned anything, by the place among the currency's accounts."""
        first, run = self.stand(currency)
        return PAID.format(path=literal(self._path), first=first, rows=_rows(first, run))

    def _said(self) -> Sequence[Run]:
        with contextlib.suppress(OSError, pa.ArrowInvalid):  # what cannot be read, the query cannot read either
            if runs := runs_in(self._path):
                return runs
        # Without hashes of ids, the accounts are like no others.
        counted = self.ask(COUNTED.format(path=literal(self._path))).fetchall()
        return [Run(currency, accounts, "") for currency, accounts in counted]


def _rows(first: int, run: Run) -> str:
    return f"file_row_number BETWEEN {first} AND {first + run.accounts - 1}"


@dataclass(frozen=True)
class Pair:
    """Of one currency, by place: what an account earned before, and after. Places ascend by id among those who earned
    something after, and among those who did not.

    First come the accounts in the file of the cycle after, from row `first` on; then those of the other one (`gone`:
    their rows) that are left.
    """

    currency: str
    before: Int64s
    after: Int64s
    files: tuple[File, File]
    first: int
    gone: Int64s

    def names(self, places: Int64s) -> dict[int, str]:
        """The ids of the accounts at these places."""
        chosen = np.unique(places)
        own = len(self.after) - len(self.gone)
        split = int(np.searchsorted(chosen, own))
        after, before = self.files
        names = after.names(chosen[:split] + self.first) + before.names(self.gone[chosen[split:] - own])
        return dict(zip(chosen.tolist(), names, strict=True))


def files_of(con: duckdb.DuckDBPyConnection, *, after: str, before: str) -> tuple[File, File]:
    """The files of the cycle after and of the one before, by their names; '' for none. Raises LakeDamaged."""
    return File(con, after), File(con, before)


def pair_of(files: tuple[File, File], currency: str) -> Pair:
    """What accounts earned in a currency. Raises LakeDamaged."""
    (first, run), (first_before, run_before) = (file.stand(currency) for file in files)
    after, before = (file.earned(currency) for file in files)
    if _same(run, run_before):
        return Pair(currency, before, after, files, first, np.zeros(0, np.int64))
    beside = np.zeros(len(after), np.int64)
    gone = before > 0
    if len(after) and len(before):
        query = IN_BOTH.format(after=files[0].paid(currency), before=files[1].paid(currency))
        found = files[0].ask(query).fetchnumpy()
        beside[found["after"]] = before[found["before"]]
        gone[found["before"]] = False
    left = np.flatnonzero(gone)
    return Pair(
        currency, np.concatenate([beside, before[left]]), np.concatenate([after, np.zeros(len(left), np.int64)]),
        files, first, left + first_before,
    )  # fmt: skip


def _same(one: Run, other: Run) -> bool:
    """Whether the accounts are the same: then each stands in the same place of both."""
    return bool(one.ids_sha256) and one == other
