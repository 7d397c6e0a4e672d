"""Where the lake's files lie: in a folder, or in a bucket of an S3-compatible store.

Both hold a file under its hash, whole or not at all, and hand out a local path to read it from. Which it is follows
from REVSHARE_LAKE; `lake.storage()` makes it.
"""

import contextlib
import hashlib
import os
import shutil
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol

from revshare.errors import Refused
from revshare.lake_cache import Cache, CacheTooSmall

BLOCK_BYTES = 8 << 20
AT_ONCE = 4  # blocks of a transfer that are in memory together
SCHEME = "s3://"


class LakeDamaged(Refused):
    """A file of the lake is missing or has other bytes than its name says."""

    code = "lake_damaged"


class LakeUnreachable(Refused):
    """The store of the lake does not answer, or lets nobody in. Nothing has been changed."""

    code = "lake_unreachable"


class Storage(Protocol):
    """What `revshare.lake` needs of a place that holds files. `fsspec_options`: what others need to open a `url`."""

    @property
    def fsspec_options(self) -> dict[str, Any]: ...

    def keep(self, draft: Path, kind: str, digest: str) -> None:
        """Takes the file in under its hash and removes the draft."""

    def path(self, kind: str, digest: str) -> Path:
        """A local path to read the file from. Raises LakeDamaged if it is gone."""

    def check(self, kind: str, digest: str) -> None:
        """Raises LakeDamaged unless what is stored has the bytes that its name says."""

    def url(self, kind: str, digest: str) -> str:
        """Its address for programs on other machines."""

    def names(self) -> Iterator[tuple[str, str]]:
        """Kind and hash of every file that is there."""


@dataclass(frozen=True)
class Folder:
    """A folder of this machine, or one that several machines mount."""

    root: Path
    fsspec_options: dict[str, Any] = field(default_factory=dict)

    def keep(self, draft: Path, kind: str, digest: str) -> None:
        target = Path(self.url(kind, digest))
        target.parent.mkdir(parents=True, exist_ok=True)
        with draft.open("rb") as file:
            os.fsync(file.fileno())
        draft.replace(target)
        descriptor = os.open(target.parent, os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)

    def path(self, kind: str, digest: str) -> Path:
        path = Path(self.url(kind, digest))
        if not path.exists():
            raise LakeDamaged(f"The lake has lost {path}: restore it from a backup before going on.")
        return path

    def check(self, kind: str, digest: str) -> None:
        path = self.path(kind, digest)
        if sha256_of(path) != digest:
            raise LakeDamaged(f"{path} has been changed: restore it from a backup.")

    def url(self, kind: str, digest: str) -> str:
        return str(self.root / kind / f"{digest}.parquet")

    def names(self) -> Iterator[tuple[str, str]]:
        return ((path.parent.name, path.stem) for path in sorted(self.root.glob("*/*.parquet")))


@dataclass(frozen=True)
class Bucket:
    """A prefix (`address`: s3://bucket/prefix) of an S3-compatible store at `endpoint` (Amazon's if empty). Key and
    secret come from AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY and what else the AWS libraries look at.

    A store shows an object when all of it has arrived, never a part of it, so no other name is needed first.
    """

    address: str
    endpoint: str
    cache: Cache

    @property
    def fsspec_options(self) -> dict[str, Any]:
        return {
            "endpoint_url": self.endpoint or None,
            "use_listings_cache": False,
            "max_concurrency": AT_ONCE,
            "default_block_size": BLOCK_BYTES,
            "config_kwargs": {"connect_timeout": 5, "read_timeout": 60, "retries": {"max_attempts": 2}},
        }

    def keep(self, draft: Path, kind: str, digest: str) -> None:
        url = self.url(kind, digest)
        with self._reached() as store:
            if self._stored_hash(store, url) != digest:
                store.put_file(str(draft), url, chunksize=BLOCK_BYTES)
                # Read back, since what a store says of an object's hash differs from store to store.
                if (store.size(url), self._stored_hash(store, url)) != (draft.stat().st_size, digest):
                    store.rm_file(url)
                    raise LakeDamaged(f"{url} came back with other bytes than were sent: look after the store.")
        with contextlib.suppress(CacheTooSmall):
            self.cache.get(f"{digest}.parquet", size=lambda: draft.stat().st_size, fetch=lambda to: _move(draft, to))
        draft.unlink(missing_ok=True)

    def path(self, kind: str, digest: str) -> Path:
        url = self.url(kind, digest)

        def size() -> int:
            with self._reached() as store, self._there(url):
                return int(store.size(url))

        def fetch(target: Path) -> None:
            with self._reached() as store, self._there(url):
                store.get_file(url, str(target))
            if sha256_of(target) != digest:
                raise LakeDamaged(f"{url} has been changed: restore it from a backup.")

        return self.cache.get(f"{digest}.parquet", size=size, fetch=fetch)

    def check(self, kind: str, digest: str) -> None:
        """Of the store and of the copy, which is dropped if it is not right."""
        url, copy = self.url(kind, digest), self.cache.folder / f"{digest}.parquet"
        if copy.exists() and sha256_of(copy) != digest:
            self.cache.drop(copy.name)
        with self._reached() as store:
            found = self._stored_hash(store, url)
        if not found:
            raise LakeDamaged(f"The lake has lost {url}: restore it from a backup before going on.")
        if found != digest:
            raise LakeDamaged(f"{url} has been changed: restore it from a backup.")

    def url(self, kind: str, digest: str) -> str:
        return f"{self.address.rstrip('/')}/{kind}/{digest}.parquet"

    def names(self) -> Iterator[tuple[str, str]]:
        with self._reached() as store:
            found = [Path(name) for name in store.find(self.address) if name.endswith(".parquet")]
        return ((path.parent.name, path.stem) for path in sorted(found))

    def _stored_hash(self, store: Any, url: str) -> str:
        """The SHA-256 of what is stored there, block by block; '' if nothing is."""
        digest = hashlib.sha256()
        try:
            with store.open(url, "rb", cache_type="readahead") as file:
                while block := file.read(BLOCK_BYTES):
                    digest.update(block)
        except FileNotFoundError:
            return ""
        return digest.hexdigest()

    @contextlib.contextmanager
    def _there(self, url: str) -> Iterator[None]:
        try:
            yield
        except FileNotFoundError as error:
            raise LakeDamaged(f"The lake has lost {url}: restore it from a backup before going on.") from error

    @contextlib.contextmanager
    def _reached(self) -> Iterator[Any]:
        """The store's file system; what goes wrong with it becomes a sentence that says what to do."""
        import fsspec
        from botocore.exceptions import BotoCoreError

        try:
            yield fsspec.filesystem("s3", **self.fsspec_options)
        except FileNotFoundError as error:  # no object of ours: those are looked for above
            raise LakeUnreachable(
                f"There is no bucket for {self.address}: make it, or put REVSHARE_LAKE right."
            ) from error
        except (OSError, BotoCoreError) as error:
            where = self.endpoint or "Amazon S3"
            raise LakeUnreachable(
                f"The lake {self.address} at {where} cannot be used: {str(error)[:200]} Check that the store runs, "
                "REVSHARE_LAKE_ENDPOINT, AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, and run it again."
            ) from error


def _move(draft: Path, target: Path) -> None:
    shutil.move(draft, target)


def sha256_of(path: Path) -> str:
    """The hash of a file's bytes, in hex."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
