"""Contributors paid in a currency of their own: worked numbers."""

import csv
import io
from typing import Any

import pytest

from revshare.cycles.models import Cycle
from revshare.errors import NotFound, Refused
from revshare.files.models import QuarantinedRow
from revshare.ledger.models import Journal
from revshare.ledger.queries import account_balances
from revshare.payouts import operations as payouts
from revshare.payouts.queries import standings
from revshare.payouts.register import register
from revshare.verification.operations import verify
from tests.payouts.stories import M, exported, january, results
from tests.stories import Story, statements


def clean() -> None:
    assert verify(cycles=list(Cycle.objects.all())).findings == []


def rate(story: Story, *rows: tuple[str, str, str]) -> None:
    """(base, quote, rate) of the day."""
    day = story.at.date().isoformat()
    header = ("date", "base", "quote", "rate", "source")
    story.take("rates", header, [(day, *row, "ECB") for row in rows])


def pays_in(story: Story, name: str, currency: str) -> None:
    act = story.act("fiona", "a letter of 1 June")
    payouts.set_currency(contributor_id=name, currency=currency, act=act)


def why(story: Story) -> dict[str, tuple[int, list[str]]]:
    return {
        item.account.contributor_id: (item.payable_minor, [reason.code for reason in item.reasons])
        for item in standings(today=story.at.date())
    }


@pytest.fixture
def shop(story: Story) -> Story:
    """Ann has 10 dollars, the others 2.50 each; Ann is paid in euros."""
    january(story, payout='minimum = {USD = "2.00"}')
    pays_in(story, "ann", "EUR")
    return story


def test_a_balance_is_paid_in_another_currency_at_the_rate_of_the_day(shop: Story) -> None:
    rate(shop, ("USD", "EUR", "0.9137"))
    batch = exported(shop, "EUR")
    # 10 dollars are 9.137 euros: 9.13 are paid, which cost 9.992339 dollars, rounded up to the micro; the rest stays.
    payment = batch.payments.get()
    assert (payment.amount_minor, payment.amount_micros, payment.account_micros) == (913, 9_130_000, 9_992_339)
    row = next(csv.DictReader(io.StringIO(register(batch).decode())))
    assert {name: row[name] for name in list(row)[4:]} == {
        "currency": "EUR", "amount": "9.13", "statement": "jan-000000001", "account_currency": "USD",
        "account_amount": "9.992339", "rate": "0.9137", "rate_date": "2026-06-30", "rate_source": "ECB",
    }  # fmt: skip
    results(shop, (payment.payment_key, "paid", "2026-07-02", "B1"))
    assert account_balances(["fx", "bank"]) == {
        ("fx", "USD"): 9_992_339, ("fx", "EUR"): -9_130_000, ("bank", "EUR"): 9_130_000,
    }  # fmt: skip
    february = shop.publish("feb", "2026-02-01", "2026-03-01")
    assert statements(february)["ann USD"] == (10 * M, 0, 0, 0, 0, 9_992_339, 7_661)
    clean()


def test_what_comes_back_is_booked_back_at_the_same_rate(shop: Story) -> None:
    rate(shop, ("EUR", "USD", "1.25"))
    payment = exported(shop, "EUR").payments.get()
    assert (payment.amount_minor, payment.account_micros, str(payment.rate)) == (800, 10 * M, "4/5")
    results(shop, (payment.payment_key, "returned", "2026-07-02", "B1"))
    assert set(account_balances(["fx", "bank"]).values()) == {0}
    assert [item.kind for item in Journal.objects.order_by("seq")][-2:] == ["payment", "returned"]
    assert statements(shop.publish("feb", "2026-02-01", "2026-03-01"))["ann USD"][-1] == 10 * M
    clean()


