"""Memory and processor seconds of processes that are really there, seen from outside."""

import os
import subprocess
import sys
import time
from pathlib import Path

import pytest

from revshare.management.bench.measured import measure
from revshare.management.bench.processes import Process, all_processes, family, parse_stat, proportional_bytes
from revshare.management.bench.sampler import Sample, Sampler, Samples

pytestmark = pytest.mark.skipif(not Path("/proc/self/smaps_rollup").exists(), reason="Linux tells, others do not")

MIB = 1 << 20
HOLDS = "import time; held = b'x' * {size}; time.sleep({seconds})"
# The memory is held by a grandchild: the shell is the one that is watched.
HOLDS_BELOW = ["/bin/sh", "-c", '"$0" -c "$1"; true', sys.executable]
BUSY = "import time\nend = time.process_time() + 0.3\nwhile time.process_time() < end: pass\nprint('done')"


def test_a_name_in_brackets_does_not_confuse() -> None:
    line = b"77 (a) b (c) S 5 77 77 0 -1 4194560 1 2 3 4 100 50 25 25 20 0 1 0 9\n"
    assert parse_stat(line) == Process(parent=5, cpu_s=200 / os.sysconf("SC_CLK_TCK"))


def test_a_family_is_the_roots_and_all_below_them() -> None:
    parents = {1: 0, 10: 1, 11: 10, 12: 11, 20: 1, 21: 20}
    processes = {pid: Process(parent, 0.0) for pid, parent in parents.items()}
    assert sorted(family([10, 21, 99], processes)) == [10, 11, 12, 21]
    assert sorted(family([10, 11], processes)) == [10, 11, 12]


def test_this_process_is_among_all_processes() -> None:
    me = all_processes()[os.getpid()]
    assert me.parent == os.getppid()
    assert 0 < me.cpu_s < 3600
    assert proportional_bytes(os.getpid()) > MIB
    assert proportional_bytes(2**30) == 0


def test_memory_of_a_descendant_counts_and_only_while_it_is_held() -> None:
    small = measure([*HOLDS_BELOW, HOLDS.format(size=1, seconds=0.4)], cwd=Path("/"))
    large = measure([*HOLDS_BELOW, HOLDS.format(size=100 * MIB, seconds=0.4)], cwd=Path("/"))
    assert 95 * MIB < large.peak_bytes - small.peak_bytes < 110 * MIB
    assert large.wall_s > 0.4
    assert large.cpu_s < large.wall_s


def test_a_service_counts_with_what_it_does_meanwhile() -> None:
    service = subprocess.Popen([sys.executable, "-c", BUSY + "\ntime.sleep(30)"], stdout=subprocess.PIPE)
    try:
        assert service.stdout
        measured = measure(["/bin/sh", "-c", "sleep 0.8"], cwd=Path("/"), services=[service.pid])
        assert service.stdout.readline() == b"done\n"
        before = all_processes()[service.pid].cpu_s
        assert measured.services_cpu_s == pytest.approx(before, abs=0.25)
        assert measured.services_cpu_s > 0.1
        assert measured.peak_bytes >= proportional_bytes(service.pid)
        idle = measure(["/bin/sh", "-c", "true"], cwd=Path("/"), services=[service.pid])
        assert idle.services_cpu_s < 0.05
    finally:
        service.kill()
        service.wait()
        assert service.stdout
        service.stdout.close()


def test_a_command_that_fails_says_why() -> None:
    failed = measure(["/bin/sh", "-c", "echo nothing works >&2; exit 3"], cwd=Path("/"))
    assert failed.why == "exit 3: nothing works"


def test_it_looks_often() -> None:
    with Sampler(every_s=0.02) as sampler:
        time.sleep(1)
    moments = [sample.at for sample in sampler.samples.seen]
    assert moments == sorted(moments)
    assert len(moments) >= 6


def test_peaks_and_seconds_of_a_stretch() -> None:
    samples = Samples([Sample(0.0, 100, 1.0), Sample(1.0, 900, 2.0), Sample(2.0, 300, 6.0)])
    assert samples.peak_bytes(0.0, 2.0) == 900
    assert samples.peak_bytes(1.5, 9.0) == 300
    assert samples.peak_bytes(0.2, 0.8) is None
    assert samples.services_cpu_s(0.5, 1.5) == pytest.approx(2.5)
    assert samples.services_cpu_s(-5.0, 9.0) == pytest.approx(5.0)
    assert Samples().services_cpu_s(0.0, 1.0) == 0.0
