"""What is kept for refunds to come, and when it comes back."""

import pytest
from django.db import transaction

from revshare.cycles import operations as cycles
from revshare.cycles.calculating import CALCULATION
from revshare.errors import Conflict
from revshare.ledger.models import Journal
from revshare.ledger.queries import account_balances
from revshare.recoupments.queries import find
from tests.recoupments.stories import CAP, DEALS, RESERVE, M, advance, clean, month, policy, shop, taken
from tests.stories import Story, statements


def test_a_tenth_is_held_and_comes_back_three_cycles_later(story: Story) -> None:
    shop(story, RESERVE)
    #                                           opening     earned  adj withheld held      paid closing
    assert statements(month(story, 1))["ann USD"] == (0,          15 * M, 0, 0, 1_500_000, 0, 13_500_000)  # fmt: skip
    assert statements(month(story, 2))["ann USD"] == (13_500_000, 15 * M, 0, 0, 1_500_000, 0, 27 * M)
    assert statements(month(story, 3, sold="10.01"))["ann USD"] == (27 * M, 1_501_500, 0, 0, 150_150, 0, 28_351_350)
    assert account_balances(["reserve"]) == {("reserve", "USD"): 2 * 2 * M + 200_200}
    april = month(story, 4)
    assert statements(april)["ann USD"] == (28_351_350, 15 * M, 0, 0, 0, 0, 43_351_350)  # 1.50 kept, 1.50 back
    assert statements(april)["ben USD"][4] == 0
    kept = Journal.objects.get(kind="reserve", key="2026-01")
    mirror = Journal.objects.get(kind="reserve_release")
    assert (mirror.key, mirror.reverses_id, mirror.cycle_id) == ("2026-01", kept.seq, kept.cycle_id)
    assert statements(month(story, 5, sold=""))["ann USD"][4] == -1_500_000  # February's, and nothing is earned
    clean()


def test_a_reserve_comes_back_also_under_a_policy_without_one(story: Story) -> None:
    shop(story, '[reserve]\nshare = "10%"\ncycles = 1\n')
    month(story, 1)
    policy(story, name="q")
    assert statements(month(story, 2, policy="q"))["ann USD"] == (13_500_000, 15 * M, 0, 0, -1_500_000, 0, 30 * M)
    assert account_balances(["reserve"]) == {("reserve", "USD"): 0}
    clean()


def test_the_reserve_is_of_what_splits_leave_and_bring(story: Story) -> None:
    shop(story, RESERVE)
    header = ("contributor_id", "payee_id", "share", "start", "end", "reason")
    story.take("splits", header, [("ann", "agnes", "0.8", "2026-01-01", "", "agency")])
    january = statements(month(story, 1))
    assert january["ann USD"] == (0, 15 * M, -12 * M, 0, 300_000, 0, 2_700_000)
    assert january["agnes USD"] == (0, 0, 12 * M, 0, 1_200_000, 0, 10_800_000)
    clean()


def test_a_stream_has_a_reserve_of_its_own(story: Story) -> None:
    shop(story, '[reserve]\nshare = "10%"\ncycles = 1\n', DEALS)
    header = ("contributor_id", "payee_id", "share", "start", "end", "reason")
    story.take("splits", header, [("ann", "agnes", "0.2", "2026-01-01", "", "agency")])
    story.deals(("d1", "2026-01-10T00:00:00Z", "ds@1", "USD", "40"))
    january = statements(month(story, 1))
    # Of Ann's 15 and 6 she keeps 12 and 4.80: a tenth of the one is held, and three tenths of the other.
    assert january["ann USD"] == (0, 21 * M, -4_200_000, 0, 1_200_000 + 1_440_000, 0, 14_160_000)
    assert january["agnes USD"] == (0, 0, 4_200_000, 0, 300_000 + 360_000, 0, 3_540_000)
    assert january["ben USD"] == (0, 7 * M, 0, 0, 500_000 + 600_000, 0, 5_900_000)
    assert {*Journal.objects.filter(kind="reserve").values_list("key", flat=True)} == {"2026-01", "2026-01/data_deal"}
    assert statements(month(story, 2))["ben USD"][4] == 0  # half a dollar kept, half a dollar back
    assert statements(month(story, 3, sold=""))["ben USD"][4] == -500_000 - 600_000
    assert account_balances(["reserve"]) == {("reserve", "USD"): 0}
    clean()


