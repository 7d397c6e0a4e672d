"""Copies of a remote lake stay within their bound, and none goes while somebody reads it."""

import multiprocessing
from collections.abc import Iterator
from pathlib import Path

import pytest

from revshare.lake_cache import Cache, CacheTooSmall, release


@pytest.fixture(autouse=True)
def _nothing_held() -> Iterator[None]:
    yield
    release()


def get(cache: Cache, name: str, size: int = 40) -> Path:
    return cache.get(f"{name}.parquet", size=lambda: size, fetch=lambda target: _write(target, name, size))


def _write(target: Path, name: str, size: int) -> None:
    target.write_bytes(name.encode() * size)


def names(cache: Cache) -> set[str]:
    return {path.stem for path in cache.folder.glob("*.parquet")}


def test_what_is_there_is_not_fetched_again(tmp_path: Path) -> None:
    cache = Cache(tmp_path / "cache", 100)
    assert get(cache, "a").read_bytes() == b"a" * 40

    def never(target: Path) -> None:
        raise AssertionError("fetched twice")

    for _ in range(2):
        assert cache.get("a.parquet", size=lambda: 40, fetch=never).read_bytes() == b"a" * 40
        release()


def test_those_unused_for_longest_make_room(tmp_path: Path) -> None:
    cache = Cache(tmp_path / "cache", 100)
    for name in ("a", "b", "a", "c"):
        get(cache, name)
        release()
    assert names(cache) == {"a", "c"}


def test_what_is_in_use_stays_and_says_what_to_do(tmp_path: Path) -> None:
    cache = Cache(tmp_path / "cache", 100)
    get(cache, "a")
    get(cache, "b")
    with pytest.raises(CacheTooSmall, match="REVSHARE_LAKE_CACHE_BYTES"):
        get(cache, "c")
    assert names(cache) == {"a", "b"}
    release()
    get(cache, "c")
    assert "c" in names(cache)
    with pytest.raises(CacheTooSmall, match="101 bytes more"):
        get(cache, "d", size=101)


def _hold(folder: Path, ready: "multiprocessing.synchronize.Event", done: "multiprocessing.synchronize.Event") -> None:
    get(Cache(folder, 100), "a")
    ready.set()
    done.wait(60)


def test_what_another_process_uses_stays_until_it_ends(tmp_path: Path) -> None:
    cache = Cache(tmp_path / "cache", 100)
    spawn = multiprocessing.get_context("spawn")
    ready, done = spawn.Event(), spawn.Event()
    other = spawn.Process(target=_hold, args=(cache.folder, ready, done))
    other.start()
    try:
        assert ready.wait(60)
        for name in ("b", "c"):
            get(cache, name)
            release()
        assert names(cache) == {"a", "c"}
    finally:
        done.set()
        other.join()
    get(cache, "d")
    get(cache, "e")
    assert names(cache) == {"d", "e"}


def test_half_a_copy_is_never_seen_and_is_swept(tmp_path: Path) -> None:
    cache = Cache(tmp_path / "cache", 100)

    def breaks(target: Path) -> None:
        target.write_bytes(b"half")
        raise OSError("the line is dead")

    with pytest.raises(OSError, match="dead"):
        cache.get("a.parquet", size=lambda: 40, fetch=breaks)
    assert names(cache) == set()
    get(cache, "b")
    assert not list(cache.folder.glob("*.draft"))


def test_a_copy_removed_behind_our_back_is_fetched_again(tmp_path: Path) -> None:
    cache = Cache(tmp_path / "cache", 100)
    get(cache, "a").unlink()
    assert get(cache, "a").read_bytes() == b"a" * 40
