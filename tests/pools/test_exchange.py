"""Amounts in another currency: exact, rounded once, halves to the even micro."""

from datetime import date
from decimal import ROUND_HALF_EVEN, Decimal, localcontext
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from revshare.pools.division import Takings
from revshare.pools.exchange import AmountTooLarge, Converted, Exchange, added, converted, rate_text
from revshare.rates.rules import Found

DAY, NEXT = date(2026, 6, 10), date(2026, 6, 11)


def exchange(rate: str, *, other: str = "2") -> Exchange:
    found = [Found(Fraction(text), DAY, "ECB", "as given") for text in (rate, other)]
    return Exchange("USD", {(DAY, "EUR"): found[0], (NEXT, "EUR"): found[1]}, "at some rate")


@pytest.mark.parametrize(
    ("micros", "rate", "expected"),
    [
        (5, "0.5", 2),
        (7, "0.5", 4),
        (-5, "0.5", -2),
        (-7, "0.5", -4),
        (1, "0.500000000001", 1),
        (0, "3", 0),
        (3, "1/3", 1),
    ],
)
def test_halves_go_to_the_even_micro(micros: int, rate: str, expected: int) -> None:
    assert exchange(rate).micros(micros, day=DAY, base="EUR") == expected


@given(st.integers(-(10**17), 10**17), st.integers(1, 10**13))
def test_the_product_is_what_decimals_make_of_it(micros: int, rate: int) -> None:
    with localcontext(prec=60):
        exact = Decimal(micros) * Decimal(rate).scaleb(-12)
        expected = int(exact.quantize(Decimal(1), rounding=ROUND_HALF_EVEN))
    assert exchange(f"{rate}/{10**12}").micros(micros, day=DAY, base="EUR") == expected


def test_each_pools_sum_is_rounded_for_itself_and_those_of_a_day_are_kept_together() -> None:
    half = exchange("0.5")
    nets = [(NEXT, "EUR", 7), (DAY, "EUR", 1), (DAY, "USD", 99), (DAY, "EUR", 3), (DAY, "EUR", -1)]
    assert converted(nets, half) == [
        Converted(DAY, "EUR", "USD", half.found[DAY, "EUR"], 3, 3, 2),  # 0 + 2 - 0
        Converted(NEXT, "EUR", "USD", half.found[NEXT, "EUR"], 1, 7, 14),
    ]


def test_all_of_what_sales_took_is_converted_and_the_currency_itself_is_not() -> None:
    taken = Takings(net_micros=10, deducted_micros=3, count=2, attributed={"style": 4})
    assert exchange("0.5").takings(taken, day=DAY, base="EUR") == Takings(5, 2, 2, {"style": 2})
    assert exchange("0.5").takings(taken, day=DAY, base="USD") == taken


def test_a_rate_is_written_as_it_came() -> None:
    texts = ["1.0765", "1", "120", "0.000000000001", "999999999999.999999999999"]
    assert [rate_text(Fraction(text)) for text in texts] == texts
    assert rate_text(Fraction(2, 3)) == "0.666666666667"


def test_what_does_not_fit_is_refused() -> None:
    huge = exchange("10", other="0.6")
    with pytest.raises(AmountTooLarge, match="2026-06-10 in EUR"):
        huge.micros(-(10**18), day=DAY, base="EUR")
    assert converted([(NEXT, "EUR", 10**19)], huge)[0].amount_out_micros == 6 * 10**18
    with pytest.raises(AmountTooLarge, match="more USD"):
        converted([(NEXT, "EUR", 10**19), (DAY, "EUR", -5 * 10**17)], huge)


def test_what_just_fits_is_taken() -> None:
    most = 2**63 - 1
    assert exchange("1").micros(-most, day=DAY, base="EUR") == -most
    with pytest.raises(AmountTooLarge):
        exchange("1").micros(most + 1, day=DAY, base="EUR")
    both = [(DAY, "EUR", most - 2), (NEXT, "EUR", -1)]
    assert [item.amount_out_micros for item in converted(both, exchange("1"))] == [most - 2, -2]
    with pytest.raises(AmountTooLarge):
        converted([*both, (DAY, "EUR", 1)], exchange("1"))


def test_two_takings_come_together() -> None:
    one, other = Takings(1, 2, 3, {"style": 4, "output": 5}), Takings(10, 20, 30, {"style": 40, "modified": 50})
    assert added(one, other) == Takings(11, 22, 33, {"style": 44, "output": 5, "modified": 50})
    assert added(one, Takings()) == one
