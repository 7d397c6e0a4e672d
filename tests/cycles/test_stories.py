"""Worked accounting stories: small marketplaces whose every micro was worked out by hand."""

import pytest

from revshare.cycles import operations as cycles
from revshare.cycles.models import Cycle
from revshare.cycles.summary import sales_outside_cycles
from revshare.errors import Conflict, NotAllowed, Refused
from revshare.files.models import QuarantinedRow
from revshare.manifests.models import Manifest
from revshare.statements.models import Statement
from revshare.verification.operations import verify
from tests.stories import Story, legs, payouts, pools

M = 1_000_000


def clean() -> None:
    findings = verify(cycles=list(Cycle.objects.all())).findings
    assert findings == []


def three_to_one(story: Story) -> None:
    """Ann has three assets of a model's dataset, Ben has one."""
    story.models(("m", "ds@1"))
    story.attributions(*[("ds@1", f"a{i}", "ann") for i in range(3)], ("ds@1", "b1", "ben"))


def test_a_sale_is_shared_by_assets_and_the_rest_stays_with_the_platform(story: Story) -> None:
    three_to_one(story)
    story.policy()
    story.sales(("s1", "2026-06-03T10:00:00Z", "m", "USD", "100.00"))
    cycle = story.calculate("june", "2026-06-01", "2026-07-01")
    assert pools(cycle) == {"default · m · USD": (100 * M, 0, 20 * M, 80 * M, 0)}
    assert payouts(cycle) == {"ann": 15 * M, "ben": 5 * M, "<platform>": 80 * M}
    assert legs(cycle) == {
        ("sales", "USD", "D", 100 * M), ("platform", "USD", "C", 80 * M),
        ("payable:ann", "USD", "C", 15 * M), ("payable:ben", "USD", "C", 5 * M),
    }  # fmt: skip
    clean()


def test_a_sale_and_its_full_refund_in_one_cycle_come_to_nothing_in_every_bucket(story: Story) -> None:
    three_to_one(story)
    story.policy()
    story.sales(
        ("s1", "2026-06-03T10:00:00Z", "m", "USD", "100.00"),
        ("r1", "2026-06-04T10:00:00Z", "m", "USD", "-100.00", "s1"),
    )
    cycle = story.calculate("june", "2026-06-01", "2026-07-01")
    assert payouts(cycle) == {"ann": 0, "ben": 0}
    assert legs(cycle) == set()
    clean()


def test_a_deficit_is_carried_until_sales_have_made_up_for_it(story: Story) -> None:
    three_to_one(story)
    story.policy()
    story.sales(
        ("s1", "2026-01-10T00:00:00Z", "m", "USD", "50.00"), ("r1", "2026-02-10T00:00:00Z", "m", "USD", "-50.00", "s1"),
        ("s2", "2026-04-10T00:00:00Z", "m", "USD", "70.00"),
    )  # fmt: skip
    story.calculate("jan", "2026-01-01", "2026-02-01")
    february = story.calculate("feb", "2026-02-01", "2026-03-01")
    assert pools(february) == {"default · m · USD": (-50 * M, 0, 0, 0, -50 * M)}
    assert legs(february) == {("sales", "USD", "C", 50 * M), ("carried", "USD", "D", 50 * M)}
    march = story.calculate("mar", "2026-03-01", "2026-04-01")
    assert pools(march) == {"default · m · USD": (0, -50 * M, 0, 0, -50 * M)}  # nothing sold; it is not forgotten
    april = story.calculate("apr", "2026-04-01", "2026-05-01")
    assert pools(april) == {"default · m · USD": (70 * M, -50 * M, 4 * M, 16 * M, 0)}
    assert legs(april) == {
        ("sales", "USD", "D", 70 * M), ("carried", "USD", "C", 50 * M), ("platform", "USD", "C", 16 * M),
        ("payable:ann", "USD", "C", 3 * M), ("payable:ben", "USD", "C", 1 * M),
    }  # fmt: skip
    clean()


