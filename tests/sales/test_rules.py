"""Which refunds of a sale may stand."""

import pytest

from revshare.sales.rules import Refund, beyond_their_sale


def refund(row: int, micros: int, *, at_us: int = 0, sale_id: str = "r") -> Refund:
    return Refund(at_us, sale_id, row, micros)


@pytest.mark.parametrize(
    ("refunds", "refused"),
    [
        ([refund(0, -10)], []),
        ([refund(0, -11)], [0]),
        ([refund(0, -4), refund(1, -6)], []),
        ([refund(0, -4), refund(1, -7)], [1]),
        ([refund(0, -4), refund(1, -7), refund(2, -6)], [1]),  # one too many stands in the way of none
        ([refund(0, -7, at_us=2), refund(1, -6, at_us=1)], [0]),
        ([refund(0, -7, sale_id="b"), refund(1, -6, sale_id="a")], [0]),
        ([refund(0, 0), refund(1, -10), refund(2, 0)], []),
    ],
)
def test_refunds_stand_by_date_then_id_while_they_fit(refunds: list[Refund], refused: list[int]) -> None:
    for order in (refunds, refunds[::-1]):
        assert sorted(beyond_their_sale(sale_micros=10, refunded_micros=0, refunds=order)) == refused


def test_what_was_refunded_before_counts() -> None:
    assert beyond_their_sale(sale_micros=10, refunded_micros=-4, refunds=[refund(0, -7)]) == [0]
    assert beyond_their_sale(sale_micros=10, refunded_micros=-4, refunds=[refund(0, -6)]) == []
