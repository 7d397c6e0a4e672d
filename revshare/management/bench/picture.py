"""The results as a picture: a bar for every contestant of every run that is recorded, as SVG."""

from collections.abc import Iterator
from typing import Any
from xml.sax.saxutils import escape

from revshare.management.bench.race import PRODUCT

WIDTH, LEFT, RIGHT = 900, 110, 190
BAR, GAP, HEAD, LEGEND = 18, 6, 34, 40
GREY = "#9aa5b1"
# What the product's bar consists of, by the first word of a stage's name.
PARTS = {
    "start": ("start", "#c8d0d9"), "open": ("start", "#c8d0d9"),
    "contributors": ("files in", "#3b82c4"), "models": ("files in", "#3b82c4"),
    "attributions": ("files in", "#3b82c4"), "sales": ("files in", "#3b82c4"),
    "lock": ("lock, weigh", "#e0a030"), "calculate": ("calculate", "#4a9d5b"),
    "submit": ("publish, export", "#9b6bb3"), "approve": ("publish, export", "#9b6bb3"),
    "publish": ("publish, export", "#9b6bb3"), "export": ("publish, export", "#9b6bb3"),
}  # fmt: skip
OTHER = ("other", "#6b7785")


def svg(runs: list[tuple[str, dict[str, Any]]]) -> str:
    """All recorded runs, each with its title, one below the other, each to a scale of its own."""
    lines: list[str] = []
    top = LEGEND
    for title, result in runs:
        lines.append(_text(LEFT, top + HEAD - 12, title, weight="bold"))
        top += HEAD
        longest = max((line["wall_s"] for line in result["contestants"].values()), default=0) or 1
        for who, line in result["contestants"].items():
            lines += _bar(top, who, line, result, scale=(WIDTH - LEFT - RIGHT) / longest)
            top += BAR + GAP
    head = (
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{WIDTH}" height="{top + GAP}" '
        f'viewBox="0 0 {WIDTH} {top + GAP}" font-family="sans-serif" font-size="13">'
    )
    return "\n".join([head, '<rect width="100%" height="100%" fill="#ffffff"/>', *_legend(), *lines, "</svg>"]) + "\n"


def _bar(top: int, who: str, line: dict[str, Any], result: dict[str, Any], scale: float) -> Iterator[str]:
    yield _text(LEFT - 8, top + BAR - 5, who, anchor="end")
    left = float(LEFT)
    for _, colour, seconds in _parts(result) if who == PRODUCT else [("", GREY, line["wall_s"])]:
        yield f'<rect x="{left:.1f}" y="{top}" width="{seconds * scale:.1f}" height="{BAR}" fill="{colour}"/>'
        left += seconds * scale
    said = f"{line['wall_s']:.2f} s"
    if who != PRODUCT and line["product_ratio"] is not None:
        said += f": {PRODUCT} takes {line['product_ratio']:.2f} ×"
    yield _text(left + 6, top + BAR - 5, said)


def _parts(result: dict[str, Any]) -> list[tuple[str, str, float]]:
    """(name, colour, seconds) of what the product's whole run consists of."""
    found: dict[tuple[str, str], float] = {}
    for stage in result["stages"]:
        if ": " not in stage["name"]:
            part = PARTS.get(stage["name"].split()[0], OTHER)
            found[part] = found.get(part, 0.0) + stage["wall_s"]
    return [(name, colour, seconds) for (name, colour), seconds in found.items()]


def _legend() -> Iterator[str]:
    left = LEFT
    for name, colour in dict.fromkeys([*PARTS.values(), OTHER]):
        yield f'<rect x="{left}" y="14" width="14" height="14" fill="{colour}"/>'
        yield _text(left + 20, 26, name)
        left += 130


def _text(x: float, y: float, text: str, *, anchor: str = "start", weight: str = "normal") -> str:
    return f'<text x="{x:.1f}" y="{y}" text-anchor="{anchor}" font-weight="{weight}">{escape(text)}</text>'
