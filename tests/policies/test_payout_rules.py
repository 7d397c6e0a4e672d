"""The table [payout]: what it may say, and that what is wrong is named."""

import pytest

from revshare.errors import Refused
from revshare.policies.payout_rules import PayoutTerms
from revshare.policies.rules import parse

POLICY = (
    'name = "p"\nversion = "1"\n[streams.default]\ncontributor_share = "20%"\npooling = "single"\n'
    'allocation = "asset_count"\n'
)


def test_a_policy_without_the_table_pays_from_the_first_minor_unit() -> None:
    assert parse(POLICY).payout == PayoutTerms({}, 0, 0)


def test_minimums_are_by_currency_with_a_default() -> None:
    terms = parse(
        f'{POLICY}[payout]\nminimum = {{GBP = "35.00", JPY = "5000"}}\ndefault_minimum = "25.50"\nhold_new_payee_days = 14\n'
    ).payout
    assert [terms.minimum_micros(code) for code in ("GBP", "JPY", "USD")] == [35_000_000, 5_000_000_000, 25_500_000]
    assert terms.hold_new_payee_days == 14


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("minimun = {}", "minimun"), ('minimum = "35"', "minimum must be a table"), ('minimum = {XXX = "1"}', "'XXX'"),
        ('minimum = {GBP = 35}', "minimum.GBP"), ('minimum = {GBP = 35.0}', "minimum.GBP"), ('minimum = {GBP = "-1"}', "minimum.GBP"),
        ('minimum = {GBP = "1_0"}', "minimum.GBP"), ('default_minimum = "1.0000001"', "default_minimum"),
        ("hold_new_payee_days = -1", "hold_new_payee_days"), ("hold_new_payee_days = true", "hold_new_payee_days"),
        ("hold_new_payee_days = 1.5", "hold_new_payee_days"), ("hold_new_payee_days = 99999", "hold_new_payee_days"),
    ],
)  # fmt: skip
def test_what_is_wrong_is_refused_by_its_key(text: str, says: str) -> None:
    with pytest.raises(Refused, match=says) as caught:
        parse(f"{POLICY}[payout]\n{text}\n")
    assert caught.value.code == "policy_invalid"


def test_the_table_must_be_a_table() -> None:
    with pytest.raises(Refused, match="payout"):
        parse(f'payout = "yes"\n{POLICY}')
