"""What each way of sharing costs: bench/methods.py in a fresh instance, at a modest size."""

import json
import subprocess
import sys
from collections.abc import Callable
from typing import Any

from config.instance import ROOT
from revshare.errors import Refused
from revshare.management.bench import machine
from revshare.management.bench.inputs import Size
from revshare.management.bench.instance import fresh_instance
from revshare.management.bench.race import Plan

SCRIPT = ROOT / "bench" / "methods.py"
MOST = Size(rows=1_000_000, contributors=100_000, sales=100_000)
"""It tells the methods apart well enough: at the size of a large race it would take as long as that."""


def run(plan: Plan, say: Callable[[str], None]) -> dict[str, Any]:
    """All there is to say of it, for JSON. Raises Refused."""
    names = ("rows", "contributors", "sales")
    size = {name: min(getattr(plan.size, name), getattr(MOST, name)) for name in names}
    say("What each way of sharing costs")
    words = [word for name, value in size.items() for word in (f"--{name}", str(value))]
    with fresh_instance(plan.work / "home") as instance:
        command = [sys.executable, str(SCRIPT), *words, "--runs", str(plan.runs), "--work", str(plan.work), "--json"]
        done = subprocess.run(command, cwd=ROOT, env=instance.env, capture_output=True, text=True)
    if done.returncode:
        raise Refused(f"The ways of sharing could not be measured: {done.stderr.strip()[-600:]}")
    lines = json.loads(done.stdout.splitlines()[-1])
    return size | {"format": "csv", "runs": plan.runs, "machine": machine.facts(), "lines": lines}
