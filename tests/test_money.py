"""Amounts, percentages and their texts; the patterns in Python and in DuckDB."""

from __future__ import annotations

import re
from decimal import Decimal
from fractions import Fraction

import duckdb
import pytest
from hypothesis import Phase, given, settings
from hypothesis import strategies as st

from revshare import money
from revshare.money import (
    AMOUNT_DECIMALS_PATTERN,
    AMOUNT_PATTERN,
    AMOUNT_RANGE_PATTERN,
    CURRENCIES,
    INT64_MAX,
    INT64_MIN,
    MICROS_PER_UNIT,
    BadAmount,
    BadShare,
    UnknownCurrency,
    format_micros,
    format_micros_exact,
    group_digits,
    parse_amount_micros,
    parse_share,
    share_of,
)

LARGEST = 999_999_999_999_999_999  # micros of 999999999999.999999


def code_of(text: str) -> str:
    """`ok`, or the code of the refusal."""
    try:
        parse_amount_micros(text)
    except BadAmount as refusal:
        return refusal.code
    return "ok"


@pytest.mark.parametrize(
    ("text", "micros"),
    [
        ("0", 0), ("-0", 0), ("-0.00", 0), ("0.000000", 0), ("1", 1_000_000), ("-1", -1_000_000),
        ("0.0069", 6_900), ("0.000001", 1), ("-0.000001", -1), ("12.5", 12_500_000), ("10", 10_000_000),
        ("999999999999.999999", LARGEST), ("-999999999999.999999", -LARGEST), ("100000000000", 10**17),
    ],
)  # fmt: skip
def test_amounts_read(text: str, micros: int) -> None:
    assert parse_amount_micros(text) == micros


@pytest.mark.parametrize(
    "text",
    [
        "", "-", "+5", " 5 ", "5 ", " 5", "5\n", "\n5", "5\r", "5\x00", ".5", "5.", "-.5", "00", "01.0", "-00", "--1",
        "1_0", "0x10", "0b1", "1e5", "1E5", "1e400", "NaN", "nan", "sNaN", "Infinity", "-inf", "1,234.50", "1 234",
        "1.234,50", "1,5", "$5", "5 USD", "(5)", "5-", "1.2.3", "１２", "٣", "５.0", "1.٣", "−5", "½", "²", "1'000",
        "1\u00a0000", "\ufeff5", "5\u200b", "None", "null", "True", "0000000000000", "01234567890123",
        "1234567890123.1234567", "1.-5", "1.+5", "1. 5",
    ],
)  # fmt: skip
def test_amounts_refused_for_their_syntax(text: str) -> None:
    assert code_of(text) == "amount_syntax"


@pytest.mark.parametrize("text", ["0.0000001", "1.0000000", "-1.1234567", "999999999999.9999999", "0." + "0" * 5_000])
def test_amounts_refused_for_their_decimals(text: str) -> None:
    assert code_of(text) == "amount_decimals"


@pytest.mark.parametrize("text", ["1000000000000", "-1000000000000.00", "9999999999999.999999", "1" + "0" * 5_000])
def test_amounts_refused_for_their_range(text: str) -> None:
    assert code_of(text) == "amount_range"


def test_refusals_are_short_and_printable() -> None:
    with pytest.raises(BadAmount) as refusal:
        parse_amount_micros("9" * 1_000_000)
    assert len(str(refusal.value)) < 200
    with pytest.raises(BadAmount) as refusal:
        parse_amount_micros("\x1b[2J\u202e")
    assert str(refusal.value).isascii()


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("5 USD", "'5 USD' is not a plain amount such as \"1234.50\""),
        ("1.1234567", "'1.1234567' has more than 6 decimals"),
        ("1000000000000", "'1000000000000' has more than 12 digits before the point"),
        ("-" * 60, f"'{'-' * 60}' is not a plain amount such as \"1234.50\""),
        ("-" * 61, f"'{'-' * 60}'… (61 characters) is not a plain amount such as \"1234.50\""),
    ],
)
def test_a_refusal_says_what_is_wrong_with_which_text(text: str, said: str) -> None:
    with pytest.raises(BadAmount) as refusal:
        parse_amount_micros(text)
    assert str(refusal.value) == said


@given(micros=st.integers(-LARGEST, LARGEST), currency=st.sampled_from([None, *CURRENCIES]))
def test_texts_read_back(micros: int, currency: str | None) -> None:
    for text in (format_micros(micros, currency), format_micros_exact(micros)):
        assert parse_amount_micros(text) == micros
        assert Decimal(text) * MICROS_PER_UNIT == micros


@given(text=st.from_regex(AMOUNT_PATTERN, fullmatch=True))
def test_what_the_grammar_takes_is_read_as_decimal_does(text: str) -> None:
    micros = parse_amount_micros(text)
    assert micros == Decimal(text) * MICROS_PER_UNIT
    assert INT64_MIN < micros < INT64_MAX
    assert type(micros) is int


