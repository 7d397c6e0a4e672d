"""What a backup says of itself: a manifest, as JSON. Pure."""

import hashlib
import json
from dataclasses import asdict, dataclass
from typing import Any

from revshare.errors import Refused

FORMAT = "revshare backup 1"


class BackupDamaged(Refused):
    """A backup is not whole, or its bytes are not those that were written."""

    code = "backup_damaged"


@dataclass(frozen=True)
class Manifest:
    """`files`: path in the backup to (bytes, SHA-256). `migrations`: of the version that made it. `event`, `journal`:
    number and hash of the last of each chain, null if there was none. `signing_key`: the public half of the key that
    signs; the key itself is not in a backup."""

    made_at: str
    migrations: list[str]
    event: list[Any] | None
    journal: list[Any] | None
    signing_key: str
    files: dict[str, list[Any]]

    def text(self) -> str:
        """Also says its own hash, over all the rest."""
        body = {"format": FORMAT} | asdict(self)
        return json.dumps(body | {"sha256": _hash(body)}, indent=1, sort_keys=True) + "\n"

    @property
    def sha256(self) -> str:
        return _hash({"format": FORMAT} | asdict(self))


def _hash(body: dict[str, Any]) -> str:
    return hashlib.sha256(json.dumps(body, sort_keys=True).encode()).hexdigest()


def read_manifest(text: str) -> Manifest:
    """Raises BackupDamaged unless every character is as it was written."""
    try:
        body = json.loads(text)
        hashed, form = body.pop("sha256"), body["format"]
    except (ValueError, KeyError, TypeError, AttributeError):
        raise BackupDamaged("The backup's manifest cannot be read: take another backup.") from None
    if form != FORMAT or hashed != _hash(body):
        raise BackupDamaged("The backup's manifest has been changed, or is of another version: take another backup.")
    del body["format"]
    return Manifest(**body)
