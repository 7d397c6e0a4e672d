"""Payments broken by hand, as somebody with the database owner's password could: `verify` names it."""

import pytest

from revshare.ledger.operations import LegData, post_legs
from revshare.payouts import operations as payouts
from tests.payouts.stories import M, exported, january, results
from tests.stories import Story
from tests.verification.test_operations import found, without_triggers

pytestmark = pytest.mark.django_db
# What is done, and the invariants that must be named.
DEFECTS: dict[str, tuple[str, set[str]]] = {
    "a payment is more": ("UPDATE payouts_payment SET amount_minor = amount_minor + 1 WHERE contributor_id = 'ben'", {"I7"}),
    "a payment is more than the balance": (
        "ALTER TABLE payouts_payment DROP CONSTRAINT payouts_payment_within_balance; "
        "UPDATE payouts_payment SET balance_micros = amount_micros - 1 WHERE contributor_id = 'ben'", {"I8"},
    ),
    "a payment is of nothing": (
        "ALTER TABLE payouts_payment DROP CONSTRAINT payouts_payment_positive; "
        "UPDATE payouts_payment SET amount_minor = -1, amount_micros = -10000, account_micros = -10000 WHERE contributor_id = 'ben'", {"I7", "I8"},
    ),
    "a payment goes elsewhere": ("UPDATE payouts_payment SET payee_id = 'P-mallory' WHERE contributor_id = 'ben'", {"I7"}),
    "two payments swap their people": (
        "UPDATE payouts_payment SET name = CASE name WHEN 'Cy' THEN '=Ben' ELSE 'Cy' END WHERE contributor_id IN ('ben', 'cy')",
        {"I7"},
    ),
    "a payment is gone": (
        "DELETE FROM payouts_payment WHERE contributor_id = 'dee'", {"I7"},
    ),
    "a batch says more": ("UPDATE payouts_batch SET total_minor = total_minor + 1", {"I7"}),
    "a batch was approved as another": (
        "ALTER TABLE payouts_batch DROP CONSTRAINT payouts_batch_approved_by_another; "
        "UPDATE payouts_batch SET approved_digest = repeat('0', 64)", {"I29"},
    ),
    "somebody approved their own batch": (
        "ALTER TABLE payouts_batch DROP CONSTRAINT payouts_batch_approved_by_another; "
        "UPDATE payouts_batch SET approved_by = prepared_by", {"I29"},
    ),
    "a batch went out without approval": (
        "ALTER TABLE payouts_batch DROP CONSTRAINT payouts_batch_exported_is_approved; "
        "UPDATE payouts_batch SET approved_by = '', approved_digest = ''", {"I29"},
    ),
    "a payment is booked for another": (
        "UPDATE ledger_leg SET account = 'payable:cy' WHERE account = 'payable:ben'", {"I7", "I24"},
    ),
    "a payment is booked as more": (
        "UPDATE ledger_leg SET amount_micros = amount_micros + 7 WHERE journal_id = (SELECT seq FROM ledger_journal "
        "WHERE kind = 'payment' LIMIT 1)", {"I7", "I24"},
    ),
    "a result is gone": ("DELETE FROM payouts_result WHERE result = 'paid'", {"I28"}),
    "a payment is live again": ("UPDATE payouts_payment SET state = 'live' WHERE state = 'paid'", {"I28"}),
    "a payment came back that did not": ("UPDATE payouts_payment SET state = 'returned' WHERE state = 'paid'", {"I28"}),
    "a result is of another payment": (
        "UPDATE payouts_result r SET payment_id = p.id FROM payouts_payment p WHERE p.contributor_id = 'dee' AND r.result = 'paid'",
        {"I28"},
    ),
    "somebody is paid twice at once": (
        "DROP INDEX payouts_one_live_payment; INSERT INTO payouts_payment (batch_id, payment_key, contributor_id, payee_id, "
        "name, currency, amount_minor, amount_micros, account_currency, account_micros, balance_micros, rate_source, statement, "
        "destination_sha256, state) SELECT batch_id, 'x', contributor_id, payee_id, name, currency, amount_minor, "
        "amount_micros, account_currency, account_micros, balance_micros, '', statement, destination_sha256, state FROM payouts_payment WHERE contributor_id = 'ann' AND state = 'live'", {"I7", "I26"},
    ),
}  # fmt: skip


@pytest.fixture(scope="module")
def paid(told: Story) -> Story:
    """Of a batch Ann's payment is still with the bank, Ben's is paid, Cy's came back; and one batch was given up."""
    january(told, payout='minimum = {USD = "2.00"}')
    told.take("contributors", ("contributor_id", "contributor_name", "payee_id"), [("dee", "Dee", "P-dee")])
    payouts.cancel(batch_id=payouts.prepare(currency="USD", act=told.act("fiona")).pk, act=told.act("fiona"))
    keys = dict(exported(told).payments.values_list("contributor_id", "payment_key"))
    results(told, (keys["ben"], "paid", "2026-07-02", "B1"), (keys["cy"], "returned", "2026-07-02", "B2"))
    return told


def test_sound_payments_are_clean(paid: Story) -> None:
    assert found() == set()


@pytest.mark.parametrize("what", DEFECTS)
def test_a_defect_is_found_and_named(paid: Story, what: str) -> None:
    statements, invariants = DEFECTS[what]
    without_triggers(statements)
    assert invariants <= found()


def test_a_payment_that_no_bank_told_of_and_nobody_earned_is_named(paid: Story) -> None:
    legs = [LegData("payable:ben", "USD", "D", 50 * M), LegData("bank", "USD", "C", 50 * M)]
    post_legs(kind="payment", key="out of thin air", legs=legs, act=paid.act("mallory"))
    assert found() == {"I8", "I28"}


def test_a_payment_at_another_rate_than_it_says_is_named(paid: Story) -> None:
    payouts.set_currency(contributor_id="ben", currency="EUR", act=paid.act("fiona", "a letter"))
    paid.sales(("s2", "2026-02-10T00:00:00Z", "m", "USD", "100"))
    paid.publish("feb", "2026-02-01", "2026-03-01")
    day = paid.at.date().isoformat()
    paid.take("rates", ("date", "base", "quote", "rate", "source"), [(day, "USD", "EUR", "0.5", "ECB")])
    payouts.prepare(currency="EUR", act=paid.act("fiona"))
    assert found() == set()
    without_triggers("UPDATE payouts_payment SET rate_upper = 2 WHERE currency = 'EUR'")
    assert {"I7", "I9"} <= found()
