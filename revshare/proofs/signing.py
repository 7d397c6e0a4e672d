"""The key that signs what cycles commit to: Ed25519 (RFC 8032), made on first use."""

import os
from pathlib import Path

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from django.conf import settings

from revshare.errors import Refused

SEED_BYTES = 32


def private_key() -> Ed25519PrivateKey:
    """The key in the file that REVSHARE_SIGNING_KEY names, 32 bytes as hex; it is made if it is not there. Raises
    Refused if the file holds something else."""
    path = Path(settings.REVSHARE_SIGNING_KEY or settings.REVSHARE_HOME / "signing_key")
    try:
        text = path.read_text(encoding="ascii")
    except FileNotFoundError:
        text = _made(path)
    try:
        seed = bytes.fromhex(text.strip())
    except ValueError:
        seed = b""
    if len(seed) != SEED_BYTES:
        raise Refused(f"{path} holds no signing key: 64 hexadecimal digits are expected. Restore it from a backup.")
    return Ed25519PrivateKey.from_private_bytes(seed)


def _made(path: Path) -> str:
    """Of two processes that begin at once the first one's key stays."""
    path.parent.mkdir(parents=True, exist_ok=True)
    draft = path.with_name(f"{path.name}.{os.getpid()}")
    descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(descriptor, "w") as file:
        file.write(os.urandom(SEED_BYTES).hex() + "\n")
    try:
        os.link(draft, path)
    except FileExistsError:
        pass
    finally:
        draft.unlink()
    return path.read_text(encoding="ascii")


def public_hex(key: Ed25519PrivateKey) -> str:
    return key.public_key().public_bytes_raw().hex()


def is_signed(*, text: str, signature: str, public_key: str) -> bool:
    """Whether the signature over the text is by this key (both hex)."""
    try:
        Ed25519PublicKey.from_public_bytes(bytes.fromhex(public_key)).verify(bytes.fromhex(signature), text.encode())
    except (InvalidSignature, ValueError):
        return False
    return True