def test_statements_open_with_what_the_one_before_closed_with(story: Story) -> None:
    three_to_one(story)
    story.policy()
    story.sales(("s1", "2026-01-10T00:00:00Z", "m", "USD", "100"), ("s2", "2026-02-10T00:00:00Z", "m", "USD", "20"))
    story.publish("jan", "2026-01-01", "2026-02-01")
    story.publish("feb", "2026-02-01", "2026-03-01")
    ann = Statement.objects.filter(contributor_id="ann").order_by("pk")
    assert list(ann.values_list("number", "opening_micros", "earned_micros", "closing_micros")) == [
        ("jan-000000001", 0, 15 * M, 15 * M), ("feb-000000001", 15 * M, 3 * M, 18 * M),
    ]  # fmt: skip
    clean()


def test_a_refund_counts_on_its_own_date_against_the_pool_of_what_it_refunds(story: Story) -> None:
    three_to_one(story)
    story.models(("other", "ds@2"))
    story.attributions(("ds@2", "c1", "cy"))
    story.policy()
    # The refund row itself names another model: the pool is that of the sale all the same.
    story.sales(("s1", "2026-01-10T00:00:00Z", "m", "USD", "100"), ("s2", "2026-02-10T00:00:00Z", "m", "USD", "60"))
    story.sales(("r1", "2026-02-11T00:00:00Z", "other", "USD", "-40", "s1"))
    story.calculate("jan", "2026-01-01", "2026-02-01")
    february = story.calculate("feb", "2026-02-01", "2026-03-01")
    assert pools(february) == {"default · m · USD": (20 * M, 0, 4 * M, 16 * M, 0)}
    clean()


def test_an_unlinked_refund_counts_against_the_model_it_names(story: Story) -> None:
    three_to_one(story)
    story.policy()
    story.sales(("s1", "2026-06-10T00:00:00Z", "m", "USD", "100"), ("u1", "2026-06-11T00:00:00Z", "m", "USD", "-40"))
    cycle = story.calculate("june", "2026-06-01", "2026-07-01")
    assert payouts(cycle) == {"ann": 9 * M, "ben": 3 * M, "<platform>": 48 * M}


def test_money_of_an_unknown_model_waits_in_suspense(story: Story) -> None:
    three_to_one(story)
    story.policy(pooling="single")
    story.sales(
        ("s1", "2026-06-10T00:00:00Z", "m", "USD", "100"), ("s2", "2026-06-10T00:00:00Z", "mystery", "USD", "10")
    )
    story.deals(("d1", "2026-06-10T00:00:00Z", "nowhere@1", "USD", "5"))
    cycle = story.calculate("june", "2026-06-01", "2026-07-01")
    assert pools(cycle) == {
        "default · USD": (100 * M, 0, 20 * M, 80 * M, 0), "default · mystery · USD": (10 * M, 0, 2 * M, 8 * M, 0),
        "default · nowhere@1 · USD": (5 * M, 0, 1 * M, 4 * M, 0),
    }  # fmt: skip
    assert payouts(cycle) == {"ann": 15 * M, "ben": 5 * M, "<platform>": 92 * M, "<suspense>": 3 * M}
    clean()


def test_a_model_with_one_dataset_nobody_has_described_is_not_paid_on_the_others_alone(story: Story) -> None:
    three_to_one(story)
    story.models(("m", "ds@missing"))
    story.policy()
    story.sales(("s1", "2026-06-10T00:00:00Z", "m", "USD", "100"))
    assert payouts(story.calculate("june", "2026-06-01", "2026-07-01")) == {"<platform>": 80 * M, "<suspense>": 20 * M}


def test_a_data_deal_is_shared_over_the_dataset_it_names(story: Story) -> None:
    three_to_one(story)
    story.attributions(("deal@1", "x", "ben"), ("deal@1", "y", "cy"))
    story.policy(streams="default data_deal", share="50%")
    story.sales(("s1", "2026-06-10T00:00:00Z", "m", "USD", "8"))
    story.deals(("d1", "2026-06-10T00:00:00Z", "deal@1", "USD", "100"))
    cycle = story.calculate("june", "2026-06-01", "2026-07-01")
    assert payouts(cycle) == {"ann": 3 * M, "ben": 26 * M, "cy": 25 * M, "<platform>": 54 * M}
    assert set(pools(cycle)) == {"default · m · USD", "data_deal · deal@1 · USD"}


