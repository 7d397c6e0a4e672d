"""What is payable of all accounts at once, and the batch of it, against the slow twin, with everything that can stand in
the way of a payment."""

from collections import Counter
from datetime import timedelta

import pytest

from revshare.errors import Conflict, Refused
from revshare.payouts import operations as payouts
from revshare.payouts.destinations import set_destination
from revshare.payouts.payable import REASONS
from revshare.payouts.preparing import hindered
from tests.payouts.slow_payable import check_batch, check_preview, slow_payments
from tests.payouts.stories import M
from tests.payouts.test_currencies import pays_in, rate
from tests.stories import Story

PEOPLE = ("ann", "ben", "cy", "dee", "eve", "fay", "gus", "hal", "ida")
CURRENCIES = ("USD", "EUR", "JPY")


@pytest.fixture
def shop(story: Story) -> Story:
    """Ten assets of as many people, of whom dee has no payee and eve is only known from the manifest. Two months sell
    for 100 dollars, the first for 3,000 yen too; zoe has an asset in the first month alone."""
    story.take(
        "contributors", ("contributor_id", "contributor_name", "payee_id"),
        [(name, name.title(), "" if name == "dee" else f"P-{name}") for name in (*PEOPLE, "zoe") if name != "eve"],
    )  # fmt: skip
    story.models(("m", "ds@1"), ("n", "ds@2"))
    story.attributions(*[("ds@1", name, name) for name in (*PEOPLE, "zoe")])
    story.attributions(*[("ds@2", name, name) for name in PEOPLE])
    story.policy(payout='minimum = {USD = "1.50", JPY = "10"}\nhold_new_payee_days = 3')
    story.sales(("s1", "2026-01-10T00:00:00Z", "m", "USD", "100"), ("s2", "2026-01-10T00:00:00Z", "m", "JPY", "3000"))
    story.publish("jan", "2026-01-01", "2026-02-01")
    story.sales(("s3", "2026-02-10T00:00:00Z", "n", "USD", "100.12"))
    story.publish("feb", "2026-02-01", "2026-03-01")
    return story


def hindrances(story: Story) -> None:
    story.move("claim", "c1", ("payable:fay", "USD", "D", 9 * M), ("held", "USD", "C", 9 * M))  # below zero
    story.move("claim", "c2", ("payable:gus", "USD", "D", 4 * M), ("held", "USD", "C", 4 * M))  # below the minimum
    story.move("claim", "c3", ("payable:hal", "USD", "C", 4 * M), ("held", "USD", "D", 4 * M))  # not published yet
    payouts.place_hold(contributor_id="cy", act=story.act("fiona", "in court"), currency="USD")
    payouts.place_hold(contributor_id="ida", act=story.act("fiona", "in court"))
    pays_in(story, "ann", "EUR")
    pays_in(story, "ben", "JPY")
    pays_in(story, "hal", "JPY")
    pays_in(story, "hal", "")
    rate(story, ("USD", "EUR", "0.9137"), ("EUR", "JPY", "155.37"), ("JPY", "GBP", "0.000001"))
    set_destination(contributor_id="ann", text="DE02 1203 0000 0000 2020 51", act=story.act("ann"))
    set_destination(contributor_id="dee", text="DE02 1203 0000 0000 2020 51", act=story.act("dee"))


def test_all_at_once_is_what_one_by_one_says(shop: Story) -> None:
    told: Counter[str] = Counter()
    for currency in CURRENCIES:
        told.update(check_preview(currency, shop.at.date()).reasons)  # all are new
    shop.at += timedelta(days=3)
    hindrances(shop)
    for days in (0, 7):  # until then the new destination waits, and the rates are of another day
        shop.at += timedelta(days=days)
        for currency in CURRENCIES:
            told.update(check_preview(currency, shop.at.date()).reasons)
    pays_in(shop, "zoe", "GBP")  # 2 yen buy less than a penny
    rate(shop, ("JPY", "GBP", "0.000001"), ("USD", "EUR", "3.333333333333"), ("USD", "JPY", "155.37"))
    told.update(check_preview("GBP", shop.at.date()).reasons)
    for currency in CURRENCIES:
        expected = slow_payments(currency, shop.at, 0)
        batch = payouts.prepare(currency=currency, act=shop.act("fiona"))
        check_batch(expected, batch)
        told.update(check_preview(currency, shop.at.date()).reasons)
    assert set(told) == set(REASONS)


def test_a_batch_that_cannot_go_out_any_more_is_refused_in_words(shop: Story) -> None:
    shop.at += timedelta(days=3)
    rate(shop, ("USD", "EUR", "0.9137"))
    batch = payouts.prepare(currency="USD", act=shop.act("fiona"))
    assert hindered(batch, at=shop.at) == ""

    def refused(words: str) -> None:
        with pytest.raises(Conflict, match=words):
            payouts.approve(batch_id=batch.pk, digest=batch.digest, act=shop.act("adam"))

    held = payouts.place_hold(contributor_id="cy", act=shop.act("fiona", "in court"), currency="USD")
    refused("to cy cannot go out: Held: in court")
    payouts.release_hold(hold_id=held.pk, act=shop.act("fiona", "settled"))
    pays_in(shop, "ben", "EUR")
    refused("to ben cannot go out: They are paid in EUR by now.")
    pays_in(shop, "ben", "")
    set_destination(contributor_id="ann", text="DE02 1203 0000 0000 2020 51", act=shop.act("ann"))
    assert hindered(batch, at=shop.at) == ""
    assert hindered(batch, at=shop.at + timedelta(days=7)) == "ann"
    shop.move("claim", "c1", ("payable:gus", "USD", "D", M), ("held", "USD", "C", M))
    refused("to gus cannot go out: The balance is less than the payment by now.")


def test_nothing_payable_makes_no_batch_and_says_for_which_rate_it_waits(shop: Story) -> None:
    shop.at += timedelta(days=3)
    pays_in(shop, "ann", "EUR")
    with pytest.raises(Refused, match=r"ann: No rate from USD to EUR on .* take in a file of rates"):
        payouts.prepare(currency="EUR", act=shop.act("fiona"))
