"""Batches from draft to the register, in worked numbers: who is in, who is not, and who may do what."""

import csv
import io
from typing import Any

import pytest
from django.db import IntegrityError, transaction

from revshare.audit_trail.models import Event
from revshare.cycles import operations as cycles
from revshare.cycles.models import Cycle
from revshare.errors import Conflict, NotAllowed, NotFound, Refused
from revshare.payouts import operations as payouts
from revshare.payouts.models import PaymentBatch
from revshare.payouts.queries import find_batch, standings
from revshare.payouts.register import register
from revshare.verification.operations import verify
from tests.payouts.stories import M, exported, january, people, results
from tests.stories import Story


def why(story: Story, currency: str = "") -> dict[str, tuple[int, list[str]]]:
    """Contributor: what is payable, and the reasons why not."""
    return {
        item.account.contributor_id: (item.payable_minor, [reason.code for reason in item.reasons])
        for item in standings(today=story.at.date(), currency=currency)
    }


def test_every_account_is_payable_or_says_why_not(story: Story) -> None:
    january(story)
    assert why(story) == {
        "ann": (1000, []), "ben": (0, ["below_minimum"]), "cy": (0, ["below_minimum"]),
        "dee": (0, ["no_payee", "below_minimum"]), "eve": (0, ["unclaimed", "below_minimum"]),
    }  # fmt: skip


def test_a_draft_pays_the_floor_of_published_balances(story: Story) -> None:
    january(story, payout='minimum = {USD = "2.00"}', sold="100.123456")
    # A fifth, rounded down, is 20.024691. Ann's half of it and an eighth each: 10.012345 and 2.503086 or so.
    batch = payouts.prepare(currency="USD", act=story.act("fiona"))
    assert (batch.state, batch.payments_count, batch.total_minor) == ("draft", 3, 1001 + 250 + 250)
    rows = list(
        batch.payments.order_by("payment_key").values_list("payment_key", "contributor_id", "amount_minor", "statement")
    )
    assert [row[1:] for row in rows] == [
        ("ann", 1001, "jan-000000001"), ("ben", 250, "jan-000000002"), ("cy", 250, "jan-000000003"),
    ]  # fmt: skip
    assert [row[0] for row in rows] == [f"pay-{batch.pk:06d}-{line:06d}" for line in (1, 2, 3)]


@pytest.mark.parametrize(("currency", "sold", "minor", "amount"), [
    ("JPY", "1009", 100, "100"), ("BHD", "10.007", 1000, "1.000"), ("USD", "33.39", 333, "3.33"),
])  # fmt: skip
def test_amounts_have_the_decimals_of_their_currency(
    story: Story, currency: str, sold: str, minor: int, amount: str
) -> None:
    january(story, payout='default_minimum = "0.90"', sold=sold, currency=currency)
    batch = exported(story, currency)
    assert batch.payments.get(contributor_id="ann").amount_minor == minor
    rows = list(csv.DictReader(io.StringIO(register(batch).decode())))
    assert rows[0]["amount"] == amount


def test_the_register_repeats_and_is_safe_to_open(story: Story) -> None:
    january(story, payout='minimum = {USD = "2.00"}')
    batch = exported(story)
    key = f"pay-{batch.pk:06d}-00000"
    assert register(batch).decode() == (
        "payment_key,contributor_id,payee,name,currency,amount,statement,account_currency,account_amount,rate,rate_date,"
        "rate_source\n"
        f"{key}1,ann,P-ann,Ann,USD,10.00,jan-000000001,USD,10.00,,,\n"
        f"{key}2,ben,P-ben,'=Ben,USD,2.50,jan-000000002,USD,2.50,,,\n"
        f"{key}3,cy,P-cy,Cy,USD,2.50,jan-000000003,USD,2.50,,,\n"
    )
    assert register(find_batch(batch.pk)) == register(batch)


