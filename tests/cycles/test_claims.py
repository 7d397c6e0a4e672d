"""Claims on assets, and held money released: stories worked out by hand."""

from datetime import timedelta

import pytest
from django.db import IntegrityError, transaction

from revshare.allocation.models import HeldRelease, Rest
from revshare.allocation.releasing import decide, lapse_overdue, release_held
from revshare.claims.models import Claim, ClaimStep
from revshare.claims.operations import file_claim, prove
from revshare.claims.queries import find
from revshare.cycles import operations as cycles
from revshare.cycles.models import Cycle
from revshare.errors import Conflict, NotAllowed, NotFound, Refused
from revshare.ledger.models import Journal
from revshare.policies.operations import register
from revshare.verification.operations import verify
from tests.conftest import ROOT
from tests.stories import Story, payouts, statements

M = 1_000_000
MONTHS = ("jan", "feb", "mar", "apr")


def clean() -> None:
    assert verify(cycles=list(Cycle.objects.all())).findings == []


def month(story: Story, key: str) -> Cycle:
    number = MONTHS.index(key) + 1
    return story.publish(key, f"2026-0{number}-01", f"2026-0{number + 1}-01")


def claim(story: Story, claimant: str = "cy", asset: str = "a0", *, days: int = 30, version: str = "ds@1") -> Claim:
    return file_claim(
        claimant_id=claimant, dataset_version=version, asset_id=asset, proof="the raw file", days=days, act=story.act()
    )


def held(cycle: Cycle) -> list[tuple[str, str, int]]:
    rows = Rest.objects.filter(cycle=cycle, bucket="held").order_by("reason", "contributor_id", "pool_id")
    return list(rows.values_list("reason", "contributor_id", "amount_micros"))


@pytest.fixture
def shop(story: Story) -> Story:
    """Ann has three assets of the datasets of model m, Ben has one; each month sells for 100 dollars, a fifth of it
    theirs. Cy has nothing so far."""
    story.take("contributors", ("contributor_id", "contributor_name"), [("cy", "Cy"), ("di", "Di")])
    story.models(("m", "ds@1"))
    story.attributions(*[("ds@1", f"a{i}", "ann") for i in range(3)], ("ds@1", "b1", "ben"))
    story.policy()
    story.sales(*[(f"s{n}", f"2026-0{n}-10T00:00:00Z", "m", "USD", "100") for n in (1, 2, 3)])
    return story


def test_an_upheld_claim_gives_the_claimant_what_was_held_and_what_comes(shop: Story) -> None:
    month(shop, "jan")
    number = claim(shop).pk
    february = month(shop, "feb")
    # One of Ann's three assets is in dispute: 5 of her 15 dollars are held; January's stay hers.
    assert payouts(february) == {"ann": 10 * M, "ben": 5 * M, "<held>": 5 * M, "<platform>": 80 * M}
    assert held(february) == [(f"claim {number}", "ann", 5 * M)]
    prove(number=number, evidence="the negative", act=shop.act())
    released = decide(number=number, action="uphold", reason="the negative is hers", act=shop.act("adam"))
    assert [(item.cycle, item.micros) for item in released] == [("feb", {"USD": 5 * M})]
    march = month(shop, "mar")
    #                      opening  earned   adjusted withheld held paid closing
    assert statements(march) == {
        "ann USD": (25 * M, 10 * M, 0,       0, 0, 0, 35 * M),
        "ben USD": (10 * M, 5 * M,  0,       0, 0, 0, 15 * M),
        "cy USD":  (0,      5 * M,  5 * M,   0, 0, 0, 10 * M),
    }  # fmt: skip
    assert held(march) == []
    text = (ROOT / "docs" / "claims.md").read_text()
    paid = payouts(february)
    assert f"February  ann {paid['ann']:,}  ben {paid['ben']:,}  held {paid['<held>']:,}\n" in text
    of = statements(march)
    assert (
        f"March     ann {of['ann USD'][1]:,}  ben {of['ben USD'][1]:,}  cy {of['cy USD'][1]:,} "
        f"and {of['cy USD'][2]:,} from February\n"
    ) in text
    clean()


