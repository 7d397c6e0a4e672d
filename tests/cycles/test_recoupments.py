"""Debts taken back of what is earned, in worked numbers."""

from datetime import date

import pytest

from revshare.cycles.operations import lock
from revshare.errors import Conflict, NotAllowed, Refused
from revshare.ledger.queries import account_balances
from revshare.recoupments import operations as recoupments
from revshare.recoupments.models import Debt
from revshare.recoupments.queries import find
from tests.recoupments.stories import CAP, M, advance, clean, month, policy, shop, taken
from tests.stories import Story, statements


def overpaid(story: Story, name: str, micros: int) -> None:
    """A correction takes more from an account than there is."""
    legs = ((f"payable:{name}", "USD", "D", micros), ("platform", "USD", "C", micros))
    story.move("correction", f"c{micros}", *legs)


def test_an_overpayment_is_taken_back_by_a_quarter_of_what_is_earned(story: Story) -> None:
    shop(story, CAP)
    month(story, 1)
    overpaid(story, "ben", 8 * M)  # of the 5 that Ben has
    february = month(story, 2)
    #                         opening  earned  adjusted  withheld held paid closing
    assert statements(february)["ben USD"] == (5 * M, 5 * M, -5 * M, 0, 0, 0, 5 * M)
    debt = Debt.objects.get()
    assert (debt.kind, debt.amount_micros, debt.noticed_on, debt.starts_on) == (
        "overpayment", 3 * M, date(2026, 3, 1), date(2026, 3, 31),
    )  # fmt: skip
    march, april, may = (month(story, number) for number in (3, 4, 5))
    assert taken(march) == taken(april) == [("ben", 5 * M, 1_250_000)]
    assert taken(may) == [("ben", 5 * M, 500_000)]  # what is left
    assert statements(march)["ben USD"] == (5 * M, 5 * M, -1_250_000, 0, 0, 0, 8_750_000)
    assert statements(may)["ben USD"][2] == -500_000
    assert find(debt.pk).left_micros == 0
    assert account_balances(["receivable"]) == {("receivable", "USD"): 0}
    assert taken(month(story, 6)) == []
    clean()


def test_what_splits_pass_on_is_not_owed(story: Story) -> None:
    shop(story, CAP)
    header = ("contributor_id", "payee_id", "share", "start")
    story.take("splits", header, [("ann", "agnes", "0.2", "2026-01-01"), ("ben", "ann", "1", "2026-02-01")])
    january = month(story, 1)
    assert statements(january)["ann USD"] == (0, 15 * M, -3 * M, 0, 0, 0, 12 * M)
    assert not Debt.objects.exists()
    overpaid(story, "ann", 13 * M)  # of the 12 that Ann has; what Ben passes on is of February's earnings, too
    february = month(story, 2)
    assert statements(february)["ann USD"] == (12 * M, 15 * M, (-13 + 1 - 3 + 5) * M, 0, 0, 0, 17 * M)
    assert [(debt.contributor_id, debt.amount_micros) for debt in Debt.objects.all()] == [("ann", M)]
    clean()


def test_without_a_schedule_a_negative_balance_eats_what_is_earned(story: Story) -> None:
    shop(story)
    month(story, 1)
    overpaid(story, "ben", 8 * M)
    assert statements(month(story, 2))["ben USD"] == (5 * M, 5 * M, -8 * M, 0, 0, 0, 2 * M)
    assert not Debt.objects.exists()
    clean()


def test_an_advance_is_granted_by_two_and_taken_back_from_its_day_on(story: Story) -> None:
    shop(story, CAP)
    month(story, 1)
    debt = recoupments.ask_for_advance(
        contributor_id="ann", currency="USD", amount_micros=5 * M, starts_on=date(2026, 3, 1),
        act=story.act("fiona", "a new camera"),
    )  # fmt: skip
    assert (find(debt.pk).state, find(debt.pk).left_micros) == ("asked", 0)
    with pytest.raises(NotAllowed, match="fiona asked for advance"):
        recoupments.approve(number=debt.pk, act=story.act("fiona", "mine"))
    with pytest.raises(Refused, match="takes a reason"):
        recoupments.approve(number=debt.pk, act=story.act("adam"))
    recoupments.approve(number=debt.pk, act=story.act("adam", "agreed"))
    with pytest.raises(Conflict, match="is booked"):
        recoupments.decline(number=debt.pk, act=story.act("adam", "no"))
    assert statements(month(story, 2))["ann USD"] == (15 * M, 15 * M, 5 * M, 0, 0, 0, 35 * M)
    march = month(story, 3)
    assert taken(march) == [("ann", 15 * M, 3_750_000)]
    assert statements(march)["ann USD"] == (35 * M, 15 * M, -3_750_000, 0, 0, 0, 46_250_000)
    assert taken(month(story, 4)) == [("ann", 15 * M, 1_250_000)]
    assert account_balances(["advance"]) == {("advance", "USD"): 0}
    clean()


def test_an_advance_that_is_declined_moves_nothing(story: Story) -> None:
    shop(story, CAP)
    debt = recoupments.ask_for_advance(
        contributor_id="ann", currency="USD", amount_micros=5 * M, act=story.act("fiona", "a new camera")
    )
    recoupments.decline(number=debt.pk, act=story.act("adam", "not now"))
    assert statements(month(story, 1))["ann USD"] == (0, 15 * M, 0, 0, 0, 0, 15 * M)
    with pytest.raises(Conflict, match="is declined"):
        recoupments.approve(number=debt.pk, act=story.act("adam", "after all"))
    clean()


