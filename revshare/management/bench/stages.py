"""The product's own account of a run, and what was seen from outside, put together stage by stage."""

from dataclasses import asdict, dataclass
from statistics import median
from typing import Any

from revshare.management.bench.measured import Measured

NO_STAGE = ("", "done")


@dataclass(frozen=True)
class Stage:
    """What one stage of one run took. `name` is a step, or `step: stage` for a part of one."""

    name: str
    wall_s: float
    cpu_s: float
    services_cpu_s: float
    peak_bytes: int | None
    rows: int | None = None


def stages_of(spans: list[dict[str, Any]], measured: Measured, rows: dict[str, int]) -> list[Stage]:
    """Each step, followed by its parts, in the order of time. What the process did outside of steps comes first: its
    start, and little else."""
    steps: dict[str, list[dict[str, Any]]] = {}
    for span in spans:
        steps.setdefault(span["step"], []).append(span)
    found = [_start(spans, measured)]
    for step, of_step in steps.items():
        found.append(_stage(step, of_step, measured, rows))
        parts: dict[str, list[dict[str, Any]]] = {}
        for span in of_step:
            if span["stage"] not in NO_STAGE:
                parts.setdefault(span["stage"], []).append(span)
        found += [_stage(f"{step}: {part}", of_part, measured, rows) for part, of_part in parts.items()]
    return found


def _stage(name: str, spans: list[dict[str, Any]], measured: Measured, rows: dict[str, int]) -> Stage:
    times = [(span["started"], span["started"] + span["wall_s"]) for span in spans]
    peaks = [peak for start, end in times if (peak := measured.samples.peak_bytes(start, end)) is not None]
    return Stage(
        name=name, wall_s=sum(span["wall_s"] for span in spans), cpu_s=sum(span["cpu_s"] for span in spans),
        services_cpu_s=sum(measured.samples.services_cpu_s(start, end) for start, end in times),
        peak_bytes=max(peaks, default=None), rows=rows.get(name),
    )  # fmt: skip


def _start(spans: list[dict[str, Any]], measured: Measured) -> Stage:
    wall_s, cpu_s = (sum(span[name] for span in spans) for name in ("wall_s", "cpu_s"))
    first = min((span["started"] for span in spans), default=measured.started)
    return Stage(
        name="start", wall_s=measured.wall_s - wall_s, cpu_s=max(measured.cpu_s - cpu_s, 0.0),
        services_cpu_s=measured.samples.services_cpu_s(measured.started, first),
        peak_bytes=measured.samples.peak_bytes(measured.started, first),
    )  # fmt: skip


def medians(runs: list[list[Stage]]) -> list[dict[str, Any]]:
    """One line a stage over all runs, for JSON. A stage may be missing in some run."""
    names = dict.fromkeys(stage.name for run in runs for stage in run)
    return [_median([stage for run in runs for stage in run if stage.name == name]) for name in names]


def _median(stages: list[Stage]) -> dict[str, Any]:
    line: dict[str, Any] = asdict(stages[0])
    for name in ("wall_s", "cpu_s", "services_cpu_s", "peak_bytes"):
        known = [value for stage in stages if (value := getattr(stage, name)) is not None]
        line[name] = round(median(known), 3) if known else None
    line["rows_per_s"] = round(line["rows"] / line["wall_s"]) if line["rows"] and line["wall_s"] else None
    return line
