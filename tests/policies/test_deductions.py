"""The tables [recoupment] and [reserve] of a policy: what they say, and what they may not."""

from fractions import Fraction

import pytest

from revshare.policies.reading import BadPolicy
from revshare.policies.rules import parse

HEAD = (
    'name = "p"\nversion = "1"\n[streams.default]\ncontributor_share = "20%"\npooling = "single"\n'
    'allocation = "asset_count"\n'
)


def test_both_tables_are_read_and_said_in_words() -> None:
    text = '[recoupment]\ncap = "25%"\nat_most = {USD = "50.00", JPY = "9"}\nnotice_days = 30\n[reserve]\nshare = "2.5%"\ncycles = 3\n'
    rulebook = parse(HEAD + text)
    assert rulebook.recoupment is not None
    assert rulebook.reserve is not None
    assert (rulebook.recoupment.cap, rulebook.recoupment.notice_days) == (Fraction(1, 4), 30)
    assert rulebook.recoupment.at_most_micros == {"USD": 50_000_000, "JPY": 9_000_000}
    assert (rulebook.reserve.share, rulebook.reserve.cycles) == (Fraction(1, 40), 3)
    assert rulebook.sentences["recoupment"] == [
        "Advances and overpayments are taken back from 25% of what a cycle earns, 9 JPY at most, 50.00 USD at most.",
        "Notice of an overpayment is given 30 days before the first is taken.",
    ]
    assert rulebook.sentences["reserve"] == [
        "Of what a cycle earns somebody 2.5% is held in reserve, and released 3 cycles later."
    ]
    assert parse(HEAD).recoupment is parse(HEAD).reserve is None


def test_a_stream_has_a_reserve_of_its_own() -> None:
    rulebook = parse(HEAD + '[streams.default.reserve]\nshare = "30%"\ncycles = 1\n[reserve]\nshare = "0%"\n')
    assert {name: (item.share, item.cycles) for name, item in rulebook.reserves.items()} == {
        "": (Fraction(0), 0), "default": (Fraction(3, 10), 1),
    }  # fmt: skip
    assert rulebook.sentences["default"][-1] == (
        "Of what these sales earn somebody 30% is held in reserve, and released 1 cycle later."
    )
    assert rulebook.sentences["reserve"] == ["Of what a cycle earns somebody nothing is held in reserve."]
    with pytest.raises(BadPolicy, match=r"streams.default\] reserve cycles must be"):
        parse(HEAD + '[streams.default.reserve]\nshare = "30%"\n')


@pytest.mark.parametrize(("earned", "currency", "limit"), [
    (100, "USD", 25), (103, "USD", 25), (300_000_000, "USD", 50_000_000), (300_000_000, "EUR", 75_000_000), (3, "USD", 0),
])  # fmt: skip
def test_the_limit_is_rounded_down_and_the_lesser_of_both(earned: int, currency: str, limit: int) -> None:
    rules = parse(HEAD + '[recoupment]\ncap = "25%"\nat_most = {USD = "50.00"}\n').recoupment
    assert rules is not None
    assert rules.limit_micros(earned_micros=earned, currency=currency) == limit


@pytest.mark.parametrize(("table", "says"), [
    ("[recoupment]\n", "needs cap"), ('[recoupment]\ncap = "125%"\n', "cap"), ("[recoupment]\ncap = 25\n", "cap as text"),
    ('[recoupment]\nat_most = {XYZ = "1"}\n', "'XYZ'"), ('[recoupment]\nat_most = {USD = "-1"}\n', "must not be negative"),
    ('[recoupment]\ncap = "5%"\nnotice_days = -1\n', "whole number"), ('[recoupment]\ncap = "5%"\nnotice_days = 3651\n', "3650"),
    ('[recoupment]\ncap = "5%"\nmax = 1\n', "not known: max"), ('[reserve]\nshare = "10%"\n', "from 1 to 120"),
    ('[reserve]\nshare = "10%"\ncycles = 121\n', "from 1 to 120"), ("[reserve]\ncycles = 3\n", "needs share"),
    ('[reserve]\nshare = "10%"\ncycles = 3\nstreams = []\n', "not known: streams"), ("reserve = 3\n", "must be a table"),
])  # fmt: skip
def test_what_is_wrong_is_named(table: str, says: str) -> None:
    with pytest.raises(BadPolicy, match=says):
        parse(HEAD + table)
