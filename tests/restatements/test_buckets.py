"""Restatements of what is shared by agreement, waits, is held, or was in another currency; worked out by hand."""

import pytest

from revshare.allocation.releasing import decide
from revshare.allocation.suspense import waiting
from revshare.audit_trail.operations import Act
from revshare.claims.operations import file_claim
from revshare.cycles import operations as cycles
from revshare.errors import Refused
from revshare.files.voiding import void
from revshare.policies.operations import register
from revshare.pools.matching import match
from revshare.restatements import operations as restatements
from revshare.restatements.rules import Options
from tests.restatements.test_stories import clean, draft, file_of, lines, march, moved, restate
from tests.stories import Story, pools, statements

pytestmark = pytest.mark.django_db
M = 1_000_000
LATE = ("s2", "2026-03-20T10:00:00Z", "m", "USD", "40.00")
SPLITS = ("contributor_id", "payee_id", "share", "start")
RATES = ("date", "base", "quote", "rate", "source")
USD = (
    'name = "usd"\nversion = "1"\n[streams.default]\ncontributor_share = "20%"\npooling = "per_model"\n'
    'allocation = "asset_count"\n[currency]\npools = "USD"\nrate = "day"\n'
)


def test_what_is_passed_on_by_splits_goes_on(story: Story) -> None:
    story.take("contributors", ("contributor_id", "contributor_name"), [("agnes", "Agnes")])
    story.take("splits", SPLITS, [("ann", "agnes", "0.25", "2026-01-01")])
    march(story)
    story.sales(LATE)
    made = restate(story, late=True)
    assert lines(made)["ann USD to agnes"] == (-3_750_000, -5_250_000)
    assert lines(made)["agnes USD from ann"] == (3_750_000, 5_250_000)
    assert moved(made) == {
        ("payable:ann", "C", 4_500_000), ("payable:agnes", "C", 1_500_000), ("payable:ben", "C", 2 * M),
        ("platform", "C", 32 * M), ("sales", "D", 40 * M),
    }  # fmt: skip
    clean()


def test_a_split_that_came_late_counts_with_all_that_came(story: Story) -> None:
    story.take("contributors", ("contributor_id", "contributor_name"), [("agnes", "Agnes")])
    march(story)
    story.take("splits", SPLITS, [("ben", "agnes", "0.5", "2026-01-01")])
    assert moved(restate(story, late=True)) == {
        ("payable:ben", "D", 2_500_000), ("payable:agnes", "C", 2_500_000),
    }  # fmt: skip
    clean()


def test_sales_in_another_currency_leave_it_through_fx(story: Story) -> None:
    story.models(("m", "ds@1"))
    story.attributions(("ds@1", "a1", "ann"))
    story.take("rates", RATES, [("2026-03-03", "EUR", "USD", "1.1", "ECB"), ("2026-03-20", "EUR", "USD", "1.2", "ECB")])
    story.policies["p"], _ = register(content=USD.encode(), act=story.act())
    story.sales(("s1", "2026-03-03T10:00:00Z", "m", "EUR", "100.00"))
    story.publish("march", "2026-03-01", "2026-04-01")
    story.sales(("s2", "2026-03-20T10:00:00Z", "m", "EUR", "10.00"))
    made = restate(story, late=True)
    assert lines(made)["ann default · m · USD"] == (22 * M, 24_400_000)
    assert moved(made) == {
        ("payable:ann", "C", 2_400_000), ("platform", "C", 9_600_000), ("fx", "D", 12 * M), ("fx", "C", 10 * M),
        ("sales", "D", 10 * M),
    }  # fmt: skip
    clean()


def test_what_is_left_in_suspense_is_released_and_no_more(story: Story) -> None:
    march(story)
    story.sales(
        ("u1", "2026-04-03T10:00:00Z", "n", "USD", "100.00"), ("u2", "2026-04-03T10:00:00Z", "n", "USD", "50.00")
    )
    wrong = file_of()
    story.publish("april", "2026-04-01", "2026-05-01")
    assert [row.amount_micros for row in waiting()] == [30 * M]
    void(file_id=wrong, reason="a test", act=story.act())
    story.sales(("u1", "2026-04-03T10:00:00Z", "n", "USD", "10.00"))
    made = restatements.draft(
        cycle_key="april", options=Options(late=True), act=story.act()
    )  # fmt: skip
    restatements.approve(key=made.key, act=story.act("adam"))
    restatements.post(key=made.key, act=story.act("fiona"))
    assert [row.amount_micros for row in waiting()] == [2 * M]
    match(kind="model", name="n", stands_for="m", act=Act(actor="olivia", at=story.at, why="its name"))
    may = story.publish("may", "2026-05-01", "2026-06-01")
    assert pools(may)["default · m · USD"] == (0, 0, 2 * M, 0, 0)
    assert waiting() == []
    clean()
    # By now it is somebody's.
    story.sales(("u3", "2026-04-04T10:00:00Z", "n", "USD", "1.00"))
    with pytest.raises(Refused, match="in suspense, which was released meanwhile"):
        restatements.draft(cycle_key="april", options=Options(late=True), act=story.act())


