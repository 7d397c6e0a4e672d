"""Large files are hashed by the other processor while a command loads what it needs. So this loads nothing but Python's
own modules."""

import contextlib
import hashlib
import threading
from collections.abc import Iterable, Sequence
from concurrent.futures import Future
from itertools import pairwise
from pathlib import Path

LARGE_BYTES = 32 << 20
BLOCK_BYTES = 8 << 20

Mark = tuple[int, int]
"""A file's size and time of change."""

_begun: dict[tuple[Path, Mark], Future[str]] = {}


def mark_of(path: Path) -> Mark:
    """Raises OSError."""
    status = path.stat()
    return status.st_size, status.st_mtime_ns


def files_in(arguments: Sequence[str]) -> list[Path]:
    """What stands in the folder that a command's `--from` names."""
    given = [argument.removeprefix("--from=") for argument in arguments if argument.startswith("--from=")]
    given += [value for name, value in pairwise(arguments) if name == "--from"]
    try:
        return [path for folder in given for path in Path(folder).iterdir()]
    except OSError:
        return []  # the command says what is wrong


def begin(paths: Iterable[Path]) -> None:
    """Hashes those that are large, the largest first; whoever wants one of them asks by `of`."""
    found = dict[tuple[Path, Mark], Future[str]]()
    for path in paths:
        with contextlib.suppress(OSError):
            if path.is_file() and (mark := mark_of(path))[0] >= LARGE_BYTES:
                found[path.absolute(), mark] = Future()
    if not found:
        return
    _begun.update(found)
    queue = sorted(found.items(), key=lambda item: item[0][1], reverse=True)
    threading.Thread(target=_hash_all, args=([(path, future) for (path, _), future in queue],), daemon=True).start()


def of(path: Path, mark: Mark) -> Future[str] | None:
    """The SHA-256 of the file while it had this mark, in hex: once, and if it is under way. Its result raises OSError
    where the file cannot be read."""
    future = _begun.pop((path.absolute(), mark), None)
    return None if future is None or future.cancel() else future


def _hash_all(queue: Iterable[tuple[Path, Future[str]]]) -> None:
    block = memoryview(bytearray(BLOCK_BYTES))
    for path, future in queue:
        if future.set_running_or_notify_cancel():
            try:
                future.set_result(_hash_of(path, block))
            except OSError as error:
                future.set_exception(error)


def _hash_of(path: Path, block: memoryview) -> str:
    digest = hashlib.sha256()
    with path.open("rb", buffering=0) as file:
        while size := file.readinto(block):
            digest.update(block[:size])
    return digest.hexdigest()