def test_a_stream_without_a_reserve_where_the_others_have_one(story: Story) -> None:
    shop(story, RESERVE, DEALS.replace("30%", "0%").replace("cycles = 2\n", ""), '[recoupment]\ncap = "100%"\n')
    month(story, 1)
    advance(story, "ben", 20 * M)
    story.deals(("d1", "2026-02-10T00:00:00Z", "ds@1", "USD", "40"))
    february = month(story, 2)
    assert statements(february)["ann USD"][4] == 1_500_000  # a tenth of the 15, nothing of the 6
    assert taken(february) == [("ben", 7 * M, 6_500_000)]  # all but what is held of the 5
    clean()


def test_debts_take_what_the_reserve_leaves(story: Story) -> None:
    shop(story, '[recoupment]\ncap = "100%"\n', RESERVE)
    month(story, 1)
    advance(story, "ann", 20 * M)
    february = month(story, 2)
    assert taken(february) == [("ann", 15 * M, 13_500_000)]
    assert statements(february)["ann USD"] == (13_500_000, 15 * M, 20 * M - 13_500_000, 0, 1_500_000, 0, 33_500_000)
    clean()


def test_debts_take_all_that_comes_back_whatever_the_cap_says(story: Story) -> None:
    shop(story, CAP, '[reserve]\nshare = "20%"\ncycles = 1\n')
    assert statements(month(story, 1))["ann USD"] == (0, 15 * M, 0, 0, 3 * M, 0, 12 * M)
    debt = advance(story, "ann", 8 * M)
    february = month(story, 2)  # a quarter of the 15 that are earned, and the 3 that come back; 3 more are kept
    assert taken(february) == [("ann", 15 * M, 6_750_000)]
    assert statements(february)["ann USD"] == (12 * M, 15 * M, 8 * M - 6_750_000, 0, 0, 0, 28_250_000)
    march = month(story, 3, sold="")  # nothing is earned
    assert taken(march) == [("ann", 0, 1_250_000)]
    assert statements(march)["ann USD"] == (28_250_000, 0, -1_250_000, 0, -3 * M, 0, 30 * M)
    assert find(debt.pk).left_micros == 0
    clean()


def test_a_debt_and_a_reserve_of_several_currencies(story: Story) -> None:
    shop(story, CAP, RESERVE)
    story.sales(("e1", "2026-01-10T00:00:00Z", "m", "EUR", "0.000007"))  # Ann's 0.000001 leaves nothing to keep
    january = statements(month(story, 1))
    assert january["ann EUR"] == (0, 1, 0, 0, 0, 0, 1)
    advance(story, "ann", 2 * M, currency="EUR")
    story.sales(("e2", "2026-02-10T00:00:00Z", "m", "EUR", "10"))
    assert taken(month(story, 2)) == [("ann", 1_500_000, 375_000)]
    clean()


def test_a_calculation_killed_after_the_deductions_keeps_back_once(story: Story) -> None:
    shop(story, CAP, RESERVE)
    month(story, 1)
    advance(story, "ann", 5 * M)
    story.move("correction", "c1", ("payable:ben", "USD", "D", 7 * M), ("platform", "USD", "C", 7 * M))
    story.sales(("s2", "2026-02-10T00:00:00Z", "m", "USD", "100"))
    story.open("2026-02", "2026-02-01", "2026-03-01")
    cycle = cycles.lock(key="2026-02", act=story.act())
    for _, stage in CALCULATION[:3]:
        for _ in range(2):
            with transaction.atomic():
                stage(cycle, story.act(), lambda *_: None)
    february = story.publish("2026-02")
    assert taken(february) == [("ann", 15 * M, 3_750_000)]
    assert statements(february)["ben USD"] == (4_500_000, 5 * M, -4_500_000, 0, 500_000, 0, 4_500_000)
    kinds = Journal.objects.filter(cycle=february).order_by("seq").values_list("kind", flat=True)
    assert list(kinds) == ["debt", "reserve", "recoupment", "allocation"]
    clean()


def test_a_journal_that_has_the_cycles_name_is_not_taken_for_its_reserve(story: Story) -> None:
    shop(story, RESERVE)
    story.move("reserve", "2026-01", ("payable:ann", "USD", "D", 1), ("reserve", "USD", "C", 1))
    with pytest.raises(Conflict, match="posted beside the cycle"):
        month(story, 1)