def test_currencies_are_never_added_up(story: Story) -> None:
    three_to_one(story)
    story.policy(pooling="single")
    story.sales(("s1", "2026-06-10T00:00:00Z", "m", "USD", "100"), ("s2", "2026-06-10T00:00:00Z", "m", "JPY", "4"))
    cycle = story.calculate("june", "2026-06-01", "2026-07-01")
    assert pools(cycle) == {
        "default · JPY": (4 * M, 0, 800_000, 3_200_000, 0), "default · USD": (100 * M, 0, 20 * M, 80 * M, 0),
    }  # fmt: skip
    assert Statement.objects.filter(contributor_id="ben").count() == 2
    clean()


def test_a_pool_is_rounded_down_and_the_remainder_stays_with_the_platform(story: Story) -> None:
    three_to_one(story)
    story.policy(share="33.333333%")
    story.sales(("s1", "2026-06-10T00:00:00Z", "m", "USD", "0.000010"))
    cycle = story.calculate("june", "2026-06-01", "2026-07-01")
    assert pools(cycle) == {"default · m · USD": (10, 0, 3, 7, 0)}
    # Ann's quota is 2.25 micros, Ben's 0.75: floors 2 and 0, and the one left over goes to the larger remainder.
    assert payouts(cycle) == {"ann": 2, "ben": 1, "<platform>": 7}


def test_a_late_sale_goes_to_the_next_cycle_with_its_own_date(story: Story) -> None:
    three_to_one(story)
    story.policy()
    story.sales(("s1", "2026-01-10T00:00:00Z", "m", "USD", "100"))
    january = story.calculate("jan", "2026-01-01", "2026-02-01")
    story.sales(("late", "2026-01-31T23:59:59Z", "m", "USD", "50"), ("s2", "2026-02-10T00:00:00Z", "m", "USD", "10"))
    february = story.calculate("feb", "2026-02-01", "2026-03-01")
    assert pools(january)["default · m · USD"][0] == 100 * M
    assert pools(february)["default · m · USD"][0] == 60 * M
    story.sales(("later", "2026-01-30T00:00:00Z", "m", "USD", "7"))
    march = story.calculate("mar", "2026-03-01", "2026-04-01")
    assert pools(march)["default · m · USD"][0] == 7 * M
    assert [(w.cycle.key, w.late) for w in march.windows.model.objects.order_by("pk")] == [
        ("jan", False), ("feb", False), ("feb", True), ("mar", False), ("mar", True),
    ]  # fmt: skip
    clean()


def test_sales_in_a_gap_between_cycles_stay_unassigned_and_are_reported(story: Story) -> None:
    three_to_one(story)
    story.policy()
    story.sales(("s1", "2026-01-10T00:00:00Z", "m", "USD", "100"), ("gap", "2026-02-10T00:00:00Z", "m", "USD", "5"))
    story.calculate("jan", "2026-01-01", "2026-02-01")
    march = story.calculate("mar", "2026-03-01", "2026-04-01")
    assert pools(march) == {}
    assert sales_outside_cycles() == 1
    february = story.calculate("feb", "2026-02-01", "2026-03-01")  # somebody covers it after all
    assert pools(february)["default · m · USD"][0] == 5 * M
    assert sales_outside_cycles() == 0
    clean()


@pytest.mark.parametrize(
    ("sold_at", "inside"),
    [
        ("2026-02-28T22:59:59.999999Z", False), ("2026-02-28T23:00:00Z", True), ("2026-03-31T21:59:59.999999Z", True),
        ("2026-03-31T22:00:00Z", False), ("2026-03-31T23:59:59+02:00", True), ("2026-04-01T00:00:00+02:00", False),
    ],
)  # fmt: skip
def test_a_period_begins_and_ends_with_the_day_in_its_time_zone(story: Story, sold_at: str, inside: bool) -> None:
    """Madrid's March 2026 has 743 hours: it starts at +01:00 and ends at +02:00."""
    three_to_one(story)
    story.policy()
    story.sales(("s1", sold_at, "m", "EUR", "10"))
    cycle = story.calculate("mar", "2026-03-01", "2026-04-01", zone="Europe/Madrid")
    assert bool(pools(cycle)) is inside


def test_cycles_never_overlap(story: Story) -> None:
    story.policy()
    story.open("june", "2026-06-01", "2026-07-01")
    with pytest.raises(Conflict, match="overlap cycle june"):
        story.open("summer", "2026-06-30", "2026-09-01")
    story.open("july", "2026-07-01", "2026-08-01")
    with pytest.raises(Conflict, match="another period"):
        story.open("july", "2026-07-01", "2026-08-02")