def test_only_published_balances_are_paid(story: Story) -> None:
    people(story)
    story.policy()
    story.sales(("s1", "2026-01-10T00:00:00Z", "m", "USD", "100"), ("s2", "2026-02-10T00:00:00Z", "m", "USD", "60"))
    with pytest.raises(Refused, match="No cycle is published"):
        payouts.prepare(currency="USD", act=story.act("fiona"))
    story.publish("jan", "2026-01-01", "2026-02-01")
    story.calculate("feb", "2026-02-01", "2026-03-01")
    assert why(story)["ann"] == (1000, [])
    cycles.submit(key="feb", act=story.act())
    cycles.approve(key="feb", act=story.act("adam"))
    cycles.publish(key="feb", act=story.act("adam"))
    assert why(story)["ann"] == (1600, [])
    with pytest.raises(Refused, match="Nothing is payable in EUR"):
        payouts.prepare(currency="EUR", act=story.act("fiona"))


def test_what_left_an_account_since_is_not_paid_and_what_came_waits_for_its_statement(story: Story) -> None:
    january(story)
    story.move("claim", "c1", ("payable:ann", "USD", "D", 4 * M), ("held", "USD", "C", 4 * M))
    story.move("claim", "c2", ("payable:ben", "USD", "C", 4 * M), ("held", "USD", "D", 4 * M))
    assert (why(story)["ann"], why(story)["ben"]) == ((600, []), (0, ["below_minimum"]))
    story.move("claim", "c3", ("payable:ann", "USD", "D", 7 * M), ("held", "USD", "C", 7 * M))
    assert why(story)["ann"] == (0, ["negative"])
    story.publish("feb", "2026-02-01", "2026-03-01")
    assert (why(story)["ann"], why(story)["ben"]) == ((0, ["negative"]), (650, []))


def test_one_payment_at_a_time(story: Story) -> None:
    january(story)
    batch = payouts.prepare(currency="USD", act=story.act("fiona"))
    assert why(story)["ann"] == (0, ["in_payment"])
    with pytest.raises(Refused, match="Nothing is payable"):
        payouts.prepare(currency="USD", act=story.act("fiona"))
    with pytest.raises(IntegrityError, match="payouts_one_live_payment"):
        pay_twice(batch)
    payouts.cancel(batch_id=batch.pk, act=story.act("fiona"))
    assert why(story)["ann"] == (1000, [])


@transaction.atomic
def pay_twice(batch: PaymentBatch) -> None:
    """By hand: the batch's payment once more in another batch."""
    payment = batch.payments.get()
    payment.batch = PaymentBatch.objects.create(
        currency="USD", cycle=batch.cycle, state="preparing", prepared_at=batch.prepared_at, prepared_by="fiona"
    )
    payment.pk, payment.payment_key = None, "pay-x"
    payment.save(force_insert=True)


def test_a_hold_stops_payment_until_it_is_released(story: Story) -> None:
    january(story)
    with pytest.raises(Refused, match="needs a reason"):
        payouts.place_hold(contributor_id="ann", act=story.act("fiona"))
    with pytest.raises(NotFound):
        payouts.place_hold(contributor_id="nobody", act=story.act("fiona", "court order"))
    made = payouts.place_hold(contributor_id="ann", act=story.act("fiona", "court order"))
    with pytest.raises(Conflict, match="on hold in any currency already"):
        payouts.place_hold(contributor_id="ann", act=story.act("fiona", "again"))
    payouts.place_hold(contributor_id="ann", currency="EUR", act=story.act("fiona", "bank details"))
    assert why(story)["ann"] == (0, ["on_hold"])
    payouts.release_hold(hold_id=made.pk, act=story.act("fiona", "court has ruled"))
    assert why(story)["ann"] == (1000, [])
    with pytest.raises(Conflict, match="released by fiona already"):
        payouts.release_hold(hold_id=made.pk, act=story.act("fiona", "twice"))
    told = [
        (event.action, event.detail["why"]) for event in Event.objects.filter(object="contributor:ann").order_by("seq")
    ]
    assert told == [
        ("payouts.held", "court order"), ("payouts.held", "bank details"), ("payouts.released", "court has ruled"),
    ]  # fmt: skip


