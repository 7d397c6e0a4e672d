"""The canonical bytes of a journal and of entries, and the hash that chains a journal to the one before. Pure."""

import hashlib
from collections.abc import Iterable
from datetime import datetime

import numpy as np
import numpy.typing as npt

from revshare.audit_trail.rules import GENESIS, instant_text

__all__ = ["ACCOUNTS", "GENESIS", "ColumnsHash", "column_digest", "columns_hash", "journal_hash"]

ACCOUNTS = r"^(sales|platform|suspense|carried|commons|held|reserve|withholding|bank|fx|advance|receivable|payable:.+)$"
"""The accounts there are: those of the house, and one of each contributor."""


def journal_hash(
    *, prev_hash: str, seq: int, kind: str, key: str, posted_at: datetime, created_by: str, reverses: int | None,
    legs_count: int, legs_sha256: str,
) -> str:  # fmt: skip
    """SHA-256 over these values as lines, the hash before first. `legs_sha256`: `queries.leg_lines`."""
    values = [prev_hash, seq, kind, key, instant_text(posted_at), created_by, reverses or "", legs_count, legs_sha256]
    return hashlib.sha256("".join(f"{value}\n" for value in values).encode()).hexdigest()


def column_digest(values: npt.NDArray[np.int64]) -> bytes:
    """SHA-256 of a column of numbers: 64 bits each, signed, big end first."""
    return hashlib.sha256(values.astype(">i8").tobytes()).digest()


def columns_hash(digests: Iterable[bytes]) -> str:
    """Of the hashes of some columns, contributor ids first: what `ColumnsHash` says of the same columns."""
    return hashlib.sha256(b"".join(digests)).hexdigest()


class ColumnsHash:
    """A hash over many rows by columns, fed block by block: SHA-256 over the SHA-256 of the contributor ids (UTF-8,
    each followed by a line feed) and that of each column of numbers (64 bits, signed, big end first), one after the
    other as 32 bytes. Rows in code-point order of ids."""

    def __init__(self, *, numbers: int, ids: bytes = b"") -> None:
        """`ids`: the hash of all ids, if it is known; then only numbers are fed."""
        self._ids_digest = ids
        self._ids = hashlib.sha256()
        self._numbers = [hashlib.sha256() for _ in range(numbers)]

    def update(self, ids: bytes, numbers: Iterable[npt.NDArray[np.int64]]) -> None:
        assert not self._ids_digest, "the hash of all ids is known"
        self._ids.update(ids)
        self.update_numbers(numbers)

    def update_numbers(self, numbers: Iterable[npt.NDArray[np.int64]]) -> None:
        for column, values in zip(self._numbers, numbers, strict=True):
            column.update(values.astype(">i8").tobytes())

    def hexdigest(self) -> str:
        ids = self._ids_digest or self._ids.digest()
        return columns_hash([ids, *(column.digest() for column in self._numbers)])
