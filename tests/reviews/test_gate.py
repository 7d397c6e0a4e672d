"""What a review finds keeps a cycle from being approved until an approver overrode each of it."""

from typing import Any

import pytest
from django.db import DatabaseError, connection, transaction

from revshare.audit_trail.models import Event
from revshare.cycles import operations as cycles
from revshare.cycles.models import Cycle
from revshare.cycles.review import decide_finding, make_review
from revshare.errors import Conflict, NotAllowed, NotFound, Refused
from revshare.reviews.models import Decision, Finding, Review
from revshare.reviews.operations import check_not_concerned
from revshare.reviews.queries import findings_of, standing
from revshare.verification.operations import verify
from tests.ownership import owner
from tests.reviews.conftest import calculate, release, sell
from tests.stories import Story


@pytest.fixture
def inflated(forty: Story) -> tuple[Story, Cycle]:
    """Three quiet months; in the fourth one customer buys thirty times as much as ever."""
    for number in (1, 2, 3):
        sell(forty, number, ("k1", "m", "60.00"), ("k2", "m", "40.00"))
        release(forty, calculate(forty, number))
    sell(forty, 4, ("k1", "m", "61.00"), ("k2", "m", "1200.00"))
    cycle = calculate(forty, 4)
    return forty, cycles.submit(key=cycle.key, act=forty.act())


def decide(story: Story, number: int, action: str, *, by: str = "adam", why: str = "it is right") -> Any:
    return decide_finding(key="2026-04", number=number, action=action, act=story.act(by, why))


def test_the_gate(inflated: tuple[Story, Cycle]) -> None:
    story, cycle = inflated
    found = {item.subject: item.number for item in findings_of(cycle.pk).filter(blocks=True)}
    assert set(found) == {
        "default · m · USD",
        "customer k2",
        "model m",
        f"file {Finding.objects.get(subject__startswith='file').subject[5:]}",
    }
    with pytest.raises(Refused, match="4 findings keep cycle 2026-04 from being approved"):
        cycles.approve(key=cycle.key, act=story.act("adam"))
    with pytest.raises(Refused, match="Say why"):
        decide(story, 1, "override", why=" ")
    with pytest.raises(NotAllowed, match="prepared"):
        decide(story, 1, "override", by="olivia")
    with pytest.raises(NotFound):
        decide(story, 99, "override")
    decide(story, found["customer k2"], "stop", why="k2 says that it bought nothing")
    with pytest.raises(Refused, match="adam stopped it: k2 says that it bought nothing"):
        cycles.approve(key=cycle.key, act=story.act("adam"))
    for number in found.values():
        decide(story, number, "override", by="vera", why="the contract is there")
    with pytest.raises(Conflict, match="overridden already, by vera"):
        decide(story, 1, "override")
    assert (standing(cycle.pk).blocking, standing(cycle.pk).open) == (4, 0)
    approved = cycles.approve(key=cycle.key, act=story.act("adam"))
    assert approved.state == "approved"
    with pytest.raises(Conflict, match="closed"):
        decide(story, 1, "stop")
    said = Event.objects.filter(object="cycle:2026-04", action__in=["cycle.stop", "cycle.override"]).order_by("seq")
    assert [event.action for event in said] == ["cycle.stop", *["cycle.override"] * 4]
    assert said[0].detail["why"] == "k2 says that it bought nothing"
    assert verify(cycles=[approved]).findings == []


def test_the_database_holds_the_gate(inflated: tuple[Story, Cycle]) -> None:
    story, cycle = inflated
    approve = (
        "UPDATE cycles_cycle SET state = 'approved', approved_by = 'mallory', approved_at = now(), "
        "approved_digest = result_digest WHERE key = '2026-04'"
    )
    decision = (
        "INSERT INTO reviews_decision (finding_id, cycle_id, action, reason, at, by) "
        "SELECT id, {cycle}, 'override', 'x', now(), '{by}' FROM reviews_finding WHERE blocks AND cycle_id = "
        f"{cycle.pk} LIMIT 1"
    )
    attacks = {
        approve: "is not overridden",
        decision.format(cycle=cycle.pk, by="olivia"): "prepared the cycle",
        decision.format(cycle=cycle.pk - 1, by="adam"): "of another cycle",
        "UPDATE reviews_finding SET blocks = false": "does not change",
        "DELETE FROM reviews_decision": "does not change",
        "TRUNCATE reviews_review CASCADE": "does not change",
    }
    decide(story, 1, "stop")
    with connection.cursor() as cursor:
        cursor.execute("SET CONSTRAINTS ALL IMMEDIATE")  # what waits for the end of the transaction forbids TRUNCATE
    for attack, says in attacks.items():
        with pytest.raises(DatabaseError, match=says), owner(), connection.cursor() as cursor:
            cursor.execute(attack)


def test_a_result_that_was_not_reviewed_is_not_approved(forty: Story) -> None:
    sell(forty, 1, ("k1", "m", "60.00"))
    cycle = calculate(forty, 1)
    both = (
        "UPDATE cycles_cycle SET state = 'in_review', submitted_by = 'x' WHERE key = '2026-01'; "
        "UPDATE cycles_cycle SET state = 'approved', approved_by = 'm', approved_at = now(), "
        "approved_digest = result_digest WHERE key = '2026-01'"
    )
    with pytest.raises(DatabaseError, match="not reviewed"), transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(both)
    first = make_review(key=cycle.key, act=forty.act())
    assert make_review(key=cycle.key, act=forty.act()) == first
    assert (Review.objects.count(), Decision.objects.count()) == (1, 0)
    forty.open("2026-02", "2026-02-01", "2026-03-01")
    with pytest.raises(Refused, match="before it is calculated"):
        make_review(key="2026-02", act=forty.act())


def test_nobody_decides_about_their_own_money(forty: Story) -> None:
    sell(forty, 1, ("k1", "m", "820.00"))
    release(forty, calculate(forty, 1))
    forty.attributions(*(("ds@2", f"new-{number}", "c01") for number in range(400)))
    forty.models(("m", "ds@2"))
    sell(forty, 2, ("k1", "m", "820.00"))
    cycle = calculate(forty, 2)
    make_review(key=cycle.key, act=forty.act())
    rules = {item.rule: item for item in findings_of(cycle.pk).filter(blocks=True, contributor="c01")}
    assert set(rules) == {"contributors", "concentration", "assets"}
    number = rules["assets"].number
    with pytest.raises(NotAllowed, match="about c01"):
        check_not_concerned(cycle_id=cycle.pk, number=number, contributor_id="c01")
    check_not_concerned(cycle_id=cycle.pk, number=number, contributor_id="c02")
