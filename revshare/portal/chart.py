"""Columns over time as the numbers of an SVG picture, made on the server. Pure: whole numbers only."""

from collections.abc import Sequence
from dataclasses import dataclass

WIDTH, HEIGHT, GAP = 1000, 200, 6
FEWEST = 6
"""One or two columns do not fill the whole width."""
MOST_SERIES = 5
"""So many names have a colour of their own; the rest are one."""
OTHERS = "\0others"


@dataclass(frozen=True)
class Block:
    """A rectangle: which column it is in, which series it is of, and where it lies."""

    column: int
    series: int
    x: int
    y: int
    width: int
    height: int


@dataclass(frozen=True)
class Chart:
    """`names`: of the series, in order of their colours. `rows`: each column's amounts, in the same order. `top`: the
    round number at the upper end of the axis."""

    names: list[str]
    rows: list[list[int]]
    blocks: list[Block]
    highest: int
    top: int


def chart(columns: Sequence[dict[str, int]]) -> Chart:
    """Stacked columns. What is below one step of the picture is drawn as one step: nothing earned is invisible."""
    totals: dict[str, int] = {}
    for column in columns:
        for name, amount in column.items():
            totals[name] = totals.get(name, 0) + amount
    ordered = sorted(totals, key=lambda name: (-totals[name], name))
    names = ordered if len(ordered) <= MOST_SERIES else [*ordered[: MOST_SERIES - 1], OTHERS]
    rows = [_row(column, names) for column in columns]
    highest = max((sum(row) for row in rows), default=0)
    top = round_top(highest)
    return Chart(names, rows, _blocks(rows, top) if highest > 0 else [], highest, top)


def round_top(highest: int) -> int:
    """The least of 10, 20, 40, 50, 60, 80, 100, 200 … that is not below it: its half is a round number too."""
    scale = 10
    while scale * 10 < highest:
        scale *= 10
    return next(scale * step for step in (1, 2, 4, 5, 6, 8, 10) if scale * step >= highest)


def _row(column: dict[str, int], names: list[str]) -> list[int]:
    row = [column.get(name, 0) for name in names]
    if names and names[-1] == OTHERS:
        row[-1] = sum(amount for name, amount in column.items() if name not in names)
    return row


def _blocks(rows: list[list[int]], top: int) -> list[Block]:
    step = WIDTH // max(len(rows), FEWEST)
    blocks = []
    for at, row in enumerate(rows):
        upper = HEIGHT
        for series, amount in enumerate(row):
            if amount > 0:
                height = max(amount * HEIGHT // top, 1)
                upper -= height
                blocks.append(Block(at, series, at * step + GAP // 2, upper, step - GAP, height))
    return blocks