def test_what_the_bank_really_paid_is_booked_and_the_difference_is_in_fx(shop: Story) -> None:
    rate(shop, ("EUR", "USD", "1.25"))
    batch = exported(shop, "EUR")
    key, own = batch.payments.get().payment_key, ("payment_key", "result", "date", "reference", "amount")
    for wrong in ("0", "-8.01", "8,01", "8.0000001"):
        shop.take("payment_results", own, [(key, "paid", "2026-07-02", "B1", wrong)])
        assert not Journal.objects.filter(kind="payment").exists()
    for _ in range(2):  # the second time it is a duplicate
        shop.take("payment_results", own, [(key, "paid", "2026-07-02", "B1", "8.01")])
    assert account_balances(["fx", "bank"]) == {
        ("fx", "USD"): 10 * M, ("fx", "EUR"): -8_010_000, ("bank", "EUR"): 8_010_000,
    }  # fmt: skip
    shop.take("payment_results", own, [(key, "paid", "2026-07-02", "B1", "8.02")])
    shop.take("payment_results", own, [(key, "returned", "2026-07-09", "B2", "8.00")])
    reasons = list(QuarantinedRow.objects.order_by("pk").values_list("reason", flat=True))
    assert reasons == [
        "paid_nothing@amount", "paid_nothing@amount", "amount_syntax@amount", "amount_decimals@amount",
        "conflicting_duplicate@payment_key", "amount_differs@amount",
    ]  # fmt: skip
    clean()
    shop.take("payment_results", own, [(key, "returned", "2026-07-09", "B2", "8.01")])
    assert set(account_balances(["fx", "bank"]).values()) == {0}
    clean()


def test_in_its_own_currency_the_bank_pays_what_it_was_told(shop: Story) -> None:
    pays_in(shop, "ann", "")
    key = exported(shop).payments.get(contributor_id="ann").payment_key
    own = ("payment_key", "result", "date", "reference", "amount")
    shop.take("payment_results", own, [(key, "paid", "2026-07-02", "B1", "9.99")])
    assert QuarantinedRow.objects.get().reason == "amount_differs@amount"
    shop.take("payment_results", own, [(key, "paid", "2026-07-02", "B1", "10")])
    assert account_balances(["bank"]) == {("bank", "USD"): 10 * M}
    clean()


def test_without_a_rate_of_the_day_it_waits_and_says_so(shop: Story) -> None:
    assert why(shop)["ann"] == (0, ["rate_missing"])
    with pytest.raises(Refused, match="ann: No rate from USD to EUR on 2026-06-30"):
        payouts.prepare(currency="EUR", act=shop.act("fiona"))
    batch = payouts.prepare(currency="USD", act=shop.act("fiona"))  # the others do not wait for it
    assert list(batch.payments.order_by("pk").values_list("contributor_id", flat=True)) == ["ben", "cy"]
    clean()


def test_a_batch_pays_balances_in_it_and_others_side_by_side(shop: Story) -> None:
    shop.sales(("e1", "2026-02-10T00:00:00Z", "m", "EUR", "100"))
    shop.publish("feb", "2026-02-01", "2026-03-01")
    rate(shop, ("USD", "EUR", "0.5"))
    batch = exported(shop, "EUR")
    rows = batch.payments.order_by("payment_key").values_list("contributor_id", "account_currency", "amount_minor")
    assert list(rows) == [("ann", "EUR", 1000), ("ben", "EUR", 250), ("cy", "EUR", 250), ("ann", "USD", 500)]
    assert batch.total_minor == 2000
    assert why(shop)["ann"] == (0, ["in_payment"])
    clean()


@pytest.mark.parametrize(("currency", "given", "minor", "costs"), [
    ("JPY", "155.3", 1553, 10 * M), ("BHD", "0.3769", 3769, 10 * M), ("JPY", "155.37", 1553, 9_995_495),
])  # fmt: skip
def test_amounts_are_whole_minor_units_of_what_is_paid_in(
    shop: Story, currency: str, given: str, minor: int, costs: int
) -> None:
    pays_in(shop, "ann", currency)
    rate(shop, ("USD", currency, given))
    payment = payouts.prepare(currency=currency, act=shop.act("fiona")).payments.get()
    assert (payment.amount_minor, payment.account_micros) == (minor, costs)
    clean()


def test_the_last_setting_counts_and_payments_under_way_are_looked_at_again(shop: Story) -> None:
    rate(shop, ("USD", "EUR", "0.5"))
    batch = payouts.prepare(currency="EUR", act=shop.act("fiona"))
    pays_in(shop, "ann", "")
    act: Any = shop.act("adam")
    with pytest.raises(Refused, match="They are paid in USD by now"):
        payouts.approve(batch_id=batch.pk, digest=batch.digest, act=act)
    payouts.cancel(batch_id=batch.pk, act=shop.act("fiona"))
    assert why(shop)["ann"] == (1000, [])
    with pytest.raises(Refused, match="Say who asked"):
        payouts.set_currency(contributor_id="ann", currency="EUR", act=shop.act("fiona"))
    with pytest.raises(Refused, match="not an active"):
        pays_in(shop, "ann", "XYZ")
    with pytest.raises(NotFound):
        pays_in(shop, "nobody", "EUR")
    clean()
