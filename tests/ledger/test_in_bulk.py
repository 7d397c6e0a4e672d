"""Many journals at once are the journals that one by one would have been: the same chain, to the byte."""

from collections.abc import Sequence

import psycopg
import pytest
from django.db import IntegrityError, transaction

from revshare.errors import Conflict
from revshare.ledger.in_bulk import Posting, post_many
from revshare.ledger.models import Journal, NamedLeg
from revshare.ledger.operations import LegData, legs_digest, post_legs, reverse
from revshare.verification.operations import verify
from tests.stories import Story

pytestmark = pytest.mark.django_db
PEOPLE = ("ann", 'b"en', "c,y", "Ω", "007")


def gifts(*, sides: str = "CD") -> list[tuple[str, list[LegData]]]:
    return [
        (f"k{n}", [LegData(f"payable:{who}", "USD", sides[0], 1 + n), LegData("platform", "USD", sides[1], 1 + n)])
        for n, who in enumerate(PEOPLE)
    ]


@pytest.fixture
def known(story: Story) -> Story:
    story.take("contributors", ("contributor_id", "contributor_name"), [(who, "") for who in PEOPLE])
    story.move("reserve", "before", ("payable:ann", "USD", "C", 5), ("reserve", "USD", "D", 5))
    return story


def written() -> list[tuple[object, ...]]:
    journals = Journal.objects.order_by("seq").values_list(
        "seq", "kind", "key", "posted_at", "created_by", "reverses_id", "legs_count", "legs_sha256", "prev_hash", "hash",
        "sealed",
    )  # fmt: skip
    legs = NamedLeg.objects.order_by("journal_id", "account", "currency")
    return [*journals, *legs.values_list("journal_id", "account", "currency", "side", "amount_micros")]


def one_by_one(story: Story, mirrored: Sequence[str]) -> None:
    made = {key: post_legs(kind="gift", key=key, legs=legs, act=story.act("fiona")) for key, legs in gifts()}
    for key in mirrored:
        journal = made[key]
        assert journal is not None
        reverse(journal=journal, act=story.act("fiona"), kind="gift_back", key=key)


def at_once(story: Story, mirrored: Sequence[str]) -> None:
    act = story.act("fiona")
    post_many(kind="gift", postings=[Posting(key, legs) for key, legs in gifts()], act=act)
    seqs = dict(Journal.objects.filter(kind="gift").values_list("key", "seq"))
    mirrors = [Posting(key, legs, seqs[key]) for key, legs in gifts(sides="DC") if key in mirrored]
    post_many(kind="gift_back", postings=mirrors, act=act)


def test_the_chain_is_the_same_byte_by_byte(known: Story) -> None:
    results = []
    for way in (one_by_one, at_once):
        with transaction.atomic():
            way(known, ["k1", "k4"])
            results.append(written())
            for journal in Journal.objects.all():
                assert legs_digest(journal) == journal.legs_sha256
            assert verify(cycles=[]).findings == []
            transaction.set_rollback(True)
    assert results[0] == results[1]
    assert len(results[0]) == (1 + 5 + 2) + 2 * (1 + 5 + 2)


def test_nothing_is_posted_twice_or_half(known: Story) -> None:
    at_once(known, [])
    before = written()
    again = [Posting("new", gifts()[0][1]), Posting("k1", gifts()[1][1])]
    with pytest.raises(Conflict, match="Journal gift k1 is posted already"):
        post_many(kind="gift", postings=again, act=known.act())
    post_many(kind="gift", postings=[], act=known.act())
    assert written() == before


@pytest.mark.parametrize(
    "legs",
    [
        [LegData("payable:ann", "USD", "D", 5), LegData("platform", "USD", "C", 4)],
        [LegData("payable:nobody", "USD", "D", 5), LegData("platform", "USD", "C", 5)],
        [LegData("payable:ann", "USD", "D", 0), LegData("platform", "USD", "C", 0)],
        [LegData("pocket", "USD", "D", 5), LegData("platform", "USD", "C", 5)],
        [],
    ],
)
def test_the_database_judges_each(known: Story, legs: list[LegData]) -> None:
    before = written()
    with pytest.raises((IntegrityError, psycopg.IntegrityError)), transaction.atomic():
        post_many(kind="gift", postings=[Posting("good", gifts()[0][1]), Posting("bad", legs)], act=known.act())
    assert written() == before


def test_a_mirror_must_be_one(known: Story) -> None:
    at_once(known, [])
    seq = Journal.objects.get(kind="gift", key="k1").seq
    with pytest.raises(IntegrityError), transaction.atomic():
        post_many(kind="gift_back", postings=[Posting("k1", gifts(sides="DC")[2][1], seq)], act=known.act())
