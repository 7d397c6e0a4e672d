"""The product's part: a whole cycle by one command, from files to published statements and the payouts for the bank."""

import json
import shutil
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from config.instance import ROOT
from revshare.management.bench.instance import APPROVES, PREPARES, Prepared
from revshare.management.bench.measured import Measured, measure
from revshare.management.bench.stages import Stage, stages_of

FIRST, SECOND = "2026-06", "2026-07"
PERIODS = {FIRST: ("2026-06-01", "2026-07-01"), SECOND: ("2026-07-01", "2026-08-01")}


@dataclass(frozen=True)
class CycleRun:
    """One cycle by the product; of one that failed there is only what it said. `since_lock_s` is the time from the
    beginning of the lock to the end of the process; `legs` how many the journal has, `entries` how many rows stand
    behind them (a contributor may share in several pools of a currency)."""

    measured: Measured
    stages: list[Stage] = field(default_factory=list)
    since_lock_s: float = 0.0
    legs: int = 0
    entries: int = 0

    def wall_s(self, stage: str) -> float:
        """Seconds of a stage."""
        return sum(item.wall_s for item in self.stages if item.name == stage)


def run_cycle(instance: Prepared, key: str, *, files: Path, out: Path, one_by_one: bool = False) -> CycleRun:
    """Takes the files in and brings the cycle to its end, as an operator and an approver would. `one_by_one`: files are
    not read side by side, so that each has a time of its own."""
    shutil.rmtree(out, ignore_errors=True)
    start, end = PERIODS[key]
    command = instance.manage(
        "run_cycle", key, "--start", start, "--end", end, "--timezone", "UTC", "--from", str(files),
        "--prepared-by", PREPARES, "--approved-by", APPROVES, "--export", str(out), "--exports", "payouts",
        "--timings", "--json", *(["--one-by-one"] if one_by_one else []),
    )  # fmt: skip
    measured = measure(command, cwd=ROOT, env=instance.env, services=instance.services)
    if measured.exit:
        return CycleRun(measured)
    said = json.loads(measured.out.splitlines()[-1])
    rows = _rows(instance, key, said, out)
    locked = next(span["started"] for span in said["timings"] if span["step"] == "lock")
    return CycleRun(
        measured, stages_of(said["timings"], measured, rows),
        since_lock_s=measured.started + measured.wall_s - locked, legs=rows["calculate: ledger"],
        entries=rows["calculate: post"],
    )  # fmt: skip


def _rows(instance: Prepared, key: str, said: dict[str, Any], out: Path) -> dict[str, int]:
    """How many rows each stage had to do with, by its name."""
    files = {file["kind"]: int(file["rows_in"]) for file in said["files"]}
    sales, allocations = files["sales"], instance.count("allocation", key)
    with (out / "payouts.csv").open("rb") as file:
        payouts = sum(1 for _ in file) - 1
    return files | {
        "lock: weigh": files.get("attributions", 0), "lock: digest": sales, "calculate: pools": sales,
        **{f"calculate: {part}": allocations for part in ("post", "check")},
        "calculate: ledger": instance.count("leg", key), "calculate: statements": instance.count("statement", key),
        "export payouts": payouts,
    }  # fmt: skip
