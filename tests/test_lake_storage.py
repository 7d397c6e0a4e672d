"""The lake in a real S3-compatible store: whole or not at all, as its name says, and plain words when it fails."""

import hashlib
import os
import subprocess
import sys
import time
import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from revshare import lake, lake_cache
from revshare.lake_storage import LakeDamaged, LakeUnreachable
from tests.object_store import KEYS, ObjectStore, object_store

ROOT = Path(__file__).resolve().parent.parent
MULTIPART_BYTES = 40 << 20


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ObjectStore]:
    with object_store(tmp_path_factory.mktemp("store")) as running:
        running.files.mkdir("lake")
        yield running


@pytest.fixture
def address(store: ObjectStore, settings: Any, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """A lake of its own for one test."""
    for name, value in KEYS.items():
        monkeypatch.setenv(name, value)
    settings.REVSHARE_LAKE = f"s3://lake/{uuid.uuid4().hex}"
    settings.REVSHARE_LAKE_ENDPOINT = store.endpoint
    yield settings.REVSHARE_LAKE
    lake_cache.release()


def keep(tmp_path: Path, content: bytes) -> str:
    draft = tmp_path / "draft"
    draft.write_bytes(content)
    digest = lake.keep(draft, "kind")
    assert not draft.exists()
    return digest


def forget_copies(settings: Any) -> None:
    for copy in (settings.REVSHARE_HOME / "lake-cache").glob("*.parquet"):
        copy.unlink()


@pytest.mark.parametrize("size", [0, 3, MULTIPART_BYTES + 1])
def test_what_is_kept_is_in_the_store_under_its_hash(
    address: str, store: ObjectStore, settings: Any, tmp_path: Path, size: int
) -> None:
    content = os.urandom(size)
    digest = keep(tmp_path, content)
    assert digest == hashlib.sha256(content).hexdigest()
    assert store.files.cat_file(f"{address}/kind/{digest}.parquet") == content
    assert list(lake.storage().names()) == [("kind", digest)]
    forget_copies(settings)
    assert lake.part("kind", digest).read_bytes() == content
    lake.check_part("kind", digest)


def test_keeping_again_sends_nothing_and_mends_what_was_damaged(
    address: str, store: ObjectStore, tmp_path: Path
) -> None:
    digest = keep(tmp_path, b"abc")
    url = f"{address}/kind/{digest}.parquet"
    first = store.files.info(url)["LastModified"]
    time.sleep(1.1)  # the store counts in seconds
    assert keep(tmp_path, b"abc") == digest
    assert store.files.info(url)["LastModified"] == first
    store.files.pipe_file(url, b"abd")
    assert keep(tmp_path, b"abc") == digest
    assert store.files.cat_file(url) == b"abc"


def test_a_changed_or_lost_object_is_found(address: str, store: ObjectStore, settings: Any, tmp_path: Path) -> None:
    digest = keep(tmp_path, b"abc")
    url = f"{address}/kind/{digest}.parquet"
    store.files.pipe_file(url, b"abd")
    with pytest.raises(LakeDamaged, match=f"{url} has been changed"):
        lake.check_part("kind", digest)
    assert lake.part("kind", digest).read_bytes() == b"abc"  # the copy was right
    forget_copies(settings)
    with pytest.raises(LakeDamaged, match=f"{url} has been changed"):
        lake.part("kind", digest)
    store.files.rm_file(url)
    for look in (lake.check_part, lake.part):
        with pytest.raises(LakeDamaged, match=f"lost {url}"):
            look("kind", digest)


def test_a_changed_copy_is_found_and_fetched_again(address: str, tmp_path: Path) -> None:
    digest = keep(tmp_path, b"abc")
    lake.part("kind", digest).write_bytes(b"abd")
    lake.check_part("kind", digest)
    assert lake.part("kind", digest).read_bytes() == b"abc"


def test_copies_stay_within_their_bound_and_are_held_while_duckdb_is_open(
    address: str, settings: Any, tmp_path: Path
) -> None:
    settings.REVSHARE_LAKE_CACHE_BYTES = 250
    digests = [keep(tmp_path, bytes([number]) * 100) for number in range(4)]
    copies = settings.REVSHARE_HOME / "lake-cache"
    assert sum(copy.stat().st_size for copy in copies.glob("*.parquet")) == 200
    lake_cache.release()
    with lake.duck(tmp_path):
        paths = [lake.part("kind", digest) for digest in digests[:2]]
        with pytest.raises(lake_cache.CacheTooSmall, match="REVSHARE_LAKE_CACHE_BYTES"):
            lake.part("kind", digests[2])
        assert all(path.exists() for path in paths)
    assert lake.part("kind", digests[2]).read_bytes() == bytes([2]) * 100


KEEP = """
import sys
from pathlib import Path
from revshare.lake_cache import Cache
from revshare.lake_storage import Bucket
address, endpoint, draft, digest = sys.argv[1:]
Bucket(address, endpoint, Cache(Path(draft).parent / "cache", 1 << 40)).keep(Path(draft), "kind", digest)
"""


def test_an_upload_killed_midway_leaves_nothing_to_be_seen(address: str, store: ObjectStore, tmp_path: Path) -> None:
    draft = tmp_path / "draft"
    with draft.open("wb") as file:
        for _ in range(4):
            file.write(os.urandom(32 << 20))
    digest = lake.sha256_of(draft)
    url = f"{address}/kind/{digest}.parquet"
    command = [sys.executable, "-c", KEEP, address, store.endpoint, str(draft), digest]
    process = subprocess.Popen(command, cwd=ROOT, env=os.environ | KEYS)
    until = time.monotonic() + 60
    while not store.files.call_s3("list_multipart_uploads", Bucket="lake").get("Uploads"):
        assert time.monotonic() < until
        assert process.poll() is None
    process.kill()
    process.wait()
    assert not store.files.exists(url)
    assert draft.exists()
    assert lake.keep(draft, "kind") == digest
    assert store.files.size(url) == 128 << 20
    lake.check_part("kind", digest)


@pytest.mark.long  # the client tries again for some seconds before it gives up
def test_a_store_that_is_down_is_said_and_everything_goes_on_afterwards(
    address: str, store: ObjectStore, settings: Any, tmp_path: Path
) -> None:
    digest = keep(tmp_path, b"abc")
    draft = tmp_path / "more"
    draft.write_bytes(b"more")
    store.stop()
    try:
        forget_copies(settings)
        for attempt in (
            lambda: lake.keep(draft, "kind"),
            lambda: lake.part("kind", digest),
            lambda: lake.check_part("kind", digest),
        ):
            with pytest.raises(LakeUnreachable, match="REVSHARE_LAKE_ENDPOINT") as refused:
                attempt()
            assert store.endpoint in str(refused.value)
        assert draft.read_bytes() == b"more"
    finally:
        store.start()
    assert lake.part("kind", digest).read_bytes() == b"abc"
    lake.check_part("kind", lake.keep(draft, "kind"))


def test_a_wrong_secret_and_a_missing_bucket_are_told_apart(
    address: str, store: ObjectStore, settings: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings.REVSHARE_LAKE = "s3://no-such-bucket/lake"
    draft = tmp_path / "draft"
    draft.write_bytes(b"abc")
    with pytest.raises(LakeUnreachable, match="no bucket for s3://no-such-bucket/lake"):
        lake.keep(draft, "kind")
    settings.REVSHARE_LAKE = address
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "wrong")
    settings.REVSHARE_LAKE_ENDPOINT = store.endpoint.replace("127.0.0.1", "localhost")  # else the client is used again
    with pytest.raises(LakeUnreachable, match="AWS_SECRET_ACCESS_KEY"):
        lake.keep(draft, "kind")
    assert draft.exists()
