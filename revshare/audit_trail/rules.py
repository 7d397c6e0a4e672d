"""The canonical bytes of an event, and the hash that chains it to the one before."""

import hashlib
import json
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

GENESIS = "0" * 64


def event_hash(
    *, prev_hash: str, seq: int, at: datetime, actor: str, action: str, object: str, detail: Mapping[str, Any]
) -> str:
    """SHA-256 over the event before and this event as JSON with sorted keys and no spaces; time in UTC microseconds."""
    body = [prev_hash, seq, instant_text(at), actor, action, object, detail]
    text = json.dumps(body, sort_keys=True, separators=(",", ":"), ensure_ascii=True, allow_nan=False)
    return hashlib.sha256(text.encode()).hexdigest()


def instant_text(at: datetime) -> str:
    """2011-11-01T00:00:00.000000Z: one text for one instant."""
    return at.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")
