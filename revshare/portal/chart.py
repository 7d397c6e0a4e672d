"""Columns over time as the numbers of an SVG picture, made on the server. Pure: whole numbers only."""

from collections.abc import Sequence
from dataclasses import dataclass

WIDTH, HEIGHT, GAP = 1000, 200, 6
MOST_SERIES = 5
"""So many names have a colour of their own; the rest are one."""
OTHERS = "\0others"


@dataclass(frozen=True)
class Block:
    """A rectangle: which series it is of, and where it lies."""

    series: int
    x: int
    y: int
    width: int
    height: int


@dataclass(frozen=True)
class Chart:
    """`names`: of the series, in order of their colours. `rows`: each column's amounts, in the same order."""

    names: list[str]
    rows: list[list[int]]
    blocks: list[Block]
    highest: int


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
    return Chart(names, rows, _blocks(rows, highest), highest)


def _row(column: dict[str, int], names: list[str]) -> list[int]:
    row = [column.get(name, 0) for name in names]
    if names and names[-1] == OTHERS:
        row[-1] = sum(amount for name, amount in column.items() if name not in names)
    return row


def _blocks(rows: list[list[int]], highest: int) -> list[Block]:
    if highest <= 0:
        return []
    step = WIDTH // max(len(rows), 6)  # one or two columns do not fill the whole width
    blocks = []
    for at, row in enumerate(rows):
        top = HEIGHT
        for series, amount in enumerate(row):
            if amount > 0:
                height = max(amount * HEIGHT // highest, 1)
                top -= height
                blocks.append(Block(series, at * step + GAP // 2, top, step - GAP, height))
    return blocks
