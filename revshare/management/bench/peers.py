"""What the product is compared with: scripts under bench/ that do the arithmetic of the same cycle."""

import importlib.util
import shutil
import sys
from pathlib import Path

from config.instance import ROOT
from revshare.errors import Refused
from revshare.lake import sha256_of
from revshare.management.bench.measured import Measured, measure

SCRIPTS = {"duckdb": "peer_duckdb.py", "pandas": "peer_pandas.py", "limit": "limit_numpy.py"}
NEEDS = {"limit": "polars"}


def chosen(text: str) -> list[str]:
    """`duckdb,pandas` as names. Raises Refused for one that is not known or cannot run here."""
    names = [name for name in text.split(",") if name]
    for name in names:
        if name not in SCRIPTS:
            raise Refused(f"There is no peer called {name!r}; there are {', '.join(SCRIPTS)}.")
        if name in NEEDS and importlib.util.find_spec(NEEDS[name]) is None:
            raise Refused(f"The peer {name} needs {NEEDS[name]}, which is not installed: see bench/README.md.")
    return names


def run_peer(name: str, *, data: Path, format: str, out: Path) -> Measured:
    """Runs one peer from the files to its payouts.csv."""
    shutil.rmtree(out, ignore_errors=True)  # never compare a file of an earlier run
    script = ROOT / "bench" / SCRIPTS[name]
    return measure([sys.executable, str(script), "--data", str(data), "--out", str(out), "--format", format], cwd=ROOT)


def payouts_hash(out: Path) -> str:
    """SHA-256 of the payouts that a command wrote; empty if it wrote none."""
    path = out / "payouts.csv"
    return sha256_of(path) if path.exists() else ""
