"""The result as tables, for a terminal and for the documents alike (Markdown)."""

from collections.abc import Iterable, Iterator, Sequence
from typing import Any

from revshare.management.bench.race import MEBIBYTE, PRODUCT

# Parts of stages that take less of the cycle are in the JSON only.
SHOWN_SHARE = 0.01


def title(result: dict[str, Any]) -> str:
    """What was run, in one line."""
    runs = f"median of {result['runs']} runs" if result["runs"] > 1 else "one run"
    return f"{_amounts(result)}, {_format(result['format'])}: {runs}"


def contestants(result: dict[str, Any]) -> Iterator[str]:
    """Whole runs side by side."""
    head = ("whole cycle", "wall s", f"{PRODUCT} takes", "cpu s", "services' cpu s", "other cpu s", "peak memory MB")
    yield from _table(head, (
        (
            who, _seconds(line["wall_s"]), "" if who == PRODUCT else _times(line["product_ratio"]),
            _seconds(line["cpu_s"]), _seconds(line["services_cpu_s"]), _seconds(line["other_cpu_s"]),
            _megabytes(line["peak_bytes"]),
        )
        for who, line in result["contestants"].items()
    ))  # fmt: skip


def stages(result: dict[str, Any]) -> Iterator[str]:
    """The product's stages, and their parts that matter."""
    head = ("stage", "rows", "rows/s", "wall s", "cpu s", "services' cpu s", "peak memory MB")
    total = sum(stage["wall_s"] for stage in result["stages"] if ": " not in stage["name"])
    yield from _table(head, (
        (
            _name(stage["name"]), _number(stage["rows"]), _number(stage["rows_per_s"]), _seconds(stage["wall_s"]),
            _seconds(stage["cpu_s"]), _seconds(stage["services_cpu_s"]), _megabytes(stage["peak_bytes"]),
        )
        for stage in result["stages"]
        if stage["rows"] or ": " not in stage["name"] or stage["wall_s"] >= SHOWN_SHARE * total
    ))  # fmt: skip


def limits(result: dict[str, Any]) -> Iterator[str]:
    """How near the product comes to the least that some of its work can cost, and what it should reach; nothing
    if that was not measured."""
    if not result["limits"]:
        return
    head = ("work", "rows", "rows/s", "s", "limit s", "share of limit", "goal", "met", "limit")
    yield from _table(head, (
        (
            line["name"], _number(line["rows"]), _number(round(line["rows"] / line["product_s"])),
            _seconds(line["product_s"], places=3), _seconds(line["limit_s"], places=3), f"{line['share']:.2f}",
            f"{line['goal']:.2f}" + (f", beyond {line['beyond']:.2f}" if line["beyond"] else ""),
            "beyond" if line["met_beyond"] else "yes" if line["met"] else "no", line["limit"],
        )
        for line in result["limits"]
    ))  # fmt: skip


def second_cycle(result: dict[str, Any]) -> str:
    """The second cycle, in a sentence; empty if there was none."""
    second = result["second_cycle"]
    if second is None:
        return ""
    return (
        f"A second cycle on the same manifests, a month later: {second['wall_s']:.2f} s from lock to payouts, "
        f"{second['product_ratio']:.2f} times what {second['peer']} takes, which begins anew "
        f"({second['peer_wall_s']:.2f} s); taking in its sales before that: {second['sales_ingest_s']:.2f} s."
    )


def verdict(result: dict[str, Any]) -> str:
    """Whether everybody came to the same payouts."""
    who = dict.fromkeys(name for by in result["payouts_sha256"].values() for name in by)
    if not result["agree"]:
        return "DISAGREE" if not result["failures"] else "FAILED"
    return f"All payouts AGREE byte for byte ({', '.join(who)})." if len(who) > 1 else "There was nobody to agree with."


def methods(result: dict[str, Any]) -> Iterator[str]:
    """What each way of sharing costs: for each amount that it gives, and beside the plainest, the first."""
    head = ("method", "amounts", "wall s", "cpu s", "cpu µs an amount", "of the first")
    lines = result["lines"]
    plainest = lines[0]["cpu_s"]
    yield from _table(head, (
        (
            line["method"], _number(line["amounts"]), _seconds(line["wall_s"], places=3),
            _seconds(line["cpu_s"], places=3), f"{line['cpu_s'] * 1e6 / max(line['amounts'], 1):.2f}",
            _times(line["cpu_s"] / plainest if plainest > 0 else None),
        )
        for line in lines
    ))  # fmt: skip


def methods_title(result: dict[str, Any]) -> str:
    """What was run for the methods, in one line."""
    return f"Ways of sharing, {title(result)}"


def growth(result: dict[str, Any]) -> Iterator[str]:
    """Seconds at each size, and the exponent of growth."""
    sizes = [_short(size["rows"]) for size in result["sizes"]]
    head = ("", *(f"{name}: {what}" for name in sizes for what in ("rows", "wall s")), "exponent")
    yield from _table(head, (
        (
            line["name"],
            *(cell for rows, wall_s in zip(line["rows"], line["wall_s"], strict=True)
              for cell in (_number(rows), _seconds(wall_s))),
            "" if line["exponent"] is None else f"{line['exponent']:.2f}",
        )
        for line in result["lines"]
    ))  # fmt: skip


def growth_title(result: dict[str, Any]) -> str:
    """What was run for the growth, in one line."""
    return f"Growth, {_format(result['format'])}, one run at each of " + "; ".join(map(_amounts, result["sizes"]))


def machine(result: dict[str, Any]) -> str:
    """What it ran on, in one line."""
    facts = dict(result["machine"])
    cores, memory, system = facts.pop("cores"), facts.pop("memory_gib"), facts.pop("system")
    processor = facts.pop("processor")
    libraries = ", ".join(f"{name} {version}" for name, version in facts.items())
    return f"{cores} cores ({processor}), {memory} GiB, {system}; {libraries}."


def _table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> Iterator[str]:
    """Markdown, padded so that it can be read as it is; the first column to the left, the others to the right."""
    lines = [head, *rows]
    widths = [max(3, *(len(line[place]) for line in lines)) for place in range(len(head))]
    for number, line in enumerate(lines):
        cells = [f"{cell:>{width}}" if place else f"{cell:<{width}}"
                 for place, (cell, width) in enumerate(zip(line, widths, strict=True))]  # fmt: skip
        yield f"| {' | '.join(cells)} |"
        if not number:
            marks = ["-" * width if not place else "-" * (width - 1) + ":" for place, width in enumerate(widths)]
            yield f"| {' | '.join(marks)} |"


def _name(stage: str) -> str:
    step, _, part = stage.partition(": ")
    return f"· {part}" if part else step


def _amounts(size: dict[str, Any]) -> str:
    kinds = {"rows": "attributions", "contributors": "contributors", "sales": "sales"}
    return ", ".join(f"{_short(size[name])} {kind}" for name, kind in kinds.items())


def _short(number: int) -> str:
    for unit, zeros in (("M", 1_000_000), ("k", 1_000)):
        if number >= zeros and number % (zeros // 10) == 0:
            return f"{number / zeros:g}{unit}"
    return f"{number:,}"


def _format(name: str) -> str:
    return {"csv": "CSV", "parquet": "Parquet"}[name]


def _number(value: int | None) -> str:
    return "" if value is None else f"{value:,}"


def _seconds(value: float, places: int = 2) -> str:
    return f"{value:.{places}f}"


def _times(value: float | None) -> str:
    return "" if value is None else f"{value:.2f} ×"


def _megabytes(value: int | None) -> str:
    return "" if value is None else f"{value / MEBIBYTE:,.0f}"
