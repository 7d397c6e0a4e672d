"""How near single stages come to the least that their work can cost on this machine (scripts under bench/limits/)."""

import json
import shutil
import sys
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from typing import Any

from config.instance import ROOT
from revshare.errors import Refused
from revshare.management.bench.instance import Prepared
from revshare.management.bench.measured import measure
from revshare.management.bench.product import CycleRun

APPORTIONED = 1_000_000


@dataclass(frozen=True)
class Limit:
    """A stage of the product and the script that does the bare part of it. `goal`: the share of the script's speed that
    the stage should reach; `beyond`: what it would be proud of."""

    script: str
    stage: str
    what: str
    goal: float
    beyond: float | None = None


LIMITS = (
    Limit("manifest_read", "attributions", "DuckDB reads the file as text and writes Parquet", 0.7),
    Limit("sales_copy", "sales", "COPY into a bare table, then one index", 0.5),
    Limit("ledger_copy", "calculate: ledger", "binary COPY into a bare table", 0.3, 0.45),
    Limit("apportion_floor", "apportion_array", "numpy, nothing corrected or proven", 0.333),
)


@dataclass(frozen=True)
class Reached:
    """One measurement of a limit, and of the product beside it."""

    limit: Limit
    rows: int
    limit_s: float
    product_s: float


def measure_limits(instance: Prepared, cycle: CycleRun, *, data: Path, format: str, out: Path) -> list[Reached]:
    """Runs the scripts after the product's own run, against the same database server. Raises Refused if one fails."""
    instance.settle()
    words = {
        "manifest_read": ["--file", str(data / f"attributions.{format}"), "--out", str(out)],
        "sales_copy": ["--file", str(data / "sales.csv"), "--database-url", instance.database_url],
        "ledger_copy": ["--legs", str(cycle.legs), "--database-url", instance.database_url],
        "apportion_floor": ["--weights", str(APPORTIONED)],
    }
    found = []
    for limit in LIMITS:
        said = _run(limit.script, words[limit.script])
        product_s = said.get("product_wall_s") or cycle.wall_s(limit.stage)
        found.append(Reached(limit, said["rows"], said["wall_s"], product_s))
    shutil.rmtree(out, ignore_errors=True)
    return found


def _run(script: str, words: list[str]) -> dict[str, Any]:
    done = measure([sys.executable, str(ROOT / "bench" / "limits" / f"{script}.py"), *words], cwd=ROOT)
    if done.exit:
        raise Refused(f"bench/limits/{script}.py failed: {done.why}")
    return dict(json.loads(done.out.splitlines()[-1]))


def judge(runs: list[list[Reached]]) -> list[dict[str, Any]]:
    """Medians over the runs, and whether the goals are met, for JSON."""
    lines = []
    for of_limit in zip(*runs, strict=True):
        limit = of_limit[0].limit
        limit_s, product_s = (median(getattr(one, name) for one in of_limit) for name in ("limit_s", "product_s"))
        share = limit_s / product_s
        lines.append({
            "stage": limit.stage, "limit": limit.what, "script": f"bench/limits/{limit.script}.py",
            "rows": of_limit[0].rows, "limit_s": round(limit_s, 4), "product_s": round(product_s, 4),
            "share": round(share, 3), "goal": limit.goal, "beyond": limit.beyond, "met": share >= limit.goal,
            "met_beyond": limit.beyond is not None and share >= limit.beyond,
        })  # fmt: skip
    return lines
