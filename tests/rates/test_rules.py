"""Which rate counts, and what it is exactly."""

from datetime import date
from fractions import Fraction

from hypothesis import given
from hypothesis import strategies as st

from revshare.rates.rules import Found, Given, board, found_in, mean

DAY = date(2026, 6, 10)
CODES = ("CHF", "EUR", "GBP", "JPY", "USD")


def given_rate(base: str, quote: str, rate: str, *, day: int = 10, source: str = "ECB") -> Given:
    return Given(date(2026, 6, day), base, quote, Fraction(rate), source)


def test_as_given_comes_before_the_reverse_and_that_before_a_way_through_a_third() -> None:
    direct, reverse = given_rate("EUR", "USD", "1.1"), given_rate("USD", "EUR", "0.8", source="Fed")
    halves = [given_rate("CHF", "EUR", "1.05"), given_rate("CHF", "USD", "1.2", source="SNB")]
    rates = [direct, reverse, *halves]
    assert found_in(board(rates), base="EUR", quote="USD") == Found(Fraction("1.1"), DAY, "ECB", "as given")
    assert found_in(board(rates[1:]), base="EUR", quote="USD") == Found(Fraction("1.25"), DAY, "Fed", "1 ÷ the reverse")
    assert found_in(board(halves), base="EUR", quote="USD") == Found(
        Fraction("1.2") / Fraction("1.05"), DAY, "ECB, SNB", "through CHF: EUR/CHF 1 ÷ the reverse, CHF/USD as given"
    )
    assert found_in(board(halves), base="EUR", quote="JPY") is None
    assert found_in({}, base="EUR", quote="USD") is None


def test_of_several_thirds_the_lowest_code_and_never_through_two() -> None:
    rates = [
        given_rate("EUR", "GBP", "0.5"), given_rate("GBP", "USD", "4"), given_rate("EUR", "CHF", "2"),
        given_rate("CHF", "USD", "3"), given_rate("JPY", "EUR", "7"),
    ]  # fmt: skip
    found = found_in(board(rates), base="EUR", quote="USD")
    assert found is not None
    assert found.rate == 6
    assert found_in(board(rates), base="JPY", quote="USD") is None


def test_a_mean_is_of_the_days_that_have_a_rate() -> None:
    rates = mean([
        given_rate("EUR", "USD", "1.1", day=1), given_rate("EUR", "USD", "1.2", day=4, source="Fed"),
        given_rate("USD", "GBP", "0.8", day=3),
    ])  # fmt: skip
    assert found_in(rates, base="EUR", quote="USD") == Found(
        Fraction("1.15"), date(2026, 6, 4), "ECB, Fed", "as given, mean of 2 days"
    )
    assert found_in(rates, base="GBP", quote="EUR") == Found(
        Fraction("1.25") / Fraction("1.15"), date(2026, 6, 4), "ECB, Fed",
        "through USD: GBP/USD 1 ÷ the reverse, USD/EUR 1 ÷ the reverse, mean of 2 days",
    )  # fmt: skip


@given(
    st.dictionaries(
        st.tuples(st.sampled_from(CODES), st.sampled_from(CODES)).filter(lambda pair: pair[0] != pair[1]),
        st.integers(1, 10**24),
    ),
    st.sampled_from(CODES),
    st.sampled_from(CODES),
)
def test_the_order_of_rates_does_not_matter(pairs: dict[tuple[str, str], int], base: str, quote: str) -> None:
    """Whatever is there, a rate is found if and only if one of the three ways has all that it needs; the twin tries
    them one after the other."""
    if base == quote:
        return
    rates = [Given(DAY, one, other, Fraction(rate, 10**12), "ECB") for (one, other), rate in pairs.items()]
    ways = [[(base, quote)]] + [[(base, middle), (middle, quote)] for middle in CODES if middle not in (base, quote)]
    expected = None
    for way in ways:
        steps = [
            Fraction(pairs[one, other], 10**12) if (one, other) in pairs
            else Fraction(10**12, pairs[other, one]) if (other, one) in pairs
            else None
            for one, other in way
        ]  # fmt: skip
        if None not in steps:
            expected = steps[0] * (steps[1] if len(steps) > 1 else 1)
            break
    for listed in (rates, rates[::-1]):
        found = found_in(board(listed), base=base, quote=quote)
        assert (found.rate if found else None) == expected