@pytest.mark.parametrize(
    ("micros", "currency", "text"),
    [
        (5_000_000, "USD", "5.00"), (5_000_000, "JPY", "5"), (5_000_000, "KWD", "5.000"), (5_000_000, "UYW", "5.0000"),
        (5_000_000, None, "5"), (6_900, "USD", "0.0069"), (6_900, "JPY", "0.0069"), (1, "USD", "0.000001"),
        (-1, "USD", "-0.000001"), (-1_500_000, "USD", "-1.50"), (0, "USD", "0.00"), (0, None, "0"),
        (10_000_000, "JPY", "10"), (100_100_000, "USD", "100.10"), (INT64_MAX, "USD", "9223372036854.775807"),
        (INT64_MIN, "USD", "-9223372036854.775808"),
    ],
)  # fmt: skip
def test_texts_of_amounts(micros: int, currency: str | None, text: str) -> None:
    assert format_micros(micros, currency) == text


def test_exact_texts_and_groups() -> None:
    assert format_micros_exact(5_000_000) == "5.000000"
    assert format_micros_exact(-1) == "-0.000001"
    assert format_micros_exact(INT64_MIN) == "-9223372036854.775808"
    assert group_digits(295_960_050_000) == "295,960,050,000"
    assert group_digits(-1_000) == "-1,000"
    assert group_digits(0) == "0"
    with pytest.raises(UnknownCurrency):
        format_micros(1, "XXX")


# --- shares ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "share"),
    [
        ("20%", Fraction(1, 5)), ("12.5%", Fraction(1, 8)), ("33.333333%", Fraction(33_333_333, 10**8)),
        ("0%", Fraction(0)), ("100%", Fraction(1)), ("100.000000%", Fraction(1)), ("0.000001%", Fraction(1, 10**8)),
    ],
)  # fmt: skip
def test_shares_read(text: str, share: Fraction) -> None:
    assert parse_share(text) == share


@pytest.mark.parametrize(
    "text",
    [
        "", "%", "20", "0.2", "20 %", " 20%", "20%\n", "+20%", "-5%", "-0%", "020%", "1e1%", "1_0%", "２０%", "20％",
        "100.000001%", "101%", "1000%", "20.%", ".5%", "12.5555555%", "NaN%", "1/5", "1/5%", "20%%", "20,5%",
    ],
)  # fmt: skip
def test_shares_refused(text: str) -> None:
    with pytest.raises(BadShare) as refusal:
        parse_share(text)
    assert str(refusal.value).startswith(f"{text!a} is ")


def test_a_refused_share_says_why() -> None:
    for text, said in (
        ("20", '\'20\' is not a percentage such as "20%" or "12.5%", with at most 6 decimals'),
        ("101%", "'101%' is more than 100%"),
    ):
        with pytest.raises(BadShare) as refusal:
            parse_share(text)
        assert str(refusal.value) == said


@given(micros=st.integers(0, INT64_MAX), parts=st.integers(0, 10**8))
def test_share_of_is_the_exact_floor(micros: int, parts: int) -> None:
    share = Fraction(parts, 10**8)
    part = share_of(micros, share)
    assert part <= micros * share < part + 1
    assert type(part) is int


def test_share_of_refuses() -> None:
    assert share_of(5, Fraction(1, 2)) == 2
    assert share_of(0, Fraction(1)) == 0
    with pytest.raises(ValueError, match=r"^a share is taken of sums from zero up, not of -1 micros$"):
        share_of(-1, Fraction(1, 2))
    for share in (Fraction(3, 2), Fraction(-1, 2)):
        with pytest.raises(ValueError, match=f"^a share lies between 0 and 1; {share} does not$"):
            share_of(1, share)


# --- the patterns in DuckDB ------------------------------------------------------------------------------------------

near_amounts = st.one_of(
    st.from_regex(AMOUNT_PATTERN, fullmatch=True),
    st.from_regex(AMOUNT_DECIMALS_PATTERN, fullmatch=True),
    st.from_regex(AMOUNT_RANGE_PATTERN, fullmatch=True),
    st.from_regex(r"[-+]?[0-9]{0,15}[.,]?[0-9]{0,9}\s?", fullmatch=True),
    st.text(alphabet="0123456789.-+e_, \n\x00٣５", max_size=18),
    st.text(max_size=6),
)


@given(texts=st.lists(near_amounts, min_size=20, max_size=120, unique=True))
@settings(max_examples=40, deadline=None, phases=[Phase.generate])  # shrinking whole lists would take minutes
def test_duckdb_tells_the_same_codes(texts: list[str]) -> None:
    rows = duckdb.execute(
        """
        SELECT text, CASE
            WHEN regexp_full_match(text, ?) THEN 'ok'
            WHEN regexp_full_match(text, ?) THEN 'amount_decimals'
            WHEN regexp_full_match(text, ?) THEN 'amount_range'
            ELSE 'amount_syntax' END
        FROM unnest(?::VARCHAR[]) AS corpus(text)
        """,
        [AMOUNT_PATTERN, AMOUNT_DECIMALS_PATTERN, AMOUNT_RANGE_PATTERN, texts],
    ).fetchall()
    assert dict(rows) == {text: code_of(text) for text in texts}


@given(text=near_amounts)
def test_at_most_one_pattern_matches(text: str) -> None:
    patterns = (AMOUNT_PATTERN, AMOUNT_DECIMALS_PATTERN, AMOUNT_RANGE_PATTERN)
    assert sum(bool(re.fullmatch(pattern, text)) for pattern in patterns) <= 1


def test_every_public_name_exists() -> None:
    assert all(hasattr(money, name) for name in money.__all__)
