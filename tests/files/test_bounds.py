"""No file under 10 MB takes more than 512 MiB or 10 seconds of a process of its own; and nothing of it is lost."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.conftest import ROOT, World
from tests.files.generators import BOMBS

MAX_BYTES = 512 << 20
MAX_SECONDS = 10
STOP_BYTES = 8 << 30  # address space: a bomb that goes off must not take the machine with it
# The peak that the system reports counts from the memory of the process that started it: so a small one does.
LAUNCHER = f"""
import json, os, resource, subprocess, sys, time
resource.setrlimit(resource.RLIMIT_AS, ({STOP_BYTES}, {STOP_BYTES}))
began = time.monotonic()
process = subprocess.Popen(sys.argv[1:])
_, status, usage = os.wait4(process.pid, 0)
seconds = time.monotonic() - began
print(json.dumps([os.waitstatus_to_exitcode(status), seconds, usage.ru_maxrss]), file=sys.stderr)
"""
QUICK = {
    "wide_header", "repeated_keys", "nesting_in_lines", "tiny_bad_rows", "gz_of_long_values", "parquet_long_dictionary",
}  # fmt: skip


@pytest.mark.parametrize(
    "name", [pytest.param(name, marks=() if name in QUICK else pytest.mark.long) for name in BOMBS]
)
def test_a_hostile_file_is_bounded(name: str, world: World, tmp_path: Path) -> None:
    kind, file_name, make = BOMBS[name]
    path = tmp_path / file_name
    make(path)
    assert path.stat().st_size < 10_000_000
    code, out, errors, seconds, peak_bytes = _ingest(world, kind, path)
    assert code in (0, 1), errors
    assert "Traceback" not in errors, errors
    answer = json.loads(out.splitlines()[-1])
    stored = world.rows("SELECT count(*) FROM audit.file")[0][0]
    if code:
        assert (set(answer), stored) == ({"refused", "reason"}, 0)
        assert len(answer["reason"]) < 1_000
    else:
        assert stored == 1
        assert answer["rows_in"] == answer["accepted"] + answer["duplicate"] + answer["quarantined"]
        assert world.rows("SELECT count(*) FROM files_quarantined_row")[0][0] == answer["quarantined"]
    assert not any((world.home / "spool").iterdir())
    assert peak_bytes <= MAX_BYTES, f"{peak_bytes >> 20} MiB"
    # Where others keep the processors busy it takes longer by as much.
    busy = max(1.0, os.getloadavg()[0] / (os.cpu_count() or 1))
    assert seconds <= MAX_SECONDS * busy, f"{seconds:.1f} s"


def _ingest(world: World, kind: str, path: Path) -> tuple[int, str, str, float, int]:
    """Exit code, stdout, stderr, seconds and peak memory of one command."""
    command = [sys.executable, "-c", LAUNCHER, sys.executable, "manage.py", "ingest", kind, str(path), "--json"]
    done = subprocess.run(command, cwd=ROOT, env=world.env, text=True, capture_output=True)
    *errors, measured = done.stderr.splitlines()
    code, seconds, kibibytes = json.loads(measured)
    return code, done.stdout, "\n".join(errors), seconds, kibibytes * 1024