def test_a_rejected_claim_gives_back_what_was_held_and_nothing_else_changes(shop: Story) -> None:
    number = claim(shop).pk
    month(shop, "jan")
    month(shop, "feb")
    decide(number=number, action="reject", reason="the file is of 2031", act=shop.act("adam"))
    march = month(shop, "mar")
    assert statements(march)["ann USD"] == (20 * M, 15 * M, 10 * M, 0, 0, 0, 45 * M)
    assert "cy USD" not in statements(march)
    assert list(Journal.objects.filter(kind="claim").order_by("seq").values_list("key", flat=True)) == [
        f"claim {number} jan", f"claim {number} feb",
    ]  # fmt: skip
    clean()


def test_a_claim_without_full_proof_in_time_lapses_at_the_next_lock(shop: Story) -> None:
    number = claim(shop, days=10).pk
    month(shop, "jan")
    shop.at += timedelta(days=10)
    with pytest.raises(Refused, match="has not lapsed"):
        decide(number=number, action="lapse", reason="late", act=shop.act())
    assert lapse_overdue(act=shop.act()) == []
    shop.at += timedelta(seconds=1)
    with pytest.raises(Refused, match="was due by 2026-07-10 12:00"):
        prove(number=number, evidence="the negative", act=shop.act())
    february = month(shop, "feb")  # its lock lapses the claim: what January held is on its statements
    assert find(number).state == "lapsed"
    assert statements(february)["ann USD"] == (10 * M, 15 * M, 5 * M, 0, 0, 0, 30 * M)
    clean()


def test_what_a_locked_cycle_holds_for_a_claim_decided_meanwhile_is_released_at_once(shop: Story) -> None:
    number = claim(shop).pk
    shop.open("jan", "2026-01-01", "2026-02-01")
    cycles.lock(key="jan", act=shop.act())
    assert decide(number=number, action="reject", reason="no", act=shop.act("adam")) == []
    january = shop.publish("jan")
    assert held(january) == [(f"claim {number}", "ann", 5 * M)]
    assert HeldRelease.objects.get().contributor_id == "ann"
    assert statements(month(shop, "feb"))["ann USD"] == (10 * M, 15 * M, 5 * M, 0, 0, 0, 30 * M)
    clean()


def test_who_loses_everything_to_claims_has_no_line_any_more(shop: Story) -> None:
    number = claim(shop, "cy", "b1").pk
    prove(number=number, evidence="the negative", act=shop.act())
    decide(number=number, action="uphold", reason="yes", act=shop.act("adam"))
    assert payouts(month(shop, "jan")) == {"ann": 15 * M, "cy": 5 * M, "<platform>": 80 * M}
    # And the claimant's own right can be claimed by another.
    second = claim(shop, "di", "b1").pk
    assert held(month(shop, "feb")) == [(f"claim {second}", "cy", 5 * M)]
    decide(number=second, action="reject", reason="no", act=shop.act("adam"))
    assert statements(month(shop, "mar"))["cy USD"] == (5 * M, 5 * M, 5 * M, 0, 0, 0, 15 * M)
    clean()


