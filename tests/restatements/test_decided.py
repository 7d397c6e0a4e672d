"""Restatements of money in suspense about which somebody decided: settled it is out of their reach; what is to be
shared is shared as restated. Worked out by hand."""

import pytest
from django.db import DatabaseError, connection, transaction

from revshare.allocation.deciding import settle, share
from revshare.allocation.suspense import waiting
from revshare.cycles import operations as cycles
from revshare.errors import Conflict, NotFound, Refused
from revshare.ledger.models import Leg
from revshare.policies.operations import register
from revshare.restatements import operations as restatements
from revshare.restatements.models import Restatement
from revshare.restatements.rules import Options
from tests.restatements.test_stories import clean, draft, march, moved, restate
from tests.stories import Story, payouts, pools

pytestmark = pytest.mark.django_db
M = 1_000_000
BY_LICENCES = (
    'name = "p"\nversion = "1"\n[streams.default]\ncontributor_share = "20%"\npooling = "per_model"\n'
    'allocation = "factors"\n[streams.default.factors]\nassets = "50%"\n"measure:licences" = "50%"\n'
)
MEASURES = ("contributor_id", "measure", "start", "end", "value")
UNHEARD = ("u1", "2026-03-04T10:00:00Z", "n", "USD", "100.00")


def suspended() -> int:
    rows = Leg.objects.filter(account="suspense").values_list("side", "amount_micros")
    return sum(micros if side == "C" else -micros for side, micros in rows)


def settled(story: Story, number: int) -> None:
    settle(number=number, to="platform", act=story.act("adam", why="nobody will ever come"))


def test_what_a_restatement_left_is_settled_and_then_out_of_reach(story: Story) -> None:
    march(story, UNHEARD)
    [one] = waiting()
    assert one.amount_micros == 20 * M
    story.sales(("u2", "2026-03-05T10:00:00Z", "n", "USD", "-60.00"))
    assert moved(restate(story, late=True)) == {
        ("suspense", "D", 12 * M), ("platform", "D", 48 * M), ("sales", "C", 60 * M)
    }  # fmt: skip
    assert [(row.number, row.amount_micros) for row in waiting()] == [(one.number, 8 * M)]
    story.sales(("u3", "2026-03-06T10:00:00Z", "n", "USD", "-10.00"))
    made = draft(story, late=True)  # it still waits
    restatements.approve(key=made.key, act=story.act("adam"))
    settled(story, one.number)
    assert (suspended(), waiting()) == (0, [])
    with pytest.raises(Refused, match="in suspense, which was released meanwhile, or settled"):
        restatements.post(key=made.key, act=story.act("fiona"))
    with pytest.raises(Refused, match="or settled"):
        draft(story, late=True)
    with pytest.raises(DatabaseError, match="cannot be corrected"), transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(
            "INSERT INTO allocation_correction (rest_id, journal_id, amount_micros) SELECT %s, max(seq), -1 "
            "FROM ledger_journal WHERE kind = 'restatement'",
            [one.number],
        )
    assert pools(story.publish("april", "2026-04-01", "2026-05-01"))["default · n · USD"][0] == -10 * M
    assert suspended() == 0
    clean()


def test_of_what_a_restatement_took_all_nothing_waits(story: Story) -> None:
    march(story, UNHEARD)
    [one] = waiting()
    story.sales(("u2", "2026-03-05T10:00:00Z", "n", "USD", "-100.00"))
    restate(story, late=True)
    assert (suspended(), waiting()) == (0, [])
    with pytest.raises(NotFound, match="Nothing waits in suspense"):
        settled(story, one.number)
    clean()


def test_what_is_to_be_shared_is_shared_as_restated(story: Story) -> None:
    """Half of a pool goes by licences, of which nobody has any in March."""
    story.models(("m", "ds@1"))
    story.attributions(*[("ds@1", f"a{i}", "ann") for i in range(3)], ("ds@1", "b1", "ben"))
    story.policies["p"], _ = register(content=BY_LICENCES.encode(), act=story.act())
    story.sales(("s1", "2026-03-03T10:00:00Z", "m", "USD", "100.00"))
    story.publish("march", "2026-03-01", "2026-04-01")
    [one] = waiting()
    share(number=one.number, act=story.act("olivia", why="the report comes late"))
    story.sales(("s2", "2026-03-20T10:00:00Z", "m", "USD", "40.00"))
    assert moved(restate(story, late=True)) == {
        ("suspense", "C", 4 * M), ("payable:ann", "C", 3 * M), ("payable:ben", "C", 1 * M), ("platform", "C", 32 * M),
        ("sales", "D", 40 * M),
    }  # fmt: skip
    assert [(row.amount_micros, row.decided) for row in waiting()] == [(14 * M, True)]
    story.take("measures", MEASURES, [("ben", "licences", "2026-04-01", "2026-05-01", "1")])
    story.sales(("s3", "2026-03-21T10:00:00Z", "m", "USD", "10.00"))
    made = draft(story, late=True)
    restatements.approve(key=made.key, act=story.act("adam"))
    story.open("april", "2026-04-01", "2026-05-01")
    cycles.lock(key="april", act=story.act())
    with pytest.raises(Refused, match="is locked and not calculated yet"):
        restatements.post(key=made.key, act=story.act("fiona"))
    april = story.publish("april", "2026-04-01", "2026-05-01")
    assert pools(april)["default · m · measure:licences · USD"] == (5 * M, 0, 15 * M, 4 * M, 0)
    assert (suspended(), waiting()) == (0, [])
    with pytest.raises(Conflict, match="shared already, by cycle april"):
        settled(story, one.number)
    with pytest.raises(Refused, match="released meanwhile"):
        restatements.draft(cycle_key="march", options=Options(policy=cheaper(story)), act=story.act())
    clean()


def test_what_a_cycle_shared_by_a_decision_does_not_go_to_another_manifest(story: Story) -> None:
    """A deal of a dataset of which nothing earned in February, shared with March's deal of the same."""
    story.attributions(("ds@1", "a1", "ann"), ("ds@2", "b1", "ben"))
    policy = 'name = "p"\nversion = "{}"\n[streams.default]\ncontributor_share = "20%"\npooling = "per_model"\n'
    policy += 'allocation = "asset_count"\n[eligibility]\nlicences = ["{}"]\n'
    story.policies["p"], _ = register(content=policy.format("1", "standard").encode(), act=story.act())
    story.deals(
        ("d1", "2026-02-03T10:00:00Z", "ds@1", "USD", "100.00"), ("d2", "2026-03-03T10:00:00Z", "ds@1", "USD", "10.00")
    )
    story.publish("february", "2026-02-01", "2026-03-01")
    [one] = waiting()
    share(number=one.number, act=story.act("olivia", why="the next policy pays them"))
    story.policies["p"], _ = register(content=policy.format("2", "").encode(), act=story.act())
    march = story.publish("march", "2026-03-01", "2026-04-01")
    assert payouts(march) == {"ann": 22 * M, "<platform>": 8 * M}
    with pytest.raises(Refused, match="would change what pool default · ds@1 · USD has in suspense"):
        draft(story, manifests={"ds@1": "ds@2"})
    assert not Restatement.objects.exists()
    clean()


def cheaper(story: Story) -> str:
    text = BY_LICENCES.replace('version = "1"', 'version = "2"').replace("20%", "10%")
    return str(register(content=text.encode(), act=story.act())[0].sha256)
