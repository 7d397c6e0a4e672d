"""Files that were hashed before anybody looked into them are what they are without."""

import gzip
import hashlib
import os
import subprocess
import sys
from concurrent.futures import Future
from pathlib import Path
from unittest import mock

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from revshare.errors import Refused
from revshare.files import hashing_ahead
from revshare.files.preflight import inspect

ROOT = Path(__file__).resolve().parents[2]
TEXT = b"id,name\n" + b"".join(b"%d,somebody\n" % number for number in range(20_000))


@pytest.fixture(autouse=True)
def all_are_large():
    with mock.patch.object(hashing_ahead, "LARGE_BYTES", 1):
        yield
    hashing_ahead._begun.clear()


def contents(folder: Path) -> list[Path]:
    (folder / "plain.csv").write_bytes(TEXT)
    (folder / "packed.csv.gz").write_bytes(gzip.compress(TEXT))
    pq.write_table(pa.table({"id": list(range(1000))}), folder / "table.parquet")
    return [folder / "plain.csv", folder / "packed.csv.gz", folder / "table.parquet"]


def sha256(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


def test_each_format_is_found_to_be_what_it_is_without(tmp_path: Path) -> None:
    for path in contents(tmp_path):
        alone = inspect(path, tmp_path)
        hashing_ahead.begin([path])
        (future,) = hashing_ahead._begun.values()
        assert future.result(timeout=30) == sha256(path)
        with mock.patch.object(hashlib, "sha256", side_effect=AssertionError("hashed twice")):
            assert inspect(path, tmp_path) == alone
        assert alone.sha256 == sha256(path)
        assert not hashing_ahead._begun


def test_who_is_under_way_is_waited_for(tmp_path: Path) -> None:
    path = contents(tmp_path)[0]
    under_way: Future[str] = Future()
    under_way.set_running_or_notify_cancel()
    hashing_ahead._begun[path, hashing_ahead.mark_of(path)] = under_way
    with mock.patch.object(under_way, "result", return_value="told"):
        assert inspect(path, tmp_path).sha256 == "told"


def test_whose_turn_has_not_come_is_hashed_by_who_asks(tmp_path: Path) -> None:
    paths = contents(tmp_path)
    with mock.patch.object(hashing_ahead, "_hash_all"):
        hashing_ahead.begin(paths)
    waiting = list(hashing_ahead._begun.values())
    assert [inspect(path, tmp_path).sha256 for path in paths] == [sha256(path) for path in paths]
    assert all(future.cancelled() for future in waiting)


def test_a_file_that_changed_since_is_hashed_anew(tmp_path: Path) -> None:
    path = contents(tmp_path)[0]
    hashing_ahead.begin([path])
    (future,) = hashing_ahead._begun.values()
    before = future.result(timeout=30)
    path.write_bytes(TEXT[:-2] + b"X\n")
    os.utime(path, ns=(0, 1))
    assert inspect(path, tmp_path).sha256 == sha256(path) != before


def test_who_cannot_be_read_is_refused(tmp_path: Path) -> None:
    path = contents(tmp_path)[0]
    failed: Future[str] = Future()
    failed.set_running_or_notify_cancel()
    failed.set_exception(OSError(5, "Input/output error"))
    hashing_ahead._begun[path, hashing_ahead.mark_of(path)] = failed
    with pytest.raises(Refused, match="Input/output error"):
        inspect(path, tmp_path)


def test_the_folder_is_that_of_from(tmp_path: Path) -> None:
    paths = contents(tmp_path)
    for given in (["--from", str(tmp_path)], [f"--from={tmp_path}"]):
        assert set(hashing_ahead.files_in(["run_cycle", "2026-01", *given, "--export", "/"])) == set(tmp_path.iterdir())
    assert set(paths) <= set(tmp_path.iterdir())
    for nothing in (["--from"], ["--from", str(tmp_path / "missing")], ["--export", str(tmp_path)]):
        assert hashing_ahead.files_in(["run_cycle", *nothing]) == []


def test_small_files_and_folders_are_left_alone(tmp_path: Path) -> None:
    paths = contents(tmp_path)
    (tmp_path / "folder").mkdir()
    with mock.patch.object(hashing_ahead, "LARGE_BYTES", len(TEXT)):
        hashing_ahead.begin([*paths, tmp_path / "folder", tmp_path / "missing"])
    assert [path.name for path, _ in hashing_ahead._begun] == ["plain.csv"]


def test_nothing_that_takes_time_is_loaded_for_it() -> None:
    loaded = (
        "import sys; from revshare.files import hashing_ahead; print(*{name.split('.')[0] for name in sys.modules})"
    )
    found = subprocess.run([sys.executable, "-c", loaded], cwd=ROOT, check=True, capture_output=True, text=True)
    assert not {"django", "numpy", "pyarrow", "duckdb"} & set(found.stdout.split())
