"""The whole benchmark at a tiny size: real peers, a real instance, real limits."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from revshare.management.bench.instance import NOT_INHERITED
from revshare.policies.terms import ALLOCATIONS
from tests.conftest import ROOT

TINY = ("--rows", "20k", "--contributors", "2k", "--sales", "2k", "--runs", "1", "--peers", "duckdb")
STAGES = {
    "start", "contributors", "models", "attributions", "sales", "open", "lock", "lock: weigh", "lock: digest", "calculate",
    "calculate: pools", "calculate: ledger", "submit", "approve", "publish", "export payouts",
}  # fmt: skip


@pytest.mark.long
def test_a_benchmark_agrees_tells_every_stage_and_leaves_nothing_running(tmp_path: Path) -> None:
    env = {name: value for name, value in os.environ.items() if name not in NOT_INHERITED}
    done = subprocess.run(
        [sys.executable, "manage.py", "bench", *TINY, "--second-cycle", "--json", "--work", str(tmp_path)],
        cwd=ROOT, env=env | {"REVSHARE_HOME": str(tmp_path / "unused")}, capture_output=True, text=True,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    result = json.loads(done.stdout.splitlines()[-1])
    assert "All payouts AGREE byte for byte (revshare, duckdb)." in done.stderr
    assert {who for by in result["payouts_sha256"].values() for who in by} == {"revshare", "duckdb"}
    stages = {stage["name"]: stage for stage in result["stages"]}
    assert set(stages) >= STAGES
    whole = sum(stage["wall_s"] for name, stage in stages.items() if ": " not in name)
    assert whole == pytest.approx(result["contestants"]["revshare"]["wall_s"], abs=0.05)
    assert (stages["attributions"]["rows"], stages["sales"]["rows"]) == (20_000, 2_020)
    assert stages["calculate: ledger"]["rows"] > stages["export payouts"]["rows"] > 2_000
    assert {limit["rows"] for limit in result["limits"]} == {
        20_000, 2_020, stages["calculate: ledger"]["rows"], 1_000_000,
    }  # fmt: skip
    assert all(line["peak_bytes"] > 1 << 20 for line in result["contestants"].values())
    assert result["contestants"]["revshare"]["services_cpu_s"] > 0
    assert result["second_cycle"]["wall_s"] > 0
    of_methods = {line["method"]: line for line in result["methods"]["lines"]}
    assert next(iter(of_methods)) == "asset_count"
    assert of_methods.keys() >= ALLOCATIONS.keys()
    assert all(line["amounts"] > 1_000 for line in of_methods.values())
    assert "Ways of sharing, 20k attributions" in done.stderr
    assert not (tmp_path / "home").exists()
    assert not (tmp_path / "unused" / "postgres").exists()