def test_shared_and_weighted_assets_are_held_for_each_who_holds_them(story: Story) -> None:
    story.take("contributors", ("contributor_id", "contributor_name"), [("cy", "Cy")])
    story.models(("m", "ds@1"))
    rows = [
        ("a", "ann", "0.75", "2.5"),
        ("a", "ben", "0.25", "2.5"),
        ("b", "ben", "", "0.000001"),
        ("c", "cy", "", "1.5"),
    ]
    story.take(
        "attributions", ("dataset_version", "asset_id", "contributor_id", "share", "weight"),
        [("ds@1", *row) for row in rows],
    )  # fmt: skip
    story.policies["p"], _ = register(
        content=b'name = "p"\nversion = "1"\n[streams.default]\ncontributor_share = "100%"\npooling = "per_model"\n'
        b'allocation = "weighted"\n', act=story.act(),
    )  # fmt: skip
    story.sales(("s1", "2026-01-10T00:00:00Z", "m", "USD", "4.000001"), ("s2", "2026-01-10T00:00:00Z", "m", "EUR", "8"))
    number = claim(story, "cy", "a").pk
    january = month(story, "jan")
    assert payouts(january) == {
        "ann": 0, "cy": 1_500_000 + 2_999_999, "ben": 1 + 2, "<held>": 2_500_000 + 4_999_999,
    }  # fmt: skip
    assert sorted(row[1:] for row in held(january)) == [
        ("ann", 1_875_000), ("ann", 3_749_999), ("ben", 625_000), ("ben", 1_250_000),
    ]  # fmt: skip
    prove(number=number, evidence="the negative", act=story.act())
    decide(number=number, action="uphold", reason="yes", act=story.act("adam"))
    february = month(story, "feb")
    assert {name: row[2] for name, row in statements(february).items()} == {"cy EUR": 4_999_999, "cy USD": 2_500_000}
    clean()


def test_what_was_held_for_an_opt_out_is_released_with_a_reason(story: Story) -> None:
    story.models(("m", "ds@1"))
    story.attributions(*[("ds@1", f"a{i}", "ann") for i in range(3)], ("ds@1", "b1", "ben"))
    story.take("consents", ("contributor_id", "decision", "effective_at"), [("ben", "opt_out", "2026-01-01T00:00:00Z")])
    story.policies["p"], _ = register(
        content=b'name = "p"\nversion = "1"\n[streams.default]\ncontributor_share = "20%"\npooling = "per_model"\n'
        b'allocation = "asset_count"\n[eligibility]\nopted_out = "hold"\n', act=story.act(),
    )  # fmt: skip
    story.sales(("s1", "2026-01-10T00:00:00Z", "m", "USD", "100"), ("s2", "2026-02-10T00:00:00Z", "m", "EUR", "100"))
    assert held(month(story, "jan")) == [("opted out", "ben", 5 * M)]
    month(story, "feb")
    with pytest.raises(Refused, match="Say why"):
        release_held(contributor_id="ben", reason=" ", act=story.act())
    released = release_held(contributor_id="ben", reason="came back", act=story.act())
    assert [(item.cycle, item.micros) for item in released] == [("jan", {"USD": 5 * M}), ("feb", {"EUR": 5 * M})]
    with pytest.raises(Refused, match="Nothing is held"):
        release_held(contributor_id="ben", reason="again", act=story.act())
    assert statements(month(story, "mar")) == {
        "ben EUR": (0, 0, 5 * M, 0, 0, 0, 5 * M), "ben USD": (0, 0, 5 * M, 0, 0, 0, 5 * M),
    }  # fmt: skip
    clean()


