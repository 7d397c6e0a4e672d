"""The canonical bytes of a journal and the hash that chains it to the one before. Pure."""

import hashlib
from datetime import datetime

from revshare.audit_trail.rules import GENESIS, instant_text

__all__ = ["GENESIS", "journal_hash"]


def journal_hash(
    *, prev_hash: str, seq: int, kind: str, key: str, posted_at: datetime, created_by: str, reverses: int | None,
    legs_count: int, legs_sha256: str,
) -> str:  # fmt: skip
    """SHA-256 over these values as lines, the hash before first. `legs_sha256` covers the legs as CSV, every value
    quoted: account, currency, side, micros; in code-point order of account, then currency."""
    values = [prev_hash, seq, kind, key, instant_text(posted_at), created_by, reverses or "", legs_count, legs_sha256]
    return hashlib.sha256("".join(f"{value}\n" for value in values).encode()).hexdigest()
