"""The canonical bytes of a journal and of entries, and the hash that chains a journal to the one before. Pure."""

import hashlib
from collections.abc import Iterable
from datetime import datetime

import numpy as np
import numpy.typing as npt

from revshare.audit_trail.rules import GENESIS, instant_text

__all__ = ["ACCOUNTS", "GENESIS", "ColumnsHash", "journal_hash"]

ACCOUNTS = r"^(sales|platform|suspense|carried|commons|held|reserve|withholding|bank|fx|advance|receivable|payable:.+)$"
"""The accounts there are: those of the house, and one of each contributor."""


def journal_hash(
    *, prev_hash: str, seq: int, kind: str, key: str, posted_at: datetime, created_by: str, reverses: int | None,
    legs_count: int, legs_sha256: str,
) -> str:  # fmt: skip
    """SHA-256 over these values as lines, the hash before first. `legs_sha256`: `queries.leg_lines`."""
    values = [prev_hash, seq, kind, key, instant_text(posted_at), created_by, reverses or "", legs_count, legs_sha256]
    return hashlib.sha256("".join(f"{value}\n" for value in values).encode()).hexdigest()


class ColumnsHash:
    """A hash over many rows by columns, fed block by block: SHA-256 over the SHA-256 of the contributor ids (UTF-8,
    each followed by a line feed) and that of each column of numbers (64 bits, signed, big end first), one after the
    other as 32 bytes. Rows in code-point order of ids."""

    def __init__(self, *, numbers: int) -> None:
        self._columns = [hashlib.sha256() for _ in range(1 + numbers)]

    def update(self, ids: bytes, numbers: Iterable[npt.NDArray[np.int64]]) -> None:
        self._columns[0].update(ids)
        for column, values in zip(self._columns[1:], numbers, strict=True):
            column.update(values.astype(">i8").tobytes())

    def ids_hexdigest(self) -> str:
        """Of the ids alone."""
        return self._columns[0].hexdigest()

    def hexdigest(self) -> str:
        return hashlib.sha256(b"".join(column.digest() for column in self._columns)).hexdigest()