def test_the_first_debt_comes_first_and_the_cap_is_for_all_of_them(story: Story) -> None:
    shop(story, '[recoupment]\ncap = "50%"\nat_most = {USD = "4.00"}\n')
    month(story, 1)
    first, second = advance(story, "ann", 3 * M), advance(story, "ann", 9 * M)
    third = advance(story, "ben", 1 * M)
    # Half of Ann's 15 is more than the 4 dollars that a cycle may take; half of Ben's 5 is more than he owes.
    assert taken(month(story, 2)) == [("ann", 15 * M, 3 * M), ("ann", 15 * M, 1 * M), ("ben", 5 * M, 1 * M)]
    assert taken(month(story, 3)) == taken(month(story, 4)) == [("ann", 15 * M, 4 * M)]
    assert [find(debt.pk).left_micros for debt in (first, second, third)] == [0, 0, 0]
    clean()


def test_what_is_passed_on_by_splits_is_not_taken_for_debts(story: Story) -> None:
    shop(story, CAP)
    header = ("contributor_id", "payee_id", "share", "start", "end", "reason")
    story.take("splits", header, [("ann", "agnes", "0.8", "2026-01-01", "", "agency")])
    month(story, 1)
    advance(story, "ann", 5 * M)
    advance(story, "agnes", 5 * M)
    february = month(story, 2)  # of 15 Ann keeps 3, and Agnes has 12
    assert taken(february) == [("ann", 3 * M, 750_000), ("agnes", 12 * M, 3 * M)]
    assert statements(february)["agnes USD"] == (12 * M, 0, 12 * M + 5 * M - 3 * M, 0, 0, 0, 26 * M)
    clean()


def test_what_is_left_is_written_off_by_another(story: Story) -> None:
    shop(story, CAP)
    month(story, 1)
    debt = advance(story, "ann", 5 * M)
    month(story, 2)
    with pytest.raises(NotAllowed, match="another person has to write it off"):
        recoupments.write_off(number=debt.pk, act=story.act("fiona", "gone"))
    story.open("2026-03", "2026-03-01", "2026-04-01")
    lock(key="2026-03", act=story.act())
    with pytest.raises(Conflict, match="2026-03 is locked"):
        recoupments.write_off(number=debt.pk, act=story.act("adam", "moved away"))
    march = story.publish("2026-03")
    assert taken(march) == []  # nothing was sold
    made = recoupments.write_off(number=debt.pk, act=story.act("adam", "moved away"))
    assert made.amount_micros == 1_250_000
    assert find(debt.pk).state == "written_off"
    assert account_balances(["advance"]) == {("advance", "USD"): 0}
    assert taken(month(story, 4)) == []
    with pytest.raises(Conflict, match="is written_off"):
        recoupments.write_off(number=debt.pk, act=story.act("adam", "again"))
    clean()


def test_an_account_below_zero_can_be_booked_by_a_person_and_no_more_than_that(story: Story) -> None:
    shop(story, CAP)
    month(story, 1)
    overpaid(story, "ben", 8 * M)
    with pytest.raises(Refused, match=r"3\.00 USD below zero"):
        recoupments.book_overpayment(
            contributor_id="ben", currency="USD", amount_micros=3 * M + 1, act=story.act("fiona", "refunds")
        )
    debt = recoupments.book_overpayment(contributor_id="ben", currency="USD", act=story.act("fiona", "refunds"))
    assert (debt.amount_micros, debt.noticed_on, debt.starts_on) == (3 * M, date(2026, 2, 5), date(2026, 3, 7))
    with pytest.raises(Refused, match=r"0\.00 USD below zero"):
        recoupments.book_overpayment(contributor_id="ben", currency="USD", act=story.act("fiona", "again"))
    assert statements(month(story, 2))["ben USD"] == (5 * M, 5 * M, -5 * M, 0, 0, 0, 5 * M)
    assert taken(month(story, 3)) == [("ben", 5 * M, 1_250_000)]
    clean()


def test_a_debt_that_is_approved_after_the_lock_waits_for_the_next_cycle(story: Story) -> None:
    shop(story, CAP)
    month(story, 1)
    story.sales(("x", "2026-02-10T00:00:00Z", "m", "USD", "100"))
    story.open("2026-02", "2026-02-01", "2026-03-01")
    lock(key="2026-02", act=story.act())
    advance(story, "ann", 5 * M)
    assert taken(story.publish("2026-02")) == []
    assert taken(month(story, 3)) == [("ann", 15 * M, 3_750_000)]
    clean()


def test_the_policy_of_the_cycle_says_how_much(story: Story) -> None:
    shop(story)
    month(story, 1)
    debt = advance(story, "ann", 5 * M)
    assert taken(month(story, 2)) == []  # no schedule, and it waits
    policy(story, '[recoupment]\ncap = "10%"\n', name="q")
    assert taken(month(story, 3, policy="q")) == [("ann", 15 * M, 1_500_000)]
    assert find(debt.pk).left_micros == 3_500_000
    clean()
