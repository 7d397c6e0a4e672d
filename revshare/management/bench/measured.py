"""Runs one command and measures it."""

import os
import subprocess
import tempfile
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import IO

from revshare.management.bench.processes import machine_busy_s
from revshare.management.bench.sampler import Sampler, Samples


@dataclass(frozen=True)
class Measured:
    """What a command took. `cpu_s` is its own and its children's; `services_cpu_s` that of servers it used;
    `other_cpu_s` what the machine did besides: a disturbance."""

    started: float
    wall_s: float
    cpu_s: float
    services_cpu_s: float
    other_cpu_s: float
    peak_bytes: int
    exit: int
    out: str
    err: str
    samples: Samples

    @property
    def why(self) -> str:
        """The end of what a command said that failed."""
        return f"exit {self.exit}: {(self.err or self.out).strip()[-600:]}"


def measure(
    command: Sequence[str], *, cwd: Path, env: Mapping[str, str] | None = None, services: Sequence[int] = ()
) -> Measured:
    """Runs a command to its end. What earlier commands left to be written to disk is written first, so that it does
    not count against this one."""
    os.sync()
    with tempfile.TemporaryFile() as out, tempfile.TemporaryFile() as err, Sampler(services=services) as sampler:
        busy, started = machine_busy_s(), time.monotonic()
        process = subprocess.Popen(command, cwd=cwd, env=env, stdout=out, stderr=err)
        sampler.watch(process.pid)
        _, status, used = os.wait4(process.pid, 0)
        ended, busy = time.monotonic(), machine_busy_s() - busy
        process.returncode = os.waitstatus_to_exitcode(status)
        said = [_text(file) for file in (out, err)]
    samples, cpu_s = sampler.samples, used.ru_utime + used.ru_stime
    services_cpu_s = samples.services_cpu_s(started, ended)
    return Measured(
        started=started, wall_s=ended - started, cpu_s=cpu_s, services_cpu_s=services_cpu_s,
        other_cpu_s=max(busy - cpu_s - services_cpu_s, 0.0), peak_bytes=samples.peak_bytes(started, ended) or 0,
        exit=process.returncode, out=said[0], err=said[1], samples=samples,
    )  # fmt: skip


def _text(file: IO[bytes]) -> str:
    file.seek(0)
    return file.read().decode(errors="replace")
