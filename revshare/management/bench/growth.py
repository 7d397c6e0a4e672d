"""How time grows with size: the exponent of each stage, from one run at each of several sizes."""

import math
from collections.abc import Callable, Sequence
from dataclasses import replace
from statistics import linear_regression
from typing import Any

from revshare.management.bench import race
from revshare.management.bench.inputs import Size
from revshare.management.bench.race import PRODUCT, Plan


def exponent(points: Sequence[tuple[float, float]]) -> float | None:
    """The slope of a straight line through log(size), log(seconds): 1 is proportional, 2 quadratic. None where the
    sizes do not differ or a time was too short to be seen."""
    usable = [(math.log(size), math.log(seconds)) for size, seconds in points if size > 0 and seconds > 0]
    if len(usable) < len(points) or len({size for size, _ in usable}) < 2:
        return None
    return linear_regression(*zip(*usable, strict=True)).slope


def run(plan: Plan, sizes: Sequence[Size], say: Callable[[str], None]) -> dict[str, Any]:
    """Runs the product and its peers once at each size, for JSON."""
    once = replace(plan, runs=1, with_limits=False, second_cycle=False)
    results = [race.run(replace(once, size=size), say) for size in sizes]
    return {
        "format": plan.format, "agree": all(one["agree"] for one in results),
        "sizes": [{name: one[name] for name in ("rows", "contributors", "sales")} for one in results],
        "failures": [text for one in results for text in one["failures"]],
        "machine": results[0]["machine"], "lines": _contestants(results) + _stages(results),
    }  # fmt: skip


def _contestants(results: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Whole runs, against the rows of attributions."""
    everywhere = [who for who in results[0]["contestants"] if all(who in one["contestants"] for one in results)]
    return [
        _line(who, [(one["rows"], one["contestants"][who]["wall_s"]) for one in results])
        for who in sorted(everywhere, key=lambda who: who != PRODUCT)
    ]


def _stages(results: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Stages of the product, each against the rows that it has to do with."""
    by_name = [{stage["name"]: stage for stage in one["stages"]} for one in results]
    shared = [name for name in by_name[0] if all(name in stages and stages[name]["rows"] for stages in by_name)]
    return [_line(name, [(stages[name]["rows"], stages[name]["wall_s"]) for stages in by_name]) for name in shared]


def _line(name: str, points: list[tuple[int, float]]) -> dict[str, Any]:
    slope = exponent(points)
    return {
        "name": name, "rows": [rows for rows, _ in points], "wall_s": [seconds for _, seconds in points],
        "exponent": None if slope is None else round(slope, 2),
    }  # fmt: skip