def test_a_cycle_does_not_lock_over_open_quarantine_unless_somebody_signs(story: Story) -> None:
    three_to_one(story)
    story.policy()
    story.sales(("s1", "2026-06-10T00:00:00Z", "m", "USD", "100"), ("s2", "2026-06-10T00:00:00Z", "m", "USD", "1_0"))
    story.open("june", "2026-06-01", "2026-07-01")
    with pytest.raises(Refused, match="1 row is in quarantine"):
        cycles.lock(key="june", act=story.act())
    cycles.lock(key="june", act=story.act(), accept_quarantine="the shop will send it again")
    cycle = cycles.calculate(key="june", act=story.act())
    assert payouts(cycle)["ann"] == 15 * M
    assert QuarantinedRow.objects.get().state == "open"


def test_a_stream_that_the_policy_does_not_name_stops_the_lock(story: Story) -> None:
    three_to_one(story)
    story.policy(streams="data_deal")
    story.sales(("s1", "2026-06-10T00:00:00Z", "m", "USD", "100"))
    story.open("june", "2026-06-01", "2026-07-01")
    with pytest.raises(Refused, match="no rule for the stream generation"):
        cycles.lock(key="june", act=story.act())


def test_a_lock_freezes_the_manifests_it_needs_and_no_others(story: Story) -> None:
    three_to_one(story)
    story.models(("idle", "ds@2"))
    story.attributions(("ds@2", "c1", "cy"))
    story.policy()
    story.sales(("s1", "2026-06-10T00:00:00Z", "m", "USD", "100"))
    story.calculate("june", "2026-06-01", "2026-07-01")
    assert {manifest.dataset_version: bool(manifest.frozen_at) for manifest in Manifest.objects.all()} == {
        "ds@1": True, "ds@2": False,
    }  # fmt: skip
    report = story.attributions(("ds@1", "a0", "ann"), ("ds@1", "new", "ben"), ("ds@2", "c2", "ann"))
    assert (report.file.rows_duplicate, report.file.rows_quarantined, report.file.rows_accepted) == (1, 1, 1)
    assert QuarantinedRow.objects.get().reason == "manifest_frozen@dataset_version"


def test_publishing_takes_two_people_in_the_order_of_calculation(story: Story) -> None:
    three_to_one(story)
    story.policy()
    story.sales(("s1", "2026-01-10T00:00:00Z", "m", "USD", "100"), ("s2", "2026-02-10T00:00:00Z", "m", "USD", "20"))
    for key, month in (("jan", 1), ("feb", 2)):
        story.calculate(key, f"2026-0{month}-01", f"2026-0{month + 1}-01")
        cycles.submit(key=key, act=story.act())
        with pytest.raises(NotAllowed, match="olivia prepared cycle"):
            cycles.approve(key=key, act=story.act("olivia"))
        with pytest.raises(Conflict, match="another result"):
            cycles.approve(key=key, act=story.act("adam"), digest="0" * 64)
        cycles.approve(key=key, act=story.act("adam"))
    with pytest.raises(Conflict, match="jan was calculated before feb"):
        cycles.publish(key="feb", act=story.act("adam"))
    with pytest.raises(NotAllowed):
        cycles.publish(key="jan", act=story.act("olivia"))
    assert cycles.publish(key="jan", act=story.act("adam")).state == "published"
    assert cycles.publish(key="feb", act=story.act("adam")).state == "published"


def test_every_step_again_changes_nothing(story: Story) -> None:
    three_to_one(story)
    story.policy()
    story.sales(("s1", "2026-06-10T00:00:00Z", "m", "USD", "100"))
    first = story.publish("june", "2026-06-01", "2026-07-01")
    again = story.publish("june", "2026-06-01", "2026-07-01")
    assert (first.result_digest, first.input_digest) == (again.result_digest, again.input_digest)
    assert Statement.objects.count() == 2
    clean()


def test_a_cycle_without_sales_can_be_published(story: Story) -> None:
    story.policy()
    assert story.publish("june", "2026-06-01", "2026-07-01").state == "published"
    clean()
