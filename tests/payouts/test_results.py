"""What the bank says is booked once, and stands on the next statement."""

import pytest

from revshare.cycles.models import Cycle
from revshare.files.models import QuarantinedRow
from revshare.ingest.operations import retry_quarantine
from revshare.ledger.models import Journal
from revshare.ledger.queries import account_balances, trial_balance
from revshare.payouts import operations as payouts
from revshare.payouts.models import Payment, PaymentResult
from revshare.payouts.queries import standings
from revshare.verification.operations import verify
from tests.payouts.stories import M, exported, january, results
from tests.stories import Story, statements

DAY = "2026-07-02"


def clean() -> None:
    assert verify(cycles=list(Cycle.objects.all())).findings == []


def keys(story: Story) -> dict[str, str]:
    """Three people are paid in one batch: contributor to payment key."""
    january(story, payout='minimum = {USD = "2.00"}')
    return dict(exported(story).payments.values_list("contributor_id", "payment_key"))


def reasons() -> list[str]:
    return list(QuarantinedRow.objects.filter(state="open").order_by("pk").values_list("reason", flat=True))


def test_a_payment_and_its_return_are_on_the_next_statements(story: Story) -> None:
    key = keys(story)
    report = results(
        story,
        (key["ann"], "paid", DAY, "B1"),
        (key["ben"], "paid", DAY, "B2"),
        (key["cy"], "returned", DAY, "B3", "account closed"),
    )
    assert report.facts == {"booked_paid": 2, "booked_returned": 1}
    assert account_balances(["bank"]) == {("bank", "USD"): 12_500_000}
    assert statements(story.publish("feb", "2026-02-01", "2026-03-01")) == {
        "ann USD": (10 * M, 0, 0, 0, 0, 10 * M, 0),
        "ben USD": (2_500_000, 0, 0, 0, 0, 2_500_000, 0),
        "cy USD": (2_500_000, 0, 0, 0, 0, 0, 2_500_000),  # out and back
    }  # fmt: skip
    results(story, (key["ben"], "returned", "2026-07-09", "B4", "unknown account"))
    assert statements(story.publish("mar", "2026-03-01", "2026-04-01")) == {
        "ben USD": (0, 0, 0, 0, 0, -2_500_000, 2_500_000),
    }  # fmt: skip
    assert dict(Payment.objects.values_list("contributor_id", "state")) == {
        "ann": "paid",
        "ben": "returned",
        "cy": "returned",
    }
    payable = {item.account.contributor_id: item.payable_minor for item in standings(today=story.at.date())}
    assert {name: minor for name, minor in payable.items() if minor} == {"ben": 250, "cy": 250}
    assert trial_balance() == {"USD": 0}
    clean()


def test_what_was_paid_is_not_paid_again_before_or_after_its_statement(story: Story) -> None:
    key = keys(story)
    results(story, (key["ann"], "paid", DAY, "B1"))
    payable = {item.account.contributor_id: item for item in standings(today=story.at.date())}
    assert (payable["ann"].payable_minor, payable["ann"].account.available_micros) == (0, 0)
    story.publish("feb", "2026-02-01", "2026-03-01")
    assert "ann" not in {item.account.contributor_id for item in standings(today=story.at.date())}


def test_the_same_row_again_is_a_duplicate_and_another_a_conflict(story: Story) -> None:
    key = keys(story)["ann"]
    results(story, (key, "paid", DAY, "B1"))
    again = results(story, (key, "paid", DAY, "B1"), (key, "paid", DAY, "B1"))
    assert (again.file.rows_accepted, again.file.rows_duplicate) == (0, 2)
    other = results(story, (key, "paid", DAY, "B2"))
    assert (other.file.rows_accepted, other.file.rows_quarantined) == (0, 1)
    assert reasons() == ["conflicting_duplicate@payment_key"]
    assert PaymentResult.objects.count() == Journal.objects.filter(kind="payment").count() == 1


def test_rows_of_one_file_that_contradict_each_other_all_wait(story: Story) -> None:
    key = keys(story)["ann"]
    results(story, (key, "paid", DAY, "B1"), (key, "paid", DAY, "B2"))
    assert reasons() == ["conflicting_duplicate@result"] * 2
    assert not PaymentResult.objects.exists()


def test_both_results_in_one_file_are_booked_in_their_order(story: Story) -> None:
    key = keys(story)["ann"]
    results(story, (key, "returned", "2026-07-05", "B2"), (key, "paid", DAY, "B1"))
    kinds = list(Journal.objects.filter(key=key).order_by("seq").values_list("kind", flat=True))
    assert kinds == ["payment", "returned"]
    assert Payment.objects.get(payment_key=key).state == "returned"
    clean()


def test_a_payment_that_came_back_is_not_paid_by_a_later_row(story: Story) -> None:
    key = keys(story)["ann"]
    results(story, (key, "returned", DAY, "B1"))
    results(story, (key, "paid", DAY, "B0"))
    assert reasons() == ["payment_returned@result"]


@pytest.mark.parametrize(("row", "reason"), [
    (("nothing", "paid", DAY, "B1"), "payment_unknown@payment_key"), (("", "paid", DAY, "B1"), "id_missing@payment_key"),
    (("{key}", "gone", DAY, "B1"), "result_unknown@result"), (("{key}", "paid", "2026-02-30", "B1"), "date_syntax@date"),
    (("{key}", "paid", "1.7.2026", "B1"), "date_syntax@date"), (("{key}", "paid", DAY, ""), "id_missing@reference"),
    (("{key}", "paid", DAY, "B1", "x" * 2001), "text_too_long@reason"), (("{key} ", "paid", DAY, "B1"), "id_characters@payment_key"),
])  # fmt: skip
def test_a_row_that_breaks_a_rule_waits(story: Story, row: tuple[str, ...], reason: str) -> None:
    key = keys(story)["ann"]
    results(story, tuple(part.replace("{key}", key) for part in row))
    assert reasons() == [reason]
    assert not PaymentResult.objects.exists()


def test_a_result_of_a_batch_that_the_bank_cannot_have_waits_until_it_has(story: Story) -> None:
    january(story)
    batch = payouts.prepare(currency="USD", act=story.act("fiona"))
    results(story, (batch.payments.get().payment_key, "paid", DAY, "B1"))
    assert reasons() == ["payment_not_exported@payment_key"]
    payouts.approve(batch_id=batch.pk, digest=batch.digest, act=story.act("adam"))
    payouts.release_to_bank(batch_id=batch.pk, act=story.act("fiona"))
    assert retry_quarantine(file_id=None, act=story.act("fiona"))["accepted"] == 1
    assert Payment.objects.get().state == "paid"
    clean()


def test_what_the_bank_did_is_booked_even_if_the_balance_is_gone(story: Story) -> None:
    key = keys(story)["ann"]
    story.move("correction", "c1", ("payable:ann", "USD", "D", 4 * M), ("suspense", "USD", "C", 4 * M))
    results(story, (key, "paid", DAY, "B1"))
    assert statements(story.publish("feb", "2026-02-01", "2026-03-01"))["ann USD"] == (
        10 * M,
        0,
        -4 * M,
        0,
        0,
        10 * M,
        -4 * M,
    )
    (ann,) = [item for item in standings(today=story.at.date()) if item.account.contributor_id == "ann"]
    assert [why.code for why in ann.reasons] == ["negative"]
    clean()
