"""The table `[currency]` of a policy."""

import pytest

from revshare.policies.currency import Currency
from revshare.policies.rules import BadPolicy, parse

PLAIN = 'name = "p"\nversion = "1"\n[streams.default]\ncontributor_share = "20%"\npooling = "single"\nallocation = "asset_count"\n'


def read(text: str) -> Currency | None:
    return parse(f"{PLAIN}[currency]\n{text}").currency


def test_a_policy_says_which_currency_and_at_which_rate() -> None:
    assert parse(PLAIN).currency is None
    assert "currency" not in parse(PLAIN).sentences
    assert read('pools = "USD"\nrate = "average"') == Currency("USD", "average")
    said = 'pools = "EUR"\nrate = "day"\nsource = "ECB"\nmax_age_days = 4'
    assert read(said) == Currency("EUR", "day", "ECB", 4)
    assert parse(f"{PLAIN}[currency]\n{said}").sentences["currency"] == [
        "All pools are in EUR: sales in other currencies in EUR at the rate of each sale's day (ECB).",
        "A refund takes the rate of its sale if both are in one cycle, else that of its own day.",
        "A day without a rate takes the latest one of the 4 days before it.",
    ]


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ('rate = "day"', "needs pools as text"), ('pools = "usd"\nrate = "day"', "pools is 'usd'"), ('pools = "USD"', "needs rate"),
        ('pools = "USD"\nrate = "month"', "day or period_end or average"), ('pools = "USD"\nrate = "day"\nsource = ""', "needs source"),
        ('pools = "USD"\nrate = "day"\nmax_age_days = -1', "must be a whole number"),
        ('pools = "USD"\nrate = "day"\nmax_age_days = 32', "31 at most"),
        ('pools = "USD"\nrate = "average"\nmax_age_days = 1', "has no use"),
        ('pools = "USD"\nrate = "day"\nbank = "x"', "not known: bank"),
    ],
)  # fmt: skip
def test_a_mistake_is_named(text: str, said: str) -> None:
    with pytest.raises(BadPolicy, match=said):
        read(text)
