"""The bytes that are hashed, put together here by hand from their description."""

import hashlib
from datetime import UTC, datetime

import numpy as np
import pytest

from revshare.ledger.rules import ColumnsHash, column_digest, columns_hash, journal_hash


def sha256(data: bytes) -> bytes:
    return hashlib.sha256(data).digest()


def test_a_journal_is_hashed_as_lines() -> None:
    values = {
        "prev_hash": "a" * 64, "seq": 7, "kind": "payment", "key": "k", "created_by": "olivia", "legs_count": 2,
        "posted_at": datetime(2026, 7, 2, 3, 4, 5, 6, UTC), "legs_sha256": "b" * 64,
    }  # fmt: skip
    lines = f"{'a' * 64}\n7\npayment\nk\n2026-07-02T03:04:05.000006Z\nolivia\n{{}}\n2\n{'b' * 64}\n"
    assert journal_hash(**values, reverses=None) == sha256(lines.format("").encode()).hex()  # type: ignore[arg-type]
    assert journal_hash(**values, reverses=3) == sha256(lines.format("3").encode()).hex()  # type: ignore[arg-type]


def test_columns_are_hashed_each_for_itself_whatever_the_blocks() -> None:
    ids = sha256(b"ann\nben\ncy\n")
    first = sha256(b"".join(n.to_bytes(8, "big", signed=True) for n in (1, -2, 3)))
    second = sha256(b"".join(n.to_bytes(8, "big", signed=True) for n in (0, 2**62, -(2**63))))
    columns = np.array([1, -2, 3]), np.array([0, 2**62, -(2**63)])
    whole = ColumnsHash(numbers=2)
    whole.update(b"ann\nben\ncy\n", columns)
    blocks = ColumnsHash(numbers=2)
    blocks.update(b"ann\n", [column[:1] for column in columns])
    blocks.update(b"ben\ncy\n", [column[1:] for column in columns])
    numbers = ColumnsHash(numbers=2, ids=ids)
    numbers.update_numbers([column[:2] for column in columns])
    numbers.update_numbers([column[2:] for column in columns])
    should = sha256(ids + first + second).hex()
    assert whole.hexdigest() == blocks.hexdigest() == numbers.hexdigest() == should
    assert columns_hash([ids, *map(column_digest, columns)]) == should


@pytest.mark.parametrize("given", [1, 3])
def test_as_many_columns_as_were_said(given: int) -> None:
    with pytest.raises(ValueError):
        ColumnsHash(numbers=2).update(b"ann\n", [np.array([1])] * given)
