"""I17: the same payouts to the byte whatever the order and cut of the files, the machine's zone, locale and hash seed."""

import csv
import gzip
import io
import random
from pathlib import Path

import pytest

from tests.conftest import FIXTURES, World

PERIOD = ("--start", "2011-11-01", "--end", "2011-12-01", "--timezone", "Europe/London")
TATE = FIXTURES / "tate"
NAMES = ("contributors.csv", "models.csv", "attributions.csv.gz", "sales.csv.gz")


def read(name: str) -> tuple[list[str], list[list[str]]]:
    content = (TATE / name).read_bytes()
    text = (gzip.decompress(content) if name.endswith(".gz") else content).decode("utf-8")
    header, *rows = csv.reader(io.StringIO(text, newline=""))
    return header, rows


def write(path: Path, header: list[str], rows: list[list[str]]) -> Path:
    text = io.StringIO()
    csv.writer(text, lineterminator="\n").writerows([header, *rows])
    path.write_text(text.getvalue(), encoding="utf-8")
    return path


def outcome(world: World, folder: Path, files: list[tuple[str, Path]], **env: str) -> tuple[bytes, str, str]:
    """(payouts file, input digest, result digest) of November over these files, taken in in this order: all in one
    process that lives under `env`."""
    listed = [(kind, str(path)) for kind, path in files]
    run = ("run_cycle", "2011-11", *PERIOD, "--policy", "contributor-fund", "--export", str(folder / "out"))
    script = (
        "from pathlib import Path; from django.core.management import call_command\n"
        "from revshare.management.base import acting; from revshare.ingest.operations import ingest\n"
        f"for kind, path in {listed!r}: ingest(kind=kind, path=Path(path), act=acting(None, 'ingest'))\n"
        f"call_command('register_policy', {str(TATE / 'policy.toml')!r}); call_command(*{run!r})"
    )
    world.manage("shell", "--no-imports", "-c", script, **env)
    [digests] = world.rows("SELECT input_digest, result_digest FROM cycles_cycle")
    return (folder / "out" / "payouts.csv").read_bytes(), *digests


@pytest.fixture(scope="module")
def reference(module_world: World, tmp_path_factory: pytest.TempPathFactory) -> tuple[bytes, str, str]:
    files = [(name.split(".")[0], TATE / name) for name in NAMES]
    return outcome(module_world, tmp_path_factory.mktemp("reference"), files)


def test_shuffled_rows_in_ten_files_in_another_order(
    world: World, tmp_path: Path, reference: tuple[bytes, str, str]
) -> None:
    """Ten files of each kind, shuffled; sales before anything else, and many refunds before their sales; contributors
    last. On a machine with another time zone, locale and hash seed."""
    rng = random.Random(17)
    env = {"TZ": "Pacific/Kiritimati", "LC_ALL": "C.UTF-8", "LANG": "tr_TR.UTF-8", "PYTHONHASHSEED": "4711",
           "REVSHARE_DUCKDB_THREADS": "2"}  # fmt: skip
    files: list[tuple[str, Path]] = []
    for kind, name in (("sales", "sales.csv.gz"), ("attributions", "attributions.csv.gz")):
        header, rows = read(name)
        rng.shuffle(rows)
        columns = list(range(len(header)))
        rng.shuffle(columns)
        header, rows = [header[c] for c in columns], [[row[c] for c in columns] for row in rows]
        parts = [rows[start::10] for start in range(10)]
        rng.shuffle(parts)
        files += [(kind, write(tmp_path / f"{kind}-{number}.csv", header, part)) for number, part in enumerate(parts)]
    files += [("models", TATE / "models.csv"), ("contributors", TATE / "contributors.csv")]
    assert outcome(world, tmp_path, files, **env) == reference
    assert world.rows("SELECT count(*) FROM files_quarantined_row WHERE state = 'open'") == [(0,)]
    assert world.rows("SELECT count(*) > 50 FROM files_quarantined_row WHERE state = 'accepted'") == [(True,)]


@pytest.mark.long
def test_other_hash_seed_zone_and_threads(world: World, tmp_path: Path, reference: tuple[bytes, str, str]) -> None:
    env = {"TZ": "America/St_Johns", "LC_ALL": "C", "PYTHONHASHSEED": "1", "REVSHARE_DUCKDB_THREADS": "2"}
    files = [(name.split(".")[0], TATE / name) for name in reversed(NAMES)]
    assert outcome(world, tmp_path, files, **env) == reference
