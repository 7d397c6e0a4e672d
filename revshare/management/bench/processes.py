"""What the kernel tells of processes (Linux; elsewhere there is nothing to read, and everything here is empty or 0)."""

import contextlib
import os
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

PROC = Path("/proc")
TICKS_PER_S = os.sysconf("SC_CLK_TCK")


@dataclass(frozen=True)
class Process:
    """A process: its parent, and its processor seconds with those of children that ended."""

    parent: int
    cpu_s: float


def all_processes() -> dict[int, Process]:
    """Every process of the machine, by its id."""
    found = {}
    for name in os.listdir(PROC) if PROC.exists() else ():
        if name.isdigit():
            with contextlib.suppress(OSError), open(f"{PROC}/{name}/stat", "rb", buffering=0) as file:
                found[int(name)] = parse_stat(file.read())  # unless it has just ended
    return found


def parse_stat(line: bytes) -> Process:
    """Reads /proc/PID/stat. The name in brackets may hold anything, brackets included."""
    fields = line[line.rindex(b")") + 2 :].split()
    return Process(parent=int(fields[1]), cpu_s=sum(map(int, fields[11:15])) / TICKS_PER_S)


def family(roots: Iterable[int], processes: dict[int, Process]) -> list[int]:
    """The roots that live, and everything that descends from them."""
    children: dict[int, list[int]] = {}
    for pid, process in processes.items():
        children.setdefault(process.parent, []).append(pid)
    found: list[int] = []
    waiting = [pid for pid in roots if pid in processes]
    while waiting:
        pid = waiting.pop()
        if pid not in found:
            found.append(pid)
            waiting += children.get(pid, [])
    return found


def proportional_bytes(pid: int) -> int:
    """Memory of a process where what it shares with others counts by its part, so that sums count it once."""
    with contextlib.suppress(OSError):
        for line in (PROC / str(pid) / "smaps_rollup").read_text().splitlines():
            if line.startswith("Pss:"):
                return int(line.split()[1]) * 1024
    return 0


def machine_busy_s() -> float:
    """Processor seconds that the machine has spent so far, on anything."""
    try:
        first = (PROC / "stat").read_text().partition("\n")[0]
    except OSError:
        return 0.0
    user, nice, system, _idle, _iowait, irq, softirq = map(int, first.split()[1:8])
    return (user + nice + system + irq + softirq) / TICKS_PER_S
