"""Verified local copies of a remote lake's files, bounded in bytes: those unused for longest go first.

A file in use is never removed: whoever gets one holds a shared lock on it until `release`. Fetching and removing are
done by one process at a time, so what is counted stays true.
"""

import contextlib
import fcntl
import os
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

from revshare.errors import Refused


class CacheTooSmall(Refused):
    """What one step needs at once does not fit, or what is in use leaves no room for it."""

    code = "lake_cache_too_small"


class _Held(threading.local):
    """The files that this thread has got and not released, open and locked."""

    def __init__(self) -> None:
        self.files: dict[Path, BinaryIO] = {}


_held = _Held()


def release() -> None:
    """Says that this thread is done with all files it got."""
    while _held.files:
        _held.files.popitem()[1].close()


@dataclass(frozen=True)
class Cache:
    """Copies in `folder`, of `limit_bytes` together at most."""

    folder: Path
    limit_bytes: int

    def get(self, name: str, *, size: Callable[[], int], fetch: Callable[[Path], None]) -> Path:
        """The copy of this name, held until `release`. Where there is none, `fetch` writes it to the path it is given
        (or raises), after room was made for its `size`. Raises CacheTooSmall."""
        path = self.folder / name
        if not self._hold(path):
            with self._alone():
                if not self._hold(path):  # else somebody else fetched it meanwhile
                    self._make_room(size())
                    draft = self.folder / f"{name}.draft"
                    fetch(draft)
                    draft.replace(path)
                    self._hold(path)
        now = time.time_ns()  # finer than what the file system would write by itself
        os.utime(path, ns=(now, now))
        return path

    def drop(self, name: str) -> None:
        """Forgets a copy, also one in use: whoever has it open keeps reading it."""
        (self.folder / name).unlink(missing_ok=True)

    @contextlib.contextmanager
    def _alone(self) -> Iterator[None]:
        self.folder.mkdir(parents=True, exist_ok=True)
        with (self.folder / "lock").open("w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            for draft in self.folder.glob("*.draft"):  # of a process that was killed: nobody else fetches now
                draft.unlink()
            yield

    def _hold(self, path: Path) -> bool:
        held = _held.files.get(path)
        if held and os.fstat(held.fileno()).st_nlink:
            return True
        try:
            file = path.open("rb")
        except FileNotFoundError:
            return False
        fcntl.flock(file, fcntl.LOCK_SH)
        if not os.fstat(file.fileno()).st_nlink:  # removed between the two calls
            file.close()
            return False
        _held.files[path] = file
        return True

    def _make_room(self, needed: int) -> None:
        copies = sorted((path.stat().st_mtime_ns, path.stat().st_size, path) for path in self.folder.glob("*.parquet"))
        taken = sum(size for _, size, _ in copies)
        for _, size, path in copies:
            if taken + needed <= self.limit_bytes:
                break
            with path.open("rb") as file, contextlib.suppress(BlockingIOError):
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
                path.unlink()
                taken -= size
        if taken + needed > self.limit_bytes:
            raise CacheTooSmall(
                f"{needed:,} bytes more of the lake are needed, and {taken:,} of the {self.limit_bytes:,} bytes that "
                f"{self.folder} may hold are in use: raise REVSHARE_LAKE_CACHE_BYTES and run it again."
            )