def test_another_person_releases_exactly_what_they_looked_at(story: Story) -> None:
    january(story)
    batch = payouts.prepare(currency="USD", act=story.act("fiona"))
    with pytest.raises(NotAllowed, match="fiona prepared batch"):
        payouts.approve(batch_id=batch.pk, digest=batch.digest, act=story.act("fiona"))
    with pytest.raises(Conflict, match="another digest"):
        payouts.approve(batch_id=batch.pk, digest="0" * 64, act=story.act("adam"))
    with pytest.raises(NotAllowed, match="pays ann"):
        payouts.check_not_payee(batch, "ann")
    with pytest.raises(NotAllowed, match="pays P-ann"):
        payouts.check_not_payee(batch, "P-ann")
    payouts.check_not_payee(batch, "ben")
    payouts.check_not_payee(batch, None)
    with pytest.raises(Conflict, match="it must be approved"):
        payouts.release_to_bank(batch_id=batch.pk, act=story.act("fiona"))
    with pytest.raises(Conflict, match="once it is exported"):
        register(batch)
    done = payouts.approve(batch_id=batch.pk, digest=batch.digest, act=story.act("adam"))
    assert (done.state, done.approved_by, done.approved_digest) == ("approved", "adam", batch.digest)
    assert payouts.approve(batch_id=batch.pk, digest=batch.digest, act=story.act("amy")).approved_by == "adam"


SPOILED: dict[str, Any] = {
    "a hold": (lambda s: payouts.place_hold(contributor_id="ann", act=s.act("fiona", "x")), "Held: x"),
    "a loss": (
        lambda s: s.move("correction", "c", ("payable:ann", "USD", "D", 1), ("suspense", "USD", "C", 1)),
        "less than the payment by now",
    ),
}


@pytest.mark.parametrize("what", SPOILED)
@pytest.mark.parametrize("when", ["approve", "export"])
def test_what_happens_after_the_draft_stops_it(story: Story, what: str, when: str) -> None:
    january(story)
    batch = payouts.prepare(currency="USD", act=story.act("fiona"))
    deed, says = SPOILED[what]
    if when == "approve":
        deed(story)
        with pytest.raises(Conflict, match=says):
            payouts.approve(batch_id=batch.pk, digest=batch.digest, act=story.act("adam"))
    else:
        payouts.approve(batch_id=batch.pk, digest=batch.digest, act=story.act("adam"))
        deed(story)
        with pytest.raises(Conflict, match=says):
            payouts.release_to_bank(batch_id=batch.pk, act=story.act("fiona"))
    assert payouts.cancel(batch_id=batch.pk, act=story.act("fiona")).state == "cancelled"
    assert verify(cycles=list(Cycle.objects.all())).findings == []


def test_what_the_bank_has_is_not_cancelled(story: Story) -> None:
    january(story)
    batch = exported(story)
    assert payouts.release_to_bank(batch_id=batch.pk, act=story.act("fiona")).exported_at == batch.exported_at
    with pytest.raises(Conflict, match="it must be draft or approved"):
        payouts.cancel(batch_id=batch.pk, act=story.act("fiona"))


def test_a_new_contributor_waits(story: Story) -> None:
    january(story, payout="hold_new_payee_days = 14")
    assert why(story)["ann"] == (0, ["new_payee"])


def test_steps_are_on_record(story: Story) -> None:
    january(story)
    batch = exported(story)
    results(story, (batch.payments.get().payment_key, "paid", "2026-07-02", "B1"))
    steps = Event.objects.filter(action__startswith="payouts.").order_by("seq").values_list("action", "actor")
    assert list(steps) == [
        ("payouts.prepare", "fiona"), ("payouts.approve", "adam"), ("payouts.export", "fiona"), ("payouts.booked", "olivia"),
    ]  # fmt: skip
