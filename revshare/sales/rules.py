"""Which refunds of a sale may stand. Pure."""

from collections.abc import Iterable
from dataclasses import dataclass


@dataclass(frozen=True, order=True)
class Refund:
    """A refund that came in: `at_us` its instant, `micros` ≤ 0."""

    at_us: int
    sale_id: str
    row: int
    micros: int


def beyond_their_sale(*, sale_micros: int, refunded_micros: int, refunds: Iterable[Refund]) -> list[int]:
    """The rows of refunds that would bring a sale below zero, given what was refunded before (≤ 0).

    In order of their dates, then ids, so that the order of the file decides nothing; one that is too much does not
    stand in the way of a smaller one after it.
    """
    left = sale_micros + refunded_micros
    rows = []
    for refund in sorted(refunds):
        if left + refund.micros < 0:
            rows.append(refund.row)
        else:
            left += refund.micros
    return rows
