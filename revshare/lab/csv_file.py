"""A comparison as CSV: what each contributor gets under each policy."""

import csv
import io
from collections.abc import Iterable, Iterator, Sequence

import numpy as np

from revshare.cells import safe_cell
from revshare.lab.operations import Comparison

ROWS_AT_ONCE = 10_000


def csv_blocks(comparison: Comparison) -> Iterator[bytes]:
    """contributor_id, currency, a column `POLICY_micros` for each, and after these the differences from the first:
    `difference_micros`, or where several policies are compared with it `POLICY_difference_micros`. These are what is
    earned. Where contributors have splits, at the end a column `POLICY_after_splits_micros` for each.

    One row per contributor whom any policy pays, be it by a split, by currency, then by id in code-point order. Names
    are safe to open in a spreadsheet.
    """
    names = [outcome.candidate.name for outcome in comparison.outcomes]
    others = [f"{name}_difference_micros" for name in names[1:]] if len(names) > 2 else ["difference_micros"]
    heads = [*(f"{name}_micros" for name in names), *(others if len(names) > 1 else [])]
    numbers = range(len(names))
    if comparison.splits:
        heads += [f"{name}_after_splits_micros" for name in names]
    yield _lines([["contributor_id", "currency", *map(safe_cell, heads)]])
    for currency in comparison.currencies:
        amounts = np.array([comparison.amounts(number, currency) for number in numbers])
        table = np.concatenate([amounts, amounts[1:] - amounts[0]])
        if comparison.splits:
            table = np.concatenate([table, [comparison.after_splits(number, currency) for number in numbers]])
        paid = np.flatnonzero(table.any(axis=0))
        for start in range(0, len(paid), ROWS_AT_ONCE):
            codes = paid[start : start + ROWS_AT_ONCE]
            ids = comparison.ids.take(codes).to_pylist()
            yield _lines(
                [safe_cell(name), currency, *row]
                for name, row in zip(ids, table[:, codes].T.tolist(), strict=True)
            )  # fmt: skip


def _lines(rows: Iterable[Sequence[object]]) -> bytes:
    text = io.StringIO()
    csv.writer(text, lineterminator="\n").writerows(rows)
    return text.getvalue().encode("utf-8")
