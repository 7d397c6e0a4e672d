"""The files of the benchmark: made once by bench/gen.py, kept as long as that script stays the same."""

import json
import shutil
import subprocess
import sys
from dataclasses import asdict, dataclass
from pathlib import Path

import duckdb

from config.instance import ROOT
from revshare.errors import Refused
from revshare.lake import BLOCK_BYTES, literal, sha256_of

GENERATOR = ROOT / "bench" / "gen.py"
FORMATS = ("csv", "parquet")
UNITS = {"k": 1_000, "M": 1_000_000}
# June has 30 days: moved by a month, every moment of it exists.
MOVED = {
    "sale_id": "'july-' || sale_id",
    "sold_at": "replace(sold_at, '2026-06-', '2026-07-')",
    "refund_of": "CASE WHEN coalesce(refund_of, '') = '' THEN refund_of ELSE 'july-' || refund_of END",
}


@dataclass(frozen=True)
class Size:
    """How much there is to do."""

    rows: int
    contributors: int
    sales: int
    seed: int = 7

    @property
    def name(self) -> str:
        return f"rows{self.rows}-contributors{self.contributors}-sales{self.sales}-seed{self.seed}"


def count(text: str) -> int:
    """`10M`, `100k` or `1234` as a number. Raises ValueError."""
    unit = UNITS.get(text[-1:], 1)
    number = int(text if unit == 1 else text[:-1]) * unit
    if number <= 0:
        raise ValueError(f"{text} is not a count")
    return number


def size(text: str) -> Size:
    """`10M:1M:1M` as rows, contributors, sales. Raises ValueError."""
    rows, contributors, sales = map(count, text.split(":"))
    return Size(rows, contributors, sales)


def make(work: Path, size: Size) -> Path:
    """The folder with the files of this size, in both formats; made unless it is there. Raises Refused."""
    folder = work / size.name
    if _generator_of(folder) != sha256_of(GENERATOR)[:16]:
        sizes = [word for name, value in asdict(size).items() for word in (f"--{name}", str(value))]
        done = subprocess.run(
            [sys.executable, str(GENERATOR), "--out", str(folder), "--parquet", *sizes], capture_output=True, text=True
        )
        if done.returncode:
            raise Refused(f"bench/gen.py failed: {done.stderr.strip()[-600:]}")
    return folder


def _generator_of(folder: Path) -> str:
    """The hash of the script that made the folder; gen.py writes meta.json last."""
    try:
        return str(json.loads((folder / "meta.json").read_text())["generator"])
    except FileNotFoundError:
        return ""


def one_format(data: Path, format: str, folder: Path) -> Path:
    """A folder as `run_cycle --from` wants it: every kind of file once."""
    _link(data, folder, f"attributions.{format}", f"sales.{format}", "contributors.csv", "models.csv", "policy.toml")
    return folder


def second_month(data: Path, format: str, folder: Path) -> Path:
    """The same again a month later: sales with ids and dates of their own, everything else as it was."""
    source, target = data / f"sales.{format}", folder / f"sales.{format}"
    if not target.exists() or target.stat().st_mtime < source.stat().st_mtime:
        _link(data, folder, f"attributions.{format}", "contributors.csv", "models.csv", "policy.toml")
        draft = folder / "sales.draft"
        columns = ", ".join(f"{sql} AS {name}" for name, sql in MOVED.items())
        options = ", all_varchar = true" if format == "csv" else ""
        with duckdb.connect() as con:
            con.execute(
                f"COPY (SELECT * REPLACE ({columns}) FROM read_{format}({literal(source)}{options})) "
                f"TO {literal(draft)} (FORMAT {format})"
            )
        draft.replace(target)
    return folder


def second_month_to_take_in(month: Path, format: str, folder: Path) -> Path:
    """What of the second month the product has not seen: the sales."""
    _link(month, folder, f"sales.{format}", "policy.toml")
    return folder


def _link(source: Path, folder: Path, *names: str) -> None:
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    for name in names:
        (folder / name).symlink_to(source / name)


def warm(folder: Path) -> None:
    """Reads the files once, so that nobody is the one who waits for the disk."""
    for path in folder.iterdir():
        if path.is_file():
            with path.open("rb") as file:
                while file.read(BLOCK_BYTES):
                    pass
