"""What is payable, and why not yet, in worked numbers."""

from datetime import date
from decimal import Decimal
from typing import Any

import pytest

from revshare.payouts.rules import (
    Account,
    PaymentLine,
    Period,
    digest,
    major_text,
    payable_minor,
    projected_on,
    standing,
)
from revshare.policies.payout_rules import PayoutTerms

M = 1_000_000
JUNE = Period(date(2026, 6, 1), date(2026, 7, 1))
TODAY = date(2026, 7, 5)
TERMS = PayoutTerms({"GBP": 35 * M}, default_minimum_micros=10 * M, hold_new_payee_days=14)


def account(closing: int, **known: Any) -> Account:
    facts: dict[str, Any] = {
        "contributor_id": "ann", "name": "Ann", "payee_id": "P1", "currency": "GBP", "known_since": date(2026, 1, 1),
    }  # fmt: skip
    return Account(**facts | known, closing_micros=closing)


@pytest.mark.parametrize(
    ("micros", "currency", "minor", "major"),
    [
        (12_349_999, "USD", 1234, "12.34"), (999_999, "JPY", 0, "0"), (1_999_999, "JPY", 1, "1"),
        (1_234_999, "BHD", 1234, "1.234"), (1_234_567, "CLF", 12345, "1.2345"), (9_999, "EUR", 0, "0.00"),
        (-5 * M, "USD", 0, "0.00"), (2**63 - 1, "USD", 922337203685477, "9223372036854.77"),
    ],
)  # fmt: skip
def test_a_balance_is_cut_to_whole_minor_units(micros: int, currency: str, minor: int, major: str) -> None:
    assert payable_minor(micros, currency) == minor
    assert major_text(minor, currency) == major


REASONS = {
    "nothing is in the way": (account(35 * M), 3500, []),
    "a penny short": (account(34_999_999), 0, ["below_minimum"]),
    "what has left since counts": (account(40 * M, left_micros=-5_000_001), 0, ["below_minimum"]),
    "another currency's minimum": (account(10 * M, currency="USD"), 1000, []),
    "below zero": (account(-1), 0, ["negative"]),
    "on hold": (account(50 * M, hold="in court"), 0, ["on_hold"]),
    "unclaimed": (account(50 * M, unclaimed=True, payee_id=""), 0, ["unclaimed"]),
    "no payee": (account(50 * M, payee_id=""), 0, ["no_payee"]),
    "a destination is named": (account(50 * M, payee_id="", destination_from=TODAY), 0, ["payee_to_come"]),
    "a payee is enough": (account(35 * M, destination_from=TODAY), 3500, []),
    "in a payment": (account(50 * M, live_payment="pay-1"), 0, ["in_payment"]),
    "new": (account(50 * M, known_since=date(2026, 6, 22)), 0, ["new_payee"]),
    "new until yesterday": (account(50 * M, known_since=date(2026, 6, 21)), 5000, []),
    "all at once": (
        account(1, hold="x", live_payment="pay-1", payee_id="", known_since=TODAY), 0,
        ["in_payment", "on_hold", "no_payee", "new_payee", "below_minimum"],
    ),
}  # fmt: skip


@pytest.mark.parametrize("what", REASONS)
def test_every_reason_is_named(what: str) -> None:
    found, minor, codes = REASONS[what]
    result = standing(found, terms=TERMS, period=JUNE, today=TODAY)
    assert (result.payable_minor, [why.code for why in result.reasons]) == (minor, codes)


def test_what_is_short_is_projected_from_the_last_cycles() -> None:
    short = account(5 * M, earned_micros=[4 * M, 2 * M, 3 * M])  # 3 a cycle on average; 30 are missing
    result = standing(short, terms=TERMS, period=JUNE, today=TODAY)
    assert (result.shortfall_micros, result.projected_on) == (30 * M, date(2027, 5, 1))
    assert result.reasons[0].words == "30.00 GBP short of the minimum payout of 35.00."


@pytest.mark.parametrize(
    ("period", "shortfall", "earned", "expected"),
    [
        (JUNE, 1, [1, 0, 0], date(2026, 10, 1)), (JUNE, 9, [3], date(2026, 10, 1)), (JUNE, 10, [3], date(2026, 11, 1)),
        (JUNE, 7 * 3, [3], date(2027, 2, 1)), (JUNE, 5, [0, 0], None), (JUNE, 5, [], None), (JUNE, 10**12, [1], None),
        (Period(date(2026, 4, 1), date(2026, 7, 1)), 2, [1], date(2027, 1, 1)),
        (Period(date(2026, 6, 1), date(2026, 6, 8)), 2, [1], date(2026, 6, 22)),
    ],
)  # fmt: skip
def test_a_projection_counts_whole_cycles(
    period: Period, shortfall: int, earned: list[int], expected: date | None
) -> None:
    assert projected_on(period, shortfall_micros=shortfall, earned_micros=earned) == expected


def test_less_than_a_minor_unit_is_short_without_any_minimum() -> None:
    result = standing(account(9_999), terms=PayoutTerms(), period=JUNE, today=TODAY)
    assert (result.payable_minor, result.shortfall_micros) == (0, 1)


def test_the_digest_covers_every_part_of_every_payment_and_no_order() -> None:
    rate = (Decimal(4), Decimal(5), date(2026, 7, 1), "ECB")
    first = PaymentLine("pay-1", "ann", "P1", "Ann", "GBP", 3500, "june-1", "0" * 64, "USD", 43_750_000, *rate)
    second = PaymentLine(
        "pay-2", "ben", "P2", "Ben", "GBP", 4000, "june-2", "1" * 64, "GBP", 40 * M, None, None, None, ""
    )
    assert (first.rate_text, second.rate_text) == ("0.8", "")
    own = digest(batch_id=1, currency="GBP", cycle="june", lines=[first, second])
    assert own == digest(batch_id=1, currency="GBP", cycle="june", lines=[second, first])
    others = {
        digest(batch_id=1, currency="GBP", cycle="june", lines=[PaymentLine(**vars(first) | {name: value}), second])
        for name, value in {
            "payment_key": "pay-0", "contributor_id": "x", "payee_id": "x", "name": "x", "currency": "USD",
            "amount_minor": 1, "statement": "x", "destination_sha256": "2" * 64,
            "account_currency": "EUR", "account_micros": 1, "rate_upper": Decimal(3), "rate_lower": Decimal(6),
            "rate_on": date(2026, 7, 2), "rate_source": "x",
        }.items()
    }  # fmt: skip
    assert len(others) == 14
    assert own not in others
