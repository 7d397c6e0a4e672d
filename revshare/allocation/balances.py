"""The lake's file of balances that a cycle leaves: what each account closed with and what the cycle earned it, in order
of statements; then the accounts that it did not touch, of which `earned_micros` is null.

The file says of each currency how many accounts the cycle touched and the hash of their ids. Where two cycles say the
same, what stands in the same place is the same account's, and no id need be looked up. It also says which bytes the ids
of the touched are made of, so that who writes them down need not look at each for signs that have a meaning there.
"""

import json
from collections.abc import Iterable
from pathlib import Path
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.parquet as pq

from revshare.arrow_texts import opened
from revshare.lake import part

BALANCES = "balances"
SCHEMA = pa.schema([
    ("contributor_id", pa.string()), ("currency", pa.string()), ("closing_micros", pa.int64()),
    ("earned_micros", pa.int64()),
])  # fmt: skip
TOUCHED, LETTERS = "touched", "letters"
SOME = 4096  # bytes of ids that are looked at one by one


class Run(NamedTuple):
    """Accounts in one currency, one after the other: how many, and the SHA-256 of their ids, each with a line feed."""

    currency: str
    accounts: int
    ids_sha256: str


class Letters(NamedTuple):
    """The bytes that some ids, in UTF-8, begin with, and all that are in them; each once, in order."""

    first: bytes
    all: bytes


def letters_of(ids: pa.Array) -> Letters:
    """`ids`: none of them blank."""
    texts = opened(ids)
    return Letters(_different(texts.signs[texts.ends[:-1]]), _different(texts.own))


def _different(signs: npt.NDArray[np.uint8]) -> bytes:
    """By a look at a few, and at what is left once these are gone: many times faster than counting, since ids have few
    letters."""
    seen, rest = set[int](), signs.tobytes()
    while rest:
        seen.update(rest[:SOME])
        rest = rest.translate(None, delete=bytes(seen))
    return bytes(sorted(seen))


def say_runs(writer: pq.ParquetWriter, runs: Iterable[Run], letters: Letters | None) -> None:
    """Before the file is closed."""
    said = {TOUCHED: json.dumps(list(runs))}
    if letters is not None:
        said[LETTERS] = json.dumps([signs.hex() for signs in letters])
    writer.add_key_value_metadata(said)


def runs_in(path: Path) -> tuple[Run, ...]:
    """Those that the cycle touched, as the file says; none if it does not."""
    said = pq.read_metadata(path).metadata or {}
    return tuple(Run(*run) for run in json.loads(said.get(TOUCHED.encode(), b"[]")))


def letters_in(path: Path) -> Letters | None:
    """What the ids of the accounts that the cycle touched are made of, if the file says so."""
    said = (pq.read_metadata(path).metadata or {}).get(LETTERS.encode())
    return Letters(*map(bytes.fromhex, json.loads(said))) if said else None


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
        # Looked up here: another thread may ask, which does not hold what the lake fetched for this one.
        self.path = part(BALANCES, digest) if digest else None
        self._runs = runs_in(self.path) if self.path else ()
        self._matched = 0

    @property
    def is_all_touched(self) -> bool:
        """Whether every account of the file was among those asked for."""
        return self.path is not None and self._matched == pq.read_metadata(self.path).num_rows

    def of_same(self, currency: str, ids_sha256: str, accounts: int) -> npt.NDArray[np.int64] | None:
        """What these accounts closed with, if the cycle before touched just them. `ids_sha256`: see `Run`."""
        first = 0
        for run in self._runs:
            if run.currency == currency:
                if run[1:] != (accounts, ids_sha256):
                    return None
                self._matched += accounts
                assert self.path is not None, "there are runs"
                return micros_in(self.path, "closing_micros", first, accounts)
            first += run.accounts
        return None