def test_nothing_new_can_wait_in_a_closed_cycle(story: Story) -> None:
    march(story)
    story.sales(("u1", "2026-03-04T10:00:00Z", "n", "USD", "10.00"))
    with pytest.raises(Refused, match="pool default · n · USD has in suspense"):
        draft(story, late=True)
    april = story.publish("april", "2026-04-01", "2026-05-01")
    assert pools(april)["default · n · USD"][0] == 10 * M
    clean()


def test_held_money_is_corrected_until_the_claim_is_decided(story: Story) -> None:
    story.take("contributors", ("contributor_id", "contributor_name"), [("cy", "Cy")])
    story.models(("m", "ds@1"))
    story.attributions(*[("ds@1", f"a{i}", "ann") for i in range(3)], ("ds@1", "b1", "ben"))
    claim = file_claim(
        claimant_id="cy", dataset_version="ds@1", asset_id="a0", proof="the raw file", act=story.act()
    )  # fmt: skip
    story.policy()
    story.sales(("s1", "2026-03-03T10:00:00Z", "m", "USD", "100.00"))
    story.publish("march", "2026-03-01", "2026-04-01")
    story.sales(LATE)
    made = restate(story, late=True)
    assert lines(made)[f"ann default · m · USD claim {claim.pk}"] == (5 * M, 7 * M)
    decide(number=claim.pk, action="reject", reason="no", act=story.act("adam"))
    april = story.publish("april", "2026-04-01", "2026-05-01")
    assert statements(april)["ann USD"] == (10 * M, 0, 11 * M, 0, 0, 0, 21 * M)
    story.sales(("s5", "2026-03-21T10:00:00Z", "m", "USD", "4.00"))
    with pytest.raises(Refused, match="in held for ann"):
        draft(story, late=True)
    clean()


def test_nothing_is_held_anew_for_a_claim_that_is_decided(story: Story) -> None:
    """Of its month nothing was held: there was nothing to release, and nobody could release what came later."""
    story.take("contributors", ("contributor_id", "contributor_name"), [("cy", "Cy")])
    story.models(("m", "ds@1"))
    story.attributions(("ds@1", "a0", "ann"), ("ds@1", "b1", "ben"))
    claim = file_claim(
        claimant_id="cy", dataset_version="ds@1", asset_id="a0", proof="the raw file", act=story.act()
    )  # fmt: skip
    story.policy()
    story.sales(("s1", "2026-03-03T10:00:00Z", "m", "USD", "0.00"))
    story.publish("march", "2026-03-01", "2026-04-01")
    decide(number=claim.pk, action="reject", reason="no", act=story.act("adam"))
    story.sales(LATE)
    with pytest.raises(Refused, match="in held for ann"):
        draft(story, late=True)
    april = story.publish("april", "2026-04-01", "2026-05-01")
    assert statements(april)["ann USD"][-1] == 4 * M
    clean()


def test_nothing_is_posted_between_a_lock_and_its_calculation(story: Story) -> None:
    march(story)
    made = draft(story, policy=story.policy(name="q", share="50%").sha256)
    restatements.approve(key=made.key, act=story.act("adam"))
    story.open("april", "2026-04-01", "2026-05-01")
    cycles.lock(key="april", act=story.act())
    with pytest.raises(Refused, match="locked and not calculated"):
        restatements.post(key=made.key, act=story.act("fiona"))
    cycles.calculate(key="april", act=story.act())
    restatements.post(key=made.key, act=story.act("fiona"))
    clean()


def test_a_deficit_that_was_none_comes_back(story: Story) -> None:
    march(story)
    story.sales(("n1", "2026-04-03T10:00:00Z", "m", "USD", "-30.00"))
    wrong = file_of()
    april = story.publish("april", "2026-04-01", "2026-05-01")
    assert pools(april)["default · m · USD"] == (-30 * M, 0, 0, 0, -30 * M)
    story.sales(("s5", "2026-05-03T10:00:00Z", "m", "USD", "50.00"))
    may = story.publish("may", "2026-05-01", "2026-06-01")
    assert pools(may)["default · m · USD"] == (50 * M, -30 * M, 4 * M, 16 * M, 0)
    void(file_id=wrong, reason="no such refund", act=story.act())
    made = restatements.draft(cycle_key="april", options=Options(void=(wrong,)), act=story.act())
    restatements.approve(key=made.key, act=story.act("adam"))
    restatements.post(key=made.key, act=story.act("fiona"))
    june = story.publish("june", "2026-06-01", "2026-07-01")
    # As much more as May would have shared: 20% of 30.
    assert pools(june)["default · m · USD"] == (0, 30 * M, 6 * M, 24 * M, 0)
    clean()
