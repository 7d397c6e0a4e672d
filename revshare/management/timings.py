"""Where the time of a command goes: seconds of clock and of processor, stage by stage."""

import resource
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass


@dataclass(frozen=True)
class Span:
    """A stretch of one stage. `started`: by the machine's monotonic clock, which other processes can compare with."""

    step: str
    stage: str
    started: float
    wall_s: float
    cpu_s: float


def cpu_seconds() -> float:
    """What this process has used of the processors, its threads and ended children included."""
    children = resource.getrusage(resource.RUSAGE_CHILDREN)
    return time.process_time() + children.ru_utime + children.ru_stime


class StageClock:
    """Listens to a command: which step it is at (`step`), and what the step says it is doing (`note`).

    It costs two clock readings where the stage changes, and a comparison otherwise.
    """

    def __init__(self, *, wall: Callable[[], float] = time.monotonic, cpu: Callable[[], float] = cpu_seconds) -> None:
        self.spans: list[Span] = []
        self._wall, self._cpu = wall, cpu
        self._step, self._stage = "", ""
        self._since = (0.0, 0.0)

    @contextmanager
    def step(self, name: str) -> Iterator[None]:
        """Everything in the block belongs to this step. Steps do not nest."""
        assert not self._step, f"{name} inside of {self._step}"
        self._step, self._stage, self._since = name, "", self._now()
        try:
            yield
        finally:
            self._end()
            self._step = ""

    def note(self, stage: str) -> None:
        """The step says what it does from here on; outside of a step nobody listens."""
        if self._step and stage != self._stage:
            self._end()
            self._stage, self._since = stage, self._now()

    def _now(self) -> tuple[float, float]:
        return self._wall(), self._cpu()

    def _end(self) -> None:
        wall, cpu = self._now()
        started, cpu_before = self._since
        self.spans.append(Span(self._step, self._stage, started, wall - started, cpu - cpu_before))
