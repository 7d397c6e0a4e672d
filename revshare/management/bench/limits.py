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
# From the first entry that is made and copied to the seal of the journal.
LEDGER = ("calculate: post", "calculate: check", "calculate: ledger")


@dataclass(frozen=True)
class Limit:
    """Work of the product, told by the names of its stages, and the script that does the bare part of it. `goal`: the
    share of the script's speed that the product should reach; `beyond`: what it would be proud of."""

    name: str
    stages: tuple[str, ...]
    script: str
    what: str
    goal: float
    beyond: float | None = None


LIMITS = (
    Limit("manifest in", ("attributions",), "manifest_read", "DuckDB reads the file as text and writes Parquet", 0.7),
    Limit("sales in", ("sales",), "sales_copy", "COPY into a bare table, then one index", 0.5),
    Limit("ledger, by entries", LEDGER, "ledger_copy", "binary COPY of as many legs into a bare table", 0.3, 0.45),
    Limit(
        "ledger, by legs", LEDGER, "ledger_copy", "the same for the legs that auditors see: sums by account", 0.3, 0.45
    ),
    Limit("split", (), "apportion_floor", "numpy, nothing corrected or proven; apart from the cycle", 0.333),
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
        "sales_copy": ["--file", str(data / "sales.csv"), "--database-url", instance.owner_url],
        "ledger, by entries": ["--legs", str(cycle.entries), "--database-url", instance.owner_url],
        "ledger, by legs": ["--legs", str(cycle.legs), "--database-url", instance.owner_url],
        "apportion_floor": ["--weights", str(APPORTIONED)],
    }
    found = []
    for limit in LIMITS:
        said = _run(limit.script, words.get(limit.name) or words[limit.script])
        product_s = said.get("product_wall_s") or sum(map(cycle.wall_s, limit.stages))
        if not product_s:
            raise Refused(
                f"The product told no time of {', '.join(limit.stages)}: bench/limits/ has lost its other side."
            )
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
            "name": limit.name, "stages": limit.stages, "limit": limit.what,
            "script": f"bench/limits/{limit.script}.py",
            "rows": of_limit[0].rows, "limit_s": round(limit_s, 4), "product_s": round(product_s, 4),
            "share": round(share, 3), "goal": limit.goal, "beyond": limit.beyond, "met": share >= limit.goal,
            "met_beyond": limit.beyond is not None and share >= limit.beyond,
        })  # fmt: skip
    return lines