def test_what_the_policy_does_not_pay_is_not_in_dispute(story: Story) -> None:
    story.take("contributors", ("contributor_id", "contributor_name"), [("cy", "Cy")])
    story.models(("m", "ds@1"))
    story.attributions(("ds@1", "a1", "ann"), ("ds@1", "a2", "ann"), ("ds@1", "b1", "ben"), ("ds@1", "p1", "museum"))
    story.take(
        "consents", ("contributor_id", "asset_id", "decision", "effective_at"),
        [("ann", "a2", "opt_out", "2026-01-01T00:00:00Z")],
    )  # fmt: skip
    story.policies["p"], _ = register(
        content=b'name = "p"\nversion = "1"\n[streams.default]\ncontributor_share = "20%"\npooling = "per_model"\n'
        b'allocation = "asset_count"\n[eligibility]\nopted_out = "hold"\ncommons_contributors = ["museum"]\n',
        act=story.act(),
    )  # fmt: skip
    story.sales(("s1", "2026-01-10T00:00:00Z", "m", "USD", "100"), ("s2", "2026-02-10T00:00:00Z", "m", "USD", "100"))
    numbers = [claim(story, "cy", asset).pk for asset in ("a1", "a2", "p1")]
    january = month(story, "jan")
    assert payouts(january) == {
        "ann": 0, "ben": 5 * M, "<commons>": 5 * M, "<held>": 10 * M, "<platform>": 80 * M,
    }  # fmt: skip
    assert held(january) == [(f"claim {numbers[0]}", "ann", 5 * M), ("opted out", "ann", 5 * M)]
    for number in numbers:
        prove(number=number, evidence="the negative", act=story.act())
        decide(number=number, action="uphold", reason="yes", act=story.act("adam"))
    # What is the museum's by name goes to Cy, what is held by the policy stays held.
    assert payouts(month(story, "feb")) == {"ben": 5 * M, "cy": 10 * M, "<held>": 5 * M, "<platform>": 80 * M}
    clean()


def test_an_asset_in_dispute_counts_for_those_who_need_so_many(shop: Story) -> None:
    shop.policies["p"], _ = register(
        content=b'name = "p"\nversion = "2"\n[streams.default]\ncontributor_share = "20%"\npooling = "per_model"\n'
        b'allocation = "asset_count"\nmin_assets = 3\n', act=shop.act(),
    )  # fmt: skip
    claim(shop)
    claim(shop, "cy", "b1")  # Ben has too few: there is nothing to hold
    assert payouts(month(shop, "jan")) == {"ann": 13_333_333, "<held>": 6_666_667, "<platform>": 80 * M}
    clean()


def test_claims_move_by_the_table_of_moves(shop: Story) -> None:
    with pytest.raises(NotFound, match="no contributor"):
        claim(shop, "nobody")
    with pytest.raises(NotFound, match="has no asset"):
        claim(shop, asset="z9")
    with pytest.raises(Refused, match="within 1 to 3650 days"):
        claim(shop, days=0)
    number = claim(shop).pk
    with pytest.raises(Conflict, match="is open: decide it first"):
        claim(shop, "di")
    with pytest.raises(Conflict, match="is filed: it is too late, or too early, to uphold"):
        decide(number=number, action="uphold", reason="yes", act=shop.act("adam"))
    prove(number=number, evidence="the negative", act=shop.act())
    with pytest.raises(Conflict, match="is proven"):
        prove(number=number, evidence="more", act=shop.act())
    with pytest.raises(NotAllowed, match="another person"):
        decide(number=number, action="uphold", reason="yes", act=shop.act())
    with pytest.raises(Refused, match="in words"):
        decide(number=number, action="uphold", reason="", act=shop.act("adam"))
    decide(number=number, action="uphold", reason="yes", act=shop.act("adam"))
    with pytest.raises(Conflict, match="is upheld"):
        decide(number=number, action="reject", reason="no", act=shop.act("adam"))
    with pytest.raises(NotFound, match="no claim 999"):
        decide(number=999, action="reject", reason="no", act=shop.act("adam"))


@pytest.mark.parametrize(
    ("action", "source", "target"),
    [
        ("uphold", "proven", "upheld"),
        ("uphold", "filed", "upheld"),
        ("lapse", "filed", "lapsed"),
        ("prove", "proven", "proven"),
    ],
)
def test_the_database_refuses_other_moves(shop: Story, action: str, source: str, target: str) -> None:
    filed = claim(shop)
    with pytest.raises(IntegrityError), transaction.atomic():
        ClaimStep.objects.create(
            claim=filed, action=action, source=source, target=target, text="x", at=shop.at, by="mallory"
        )
