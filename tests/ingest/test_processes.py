"""Files taken in by real processes: at once, twice, and killed in the middle."""

import json
import random
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from tests.conftest import ROOT, World

SALES = "sale_id,sold_at,stream,model,currency,gross_amount,refund_of\n"


def _sales(first: int, last: int, *, amount: str = "1.00") -> str:
    return SALES + "".join(f"s{n},2026-06-01T00:00:00Z,generation,m,USD,{amount},\n" for n in range(first, last))


def _together(world: World, *paths: Path) -> list[dict[str, int]]:
    """Takes in the files by one process each, all at once; every one must end well."""
    processes = [
        subprocess.Popen(
            [sys.executable, "manage.py", "ingest", "sales", str(path), "--json"],
            cwd=ROOT, env=world.env, text=True, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
        )
        for path in paths
    ]  # fmt: skip
    ends = [(process, *process.communicate(timeout=120)) for process in processes]
    for process, _, errors in ends:
        assert process.returncode == 0, errors
    return [json.loads(out.splitlines()[-1]) for _, out, _ in ends]


def _empty(folder: Path) -> bool:
    return not folder.exists() or not any(folder.iterdir())


def test_processes_at_once_lose_nothing_and_double_nothing(world: World, tmp_path: Path) -> None:
    """Two with the same bytes; a third whose ids overlap with theirs, some with other content."""
    same, other = tmp_path / "a.csv", tmp_path / "b.csv"
    same.write_text(_sales(0, 3_000))
    other.write_text(_sales(2_000, 5_000) + _sales(0, 10, amount="2.00").removeprefix(SALES))
    first, second, third = _together(world, same, same, other)
    assert first["file"] == second["file"]
    assert sorted([first["no_op"], second["no_op"]]) == [False, True]
    ((files, rows_in, accepted, duplicate, quarantined),) = world.rows(
        "SELECT count(*), sum(rows_in), sum(rows_accepted), sum(rows_duplicate), sum(rows_quarantined) FROM audit.file"
    )
    assert (files, rows_in, accepted, duplicate, quarantined) == (2, 6_010, 5_000, 1_000, 10)
    assert world.rows("SELECT count(*), count(DISTINCT sale_id), sum(gross_micros)::bigint / 1000000 FROM sales_sale")[
        0
    ][:2] == (5_000, 5_000)
    assert third["no_op"] is False
    assert _empty(world.home / "spool")
    assert world.manage("ingest", "sales", tmp_path / "missing.csv", ok=False).returncode == 1


@pytest.mark.long
def test_a_killed_process_leaves_nothing_and_the_next_one_finishes(world: World, tmp_path: Path) -> None:
    """kill -9 at random moments of taking in 500,000 rows."""
    path = tmp_path / "sales.csv"
    path.write_text(_sales(0, 500_000) + "bad,2026-06-01T00:00:00Z,generation,m,USD,1_0,\n")
    chance = random.Random(20260630)
    began = time.monotonic()
    world.manage("ingest", "contributors", _contributors(tmp_path))
    start_up = time.monotonic() - began
    killed = 0
    for _ in range(8):
        process = world.start(sys.executable, "manage.py", "ingest", "sales", str(path))
        try:
            process.wait(start_up + chance.uniform(0, 6))
            break
        except subprocess.TimeoutExpired:
            process.send_signal(signal.SIGKILL)
            process.wait()
            killed += 1
        stored = world.rows(
            "SELECT (SELECT count(*) FROM sales_sale), (SELECT count(*) FROM audit.file WHERE kind = 'sales')"
        )
        assert stored == [(0, 0)]
    assert killed >= 3
    result = world.json("ingest", "sales", path)
    assert (result["rows_in"], result["accepted"], result["quarantined"]) == (500_001, 500_000, 1)
    assert (result["sum_accepted"], result["sum_in"]) == (500_000_000_000, 500_000_000_000)
    assert world.rows("SELECT count(*), sum(gross_micros)::bigint FROM sales_sale") == [(500_000, 500_000_000_000)]
    assert _empty(world.home / "spool")
    assert world.json("ingest", "sales", path)["no_op"] is True


def _contributors(folder: Path) -> Path:
    path = folder / "contributors.csv"
    path.write_text("contributor_id,contributor_name\nc,C\n")
    return path
