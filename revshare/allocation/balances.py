"""The lake's file of balances that a cycle leaves: what each account closed with and what the cycle earned it, in order
of statements; then the accounts that it did not touch, of which `earned_micros` is null.

The file says of each currency how many accounts the cycle touched and the hash of their ids. Where two cycles say the
same, what stands in the same place is the same account's, and no id need be looked up.
"""

import hashlib
import json
from collections.abc import Iterable
from pathlib import Path
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.parquet as pq

from revshare.lake import part

BALANCES = "balances"
SCHEMA = pa.schema([
    ("contributor_id", pa.string()), ("currency", pa.string()), ("closing_micros", pa.int64()),
    ("earned_micros", pa.int64()),
])  # fmt: skip
TOUCHED = "touched"


class Run(NamedTuple):
    """Accounts in one currency, one after the other: how many, and the SHA-256 of their ids, each with a line feed."""

    currency: str
    accounts: int
    ids_sha256: str


def say_runs(writer: pq.ParquetWriter, runs: Iterable[Run]) -> None:
    """Before the file is closed."""
    writer.add_key_value_metadata({TOUCHED: json.dumps(list(runs))})


def runs_in(path: Path) -> tuple[Run, ...]:
    """Those that the cycle touched, as the file says; none if it does not."""
    said = pq.read_metadata(path).metadata or {}
    return tuple(Run(*run) for run in json.loads(said.get(TOUCHED.encode(), b"[]")))


def have_same_accounts(first: str, second: str) -> bool:
    """Whether both cycles touched the same accounts: then these stand in the same rows of both files. Not where a file
    cannot be read: who reads on says why."""
    try:
        runs = runs_in(part(BALANCES, first))
        return bool(runs) and runs == runs_in(part(BALANCES, second))
    except (OSError, pa.ArrowInvalid):
        return False


def micros_in(path: Path, column: str, first: int, count: int) -> npt.NDArray[np.int64]:
    """A column's amounts in so many rows from `first` on, or as many as there are; null is 0."""
    found = [np.zeros(0, np.int64)]
    with pq.ParquetFile(path) as file:
        begin = 0
        for group in range(file.num_row_groups):
            end = begin + file.metadata.row_group(group).num_rows
            if end > first and begin < first + count:
                values = file.read_row_group(group, columns=[column], use_threads=False).column(0)
                low = max(first - begin, 0)
                values = values.slice(low, first + count - begin - low)
                found.append((values.fill_null(0) if values.null_count else values).to_numpy())
            begin = end
    return np.concatenate(found)


class Before:
    """What accounts closed with before."""

    def __init__(self, digest: str) -> None:
        """`digest`: the file's name; '' before the first."""
        self._digest = digest
        self._runs = runs_in(part(BALANCES, digest)) if digest else ()
        self._matched = 0

    @property
    def is_all_touched(self) -> bool:
        """Whether every account of the file was among those asked for."""
        return bool(self._digest) and self._matched == pq.read_metadata(part(BALANCES, self._digest)).num_rows

    def of_same(self, currency: str, ids: bytes, accounts: int) -> npt.NDArray[np.int64] | None:
        """What these accounts (ids, each with a line feed) closed with, if the cycle before touched just them."""
        first = 0
        for run in self._runs:
            if run.currency == currency:
                if run[1:] != (accounts, hashlib.sha256(ids).hexdigest()):
                    return None
                self._matched += accounts
                return self._closings(first, accounts)
            first += run.accounts
        return None

    def _closings(self, first: int, count: int) -> npt.NDArray[np.int64]:
        return micros_in(part(BALANCES, self._digest), "closing_micros", first, count)
