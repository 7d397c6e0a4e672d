"""Numbers and sentences: exact, never rounded in silence."""

from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from revshare.currencies import CURRENCIES
from revshare.exports.statement_words import (
    TICKS_PER_ASSET,
    assets,
    holding,
    money,
    money_exact,
    quotient,
    rounding,
    sentence,
)  # fmt: skip
from revshare.money import INT64_MAX, INT64_MIN
from revshare.statements.rules import Line

NBSP = "\N{NO-BREAK SPACE}"


def line(pool: int, numerator: int, denominator: int, amount: int) -> Line:
    return Line(1, "earned", "default", "m", "", "", "assets", pool, numerator, denominator, amount)


@pytest.mark.parametrize(
    ("micros", "currency", "exact", "short"),
    [
        (168_110_714_219, "GBP", "£168,110.714219", "£168,110.71"),
        (6_900, "USD", "$0.0069", "$0.0069"),
        (-1, "USD", "−$0.000001", "−$0.000001"),
        (-19_999_999, "USD", "−$19.999999", "−$19.99"),
        (0, "USD", "$0.00", "$0.00"),
        (33_333_333, "JPY", "¥33.333333", "¥33"),
        (1_234_567_891, "KWD", f"KWD{NBSP}1,234.567891", f"KWD{NBSP}1,234.567"),
        (5_000_000, "CHF", f"CHF{NBSP}5.00", f"CHF{NBSP}5.00"),
        (5_000_000, "AUD", "A$5.00", "A$5.00"),
        (INT64_MAX, "EUR", "€9,223,372,036,854.775807", "€9,223,372,036,854.77"),
    ],
)
def test_amounts(micros: int, currency: str, exact: str, short: str) -> None:
    assert (money_exact(micros, currency), money(micros, currency)) == (exact, short)


@given(st.integers(INT64_MIN + 1, INT64_MAX), st.sampled_from(sorted(CURRENCIES)))
def test_exact_text_is_exact_and_short_text_never_more(micros: int, currency: str) -> None:
    def back(text: str) -> int:
        digits = "".join(sign for sign in text if sign.isascii() and (sign.isdigit() or sign == "."))
        units, _, decimals = digits.lstrip(".").partition(".")
        return int(units) * 1_000_000 + int(decimals.ljust(6, "0") or 0)

    assert back(money_exact(micros, currency)) == abs(micros)
    assert back(money(micros, currency)) <= abs(micros)
    assert back(money(micros, currency)) > 0 or micros == 0
    assert money(micros, currency).startswith("−") == (micros < 0)


@pytest.mark.parametrize(
    ("ticks", "words"),
    [
        (0, "0"),
        (TICKS_PER_ASSET, "1"),
        (39_308 * TICKS_PER_ASSET, "39,308"),
        (TICKS_PER_ASSET // 2, "0.5"),
        (TICKS_PER_ASSET * 3 // 16, "0.1875"),
        (TICKS_PER_ASSET // 3, "1/3"),
        (1_234 * TICKS_PER_ASSET + TICKS_PER_ASSET * 2 // 7, f"1,234{NBSP}2/7"),
        (1, "1/720720"),
    ],
)
def test_ticks_as_assets(ticks: int, words: str) -> None:
    assert assets(ticks) == words


@given(st.integers(0, 2**62))
def test_assets_are_exact(ticks: int) -> None:
    whole, _, part = assets(ticks).replace(",", "").partition(NBSP)
    read = sum((Fraction(piece) for piece in (whole, part) if piece), Fraction(0))
    assert read == Fraction(ticks, TICKS_PER_ASSET)


def test_less_than_one_asset_cannot_be_taken_for_a_product() -> None:
    third = TICKS_PER_ASSET // 3
    assert holding("assets", third, 2 * TICKS_PER_ASSET, "USD") == "you hold 1/3 of one asset, out of 2 assets"
    assert holding("assets", TICKS_PER_ASSET, TICKS_PER_ASSET, "USD") == "you hold 1 of 1 asset"


def test_the_division_is_shown_with_what_was_rounded() -> None:
    assert quotient(line(10, 1, 3, 3)) == "3.333333…"
    assert quotient(line(10, 1, 4, 3)) == "2.5"
    assert quotient(line(10, 1, 5, 2)) == "2"
    assert quotient(line(0, 0, 0, 0)) == "0"
    assert [rounding(line(10, 1, 3, amount)) for amount in (3, 4)] == [
        ", rounded down to a millionth", ", rounded up to a millionth",
    ]  # fmt: skip
    assert rounding(line(10, 1, 5, 2)) == ""


def say(pool: int, net: int, carried: int) -> str:
    item = line(pool, TICKS_PER_ASSET, 4 * TICKS_PER_ASSET, pool // 4)
    return sentence(
        item, currency="USD", share="20%", share_fraction=Fraction(1, 5), net_micros=net, carried_micros=carried
    )


def test_a_deficit_that_came_in_is_part_of_the_sentence() -> None:
    assert say(16_000_000, 100_000_000, -20_000_000) == (
        "20% of $80.00 ($100.00 net sales less a deficit of $20.00 carried from the cycle before) is a pool of $16.00; "
        "you hold 1 of 4 assets; your part is $4.00"
    )


def test_a_pool_below_zero_pays_nothing_and_says_why() -> None:
    assert say(0, -5_000_000, 0) == (
        "sales and refunds came to −$5.00 net sales, so the pool is $0.00 and the deficit is carried on; "
        "you hold 1 of 4 assets; your part is $0.00"
    )


def test_other_measures_are_said_in_their_own_words() -> None:
    assert holding("weight", 25, 10_000, "USD") == "you have 25 of 10,000 weight"
    assert holding("measure:revenue", 1_500_000, 2_000_000_000, "USD") == "you have 1.5 of 2,000 revenue"
    assert (
        holding("outputs", 1_500_000, 20_000_000, "USD")
        == "$1.50 of $20.00 of sales attributed to contributors is yours"
    )


def test_tax_fees_and_the_commons_stand_in_the_sentence() -> None:
    line = Line(
        1, "earned", "default", "m", "", "", "assets", 9_000_000, TICKS_PER_ASSET, 2 * TICKS_PER_ASSET, 4_500_000
    )
    said = sentence(
        line, currency="USD", share="20%", share_fraction=Fraction(1, 5), net_micros=60_000_000, carried_micros=0,
        deducted_micros=10_000_000, commons_micros=1_000_000,
    )  # fmt: skip
    assert said == (
        "20% of $50.00 ($60.00 net sales less $10.00 of tax and fees) is a pool of $10.00, of which $1.00 goes to the "
        "commons fund and $9.00 is shared; you hold 1 of 2 assets; your part is $4.50"
    )


def test_an_amount_that_a_limit_moved_is_not_called_rounded() -> None:
    line = Line(1, "earned", "default", "m", "", "", "assets", 10_000_000, 6, 10, 4_000_000)
    assert rounding(line) == ", within the limits of the policy"
