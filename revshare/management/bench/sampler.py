"""Looks at the processes of a run while it runs: memory of all of them, processor seconds of the services."""

import threading
import time
from bisect import bisect_left
from collections.abc import Sequence
from dataclasses import dataclass, field

from revshare.management.bench.processes import all_processes, family, proportional_bytes

EVERY_S = 0.05
# Reading how much memory a process has makes the kernel walk its pages, and the process wait: a big one is read less
# often, so that looking at it does not slow it down.
LARGEST_SHARE = 0.08


@dataclass(frozen=True)
class Sample:
    """What was seen at one moment of the machine's monotonic clock."""

    at: float
    memory_bytes: int
    services_cpu_s: float


@dataclass(frozen=True)
class Samples:
    """Everything that was seen, in order."""

    seen: Sequence[Sample] = field(default_factory=list)

    def peak_bytes(self, start: float, end: float) -> int | None:
        """The most memory seen in [start, end]; None if nobody looked in that time."""
        return max((sample.memory_bytes for sample in self.seen if start <= sample.at <= end), default=None)

    def services_cpu_s(self, start: float, end: float) -> float:
        """What the services used of the processors from `start` to `end`, by straight lines between the samples."""
        return self._services_at(end) - self._services_at(start)

    def _services_at(self, moment: float) -> float:
        after = bisect_left(self.seen, moment, key=lambda sample: sample.at)
        if after == 0 or after == len(self.seen):
            return self.seen[min(after, len(self.seen) - 1)].services_cpu_s if self.seen else 0.0
        left, right = self.seen[after - 1], self.seen[after]
        part = (moment - left.at) / (right.at - left.at)
        return left.services_cpu_s + part * (right.services_cpu_s - left.services_cpu_s)


class Sampler:
    """Samples from entering the block to leaving it. `services` are the processes that served before and will after;
    `watch` names the one that is measured."""

    def __init__(self, *, services: Sequence[int] = (), every_s: float = EVERY_S) -> None:
        self.seen: list[Sample] = []
        self._services = list(services)
        self._every_s = every_s
        self._watched: list[int] = []
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, name="sampler", daemon=True)

    def __enter__(self) -> "Sampler":
        self.seen.append(self._look())
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        self._thread.join()
        self.seen.append(self._look())

    def watch(self, pid: int) -> None:
        """Looks at this process and its descendants too."""
        self._watched.append(pid)

    @property
    def samples(self) -> Samples:
        return Samples(tuple(self.seen))

    def _run(self) -> None:
        wait = self._every_s
        while not self._stop.wait(wait):
            began = time.thread_time()
            self.seen.append(self._look())
            wait = max(self._every_s, (time.thread_time() - began) / LARGEST_SHARE)

    def _look(self) -> Sample:
        at, processes = time.monotonic(), all_processes()
        serving = family(self._services, processes)
        everybody = set(serving) | set(family(self._watched, processes))
        return Sample(
            at=at,
            memory_bytes=sum(map(proportional_bytes, everybody)),
            services_cpu_s=sum(processes[pid].cpu_s for pid in serving),
        )
