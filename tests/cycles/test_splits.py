"""What contributors pass on by their splits: as stories worked out by hand, and against the rule one by one."""

from collections import defaultdict
from typing import Any

import pytest
from django.db import transaction
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from revshare.allocation.models import PassedOn
from revshare.cycles import operations as cycles
from revshare.cycles.calculating import CALCULATION
from revshare.cycles.models import Cycle
from revshare.cycles.queries import result_digest
from revshare.errors import Conflict
from revshare.exports.operations import csv_blocks
from revshare.ledger.models import Journal, NamedLeg
from revshare.statements.models import Statement
from revshare.statements.queries import explain
from revshare.statements.rules import content_sha256
from revshare.verification.operations import verify
from tests.conftest import ROOT
from tests.examples import examples
from tests.stories import Story, payouts, statements

M = 1_000_000
HEADER = ("contributor_id", "payee_id", "share", "start", "end", "reason")


def clean() -> None:
    assert verify(cycles=list(Cycle.objects.all())).findings == []


def splits(story: Story, *rows: tuple[str, ...]) -> None:
    """(contributor, payee, share[, start, end, reason]), from 2026 on unless a row says otherwise."""
    usual = ("2026-01-01", "", "")
    report = story.take("splits", HEADER, [(*row[:3], *row[3:], *usual[len(row) - 3 :]) for row in rows])
    assert report.file.rows_accepted == len(rows)


def of(cycle: Cycle) -> list[tuple[str, str, str, int, int, int]]:
    rows = PassedOn.objects.filter(cycle=cycle).order_by("contributor_id", "payee_id", "currency")
    fields = ("contributor_id", "payee_id", "currency", "earned_micros", "share_millionths", "amount_micros")
    return list(rows.values_list(*fields))


@pytest.fixture
def shop(story: Story) -> Story:
    """Ann has three assets of the datasets of model m, Ben has one; Agnes and Edna have none."""
    story.take("contributors", ("contributor_id", "contributor_name"), [("agnes", "Agnes"), ("edna", "Edna")])
    story.models(("m", "ds@1"))
    story.attributions(*[("ds@1", f"a{i}", "ann") for i in range(3)], ("ds@1", "b1", "ben"))
    story.policy()
    return story


def test_an_agency_gets_its_part_on_the_statements_of_the_same_cycle(shop: Story) -> None:
    splits(shop, ("ann", "agnes", "0.25", "2026-01-01", "", "agency"))
    shop.sales(("s1", "2026-06-10T00:00:00Z", "m", "USD", "100"))
    june = shop.publish("june", "2026-06-01", "2026-07-01")
    #                        opening earned   adjusted       withheld held paid closing
    assert statements(june) == {
        "agnes USD": (0, 0,       3_750_000,  0, 0, 0, 3_750_000),
        "ann USD":   (0, 15 * M, -3_750_000,  0, 0, 0, 11_250_000),
        "ben USD":   (0, 5 * M,   0,          0, 0, 0, 5 * M),
    }  # fmt: skip
    text = (ROOT / "docs" / "splits.md").read_text()
    for account, (opening, earned, adjusted, *_, closing) in statements(june).items():
        assert f"{account:<9}{opening:>9,}{earned:>12,}{adjusted:>12,}{closing:>12,}\n" in text
    assert payouts(june) == {"ann": 15 * M, "ben": 5 * M, "<platform>": 80 * M}
    assert of(june) == [("ann", "agnes", "USD", 15 * M, 250_000, 3_750_000)]
    told = explain(june.statements.get(contributor_id="ann")).content.movements
    assert [(line.number, line.words, line.reference, line.amount_micros) for line in told] == [
        (2, "Shared by agreement", "june", -3_750_000),
    ]  # fmt: skip
    assert b"".join(csv_blocks(kind="splits", cycle_id=june.pk)).decode() == (
        "contributor_id,payee_id,currency,earned_micros,share_millionths,amount_micros\n"
        "ann,agnes,USD,15000000,250000,3750000\n"
    )
    clean()


def test_what_is_received_by_a_split_is_not_passed_on_by_another(shop: Story) -> None:
    splits(shop, ("ann", "ben", "0.2"), ("ben", "edna", "0.5"), ("edna", "ann", "1"))
    shop.sales(("s1", "2026-06-10T00:00:00Z", "m", "USD", "100"))
    june = shop.publish("june", "2026-06-01", "2026-07-01")
    # Of Ann's 15 a fifth is Ben's; of his own 5 half is Edna's, who keeps it: she has earned nothing herself.
    assert {name: row[-1] for name, row in statements(june).items()} == {
        "ann USD": 12 * M, "ben USD": 5_500_000, "edna USD": 2_500_000,
    }  # fmt: skip
    clean()


def test_what_goes_to_and_fro_leaves_no_leg(shop: Story) -> None:
    splits(shop, ("ann", "ben", "0.1"), ("ben", "ann", "0.3"))
    shop.sales(("s1", "2026-06-10T00:00:00Z", "m", "USD", "100"))
    june = shop.publish("june", "2026-06-01", "2026-07-01")
    assert [row[-1] for row in of(june)] == [1_500_000, 1_500_000]
    assert not Journal.objects.filter(kind="split").exists()
    assert statements(june)["ann USD"] == (0, 15 * M, 0, 0, 0, 0, 15 * M)
    clean()


def test_the_odd_micros_go_to_the_largest_remainders_then_to_the_first(shop: Story) -> None:
    splits(shop, ("ann", "agnes", "0.333333"), ("ann", "edna", "0.333333"), ("ben", "agnes", "0.5"))
    shop.sales(("s1", "2026-06-10T00:00:00Z", "m", "USD", "0.00002"), ("s2", "2026-06-11T00:00:00Z", "m", "EUR", "100"))
    june = shop.publish("june", "2026-06-01", "2026-07-01")
    # 4 micros: Ann has 3, of which 0.999999, 0.999999 and 1.000002 are floored to 0, 0 and 1, and two are left over.
    # Ben has 1, of which half is Agnes's: the one micro goes to her, whose id is the first of the two.
    assert [row for row in of(june) if row[2] == "USD"] == [
        ("ann", "agnes", "USD", 3, 333_333, 1), ("ann", "edna", "USD", 3, 333_333, 1),
        ("ben", "agnes", "USD", 1, 500_000, 1),
    ]  # fmt: skip
    assert [row[3:] for row in of(june) if row[2] == "EUR"] == [
        (15 * M, 333_333, 4_999_995), (15 * M, 333_333, 4_999_995), (5 * M, 500_000, 2_500_000),
    ]  # fmt: skip
    clean()


def test_the_splits_of_the_last_day_count_that_had_arrived_by_the_lock(shop: Story) -> None:
    splits(
        shop, ("ann", "agnes", "0.5", "2026-06-30", ""), ("ann", "edna", "0.25", "2026-01-01", "2026-06-30"),
        ("ben", "edna", "1", "2026-01-01", "2026-07-01"), ("ben", "agnes", "0.5", "2026-07-01", ""),
    )  # fmt: skip
    shop.sales(("s1", "2026-06-01T00:00:00Z", "m", "USD", "100"))
    shop.open("june", "2026-06-01", "2026-07-01")
    locked = cycles.lock(key="june", act=shop.act())
    splits(shop, ("ann", "ben", "0.25", "2026-06-01", ""))  # too late for June
    june = shop.publish("june")
    assert june.input_digest == locked.input_digest
    assert [row[:2] + row[-1:] for row in of(june)] == [("ann", "agnes", 7_500_000), ("ben", "edna", 5 * M)]
    clean()


def test_the_input_digest_covers_the_splits_in_force(story: Story) -> None:
    digests = []
    for share in ("", "0.5", "0.6"):
        with transaction.atomic():
            story.take("contributors", ("contributor_id", "contributor_name"), [("ann", ""), ("ben", "")])
            story.policy()
            if share:
                splits(story, ("ann", "ben", share))
            digests.append(story.calculate("june", "2026-06-01", "2026-07-01").input_digest)
            transaction.set_rollback(True)
    assert len(set(digests)) == 3


def test_nothing_is_passed_on_of_nothing(shop: Story) -> None:
    splits(shop, ("ann", "agnes", "0.5"))
    shop.sales(
        ("s1", "2026-06-10T00:00:00Z", "m", "USD", "100"), ("r1", "2026-06-11T00:00:00Z", "m", "USD", "-100", "s1")
    )
    june = shop.publish("june", "2026-06-01", "2026-07-01")
    assert of(june) == []
    assert not Journal.objects.filter(kind="split").exists()
    clean()


def test_a_calculation_killed_after_the_splits_passes_them_on_once(shop: Story) -> None:
    splits(shop, ("ann", "agnes", "0.5"))
    shop.sales(("s1", "2026-06-10T00:00:00Z", "m", "USD", "100"))
    shop.open("june", "2026-06-01", "2026-07-01")
    cycle = cycles.lock(key="june", act=shop.act())
    for _, stage in CALCULATION[:2]:
        for _ in range(2):
            with transaction.atomic():
                stage(cycle, shop.act(), lambda *_: None)
    june = shop.publish("june")
    assert statements(june)["agnes USD"] == (0, 0, 7_500_000, 0, 0, 0, 7_500_000)
    assert Journal.objects.filter(kind="split").count() == 1
    assert result_digest(june) == june.result_digest
    clean()


def test_a_journal_that_has_the_cycles_name_is_not_taken_for_its_splits(shop: Story) -> None:
    splits(shop, ("ann", "agnes", "0.5"))
    shop.move("split", "june", ("payable:ann", "USD", "D", 1), ("payable:ben", "USD", "C", 1))
    shop.sales(("s1", "2026-06-10T00:00:00Z", "m", "USD", "100"))
    with pytest.raises(Conflict, match="posted beside the cycle"):
        shop.calculate("june", "2026-06-01", "2026-07-01")


PEOPLE = ("ann", "ben", "cy", "dee")
split = st.tuples(st.sampled_from(PEOPLE), st.sampled_from(PEOPLE), st.integers(1, 333_333)).filter(
    lambda row: row[0] != row[1]
)
asset = st.tuples(st.sampled_from(["m", "n"]), st.sampled_from(PEOPLE), st.integers(1, 5))
sold = st.tuples(st.sampled_from(["m", "n"]), st.sampled_from(["USD", "EUR"]), st.integers(0, 10**6))


def slow(earned: dict[tuple[str, str], int], told: dict[tuple[str, str], int]) -> dict[tuple[str, str], int]:
    """What the splits of everybody leave on each account: one contributor after the other, one micro after the other."""
    account: dict[tuple[str, str], int] = defaultdict(int, earned)
    for (name, currency), amount in earned.items():
        shares = {payee: share for (giver, payee), share in told.items() if giver == name}
        shares[name] = M - sum(shares.values())
        given = {person: amount * share // M for person, share in shares.items()}
        waiting = sorted(shares, key=lambda person: (-(amount * shares[person] % M), person))
        while sum(given.values()) < amount:
            given[waiting.pop(0)] += 1
        for person, micros in given.items():
            account[name, currency] -= micros
            account[person, currency] += micros
    return {key: amount for key, amount in account.items() if amount}


@settings(
    max_examples=examples(quick=5, long=15), deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(
    told=st.lists(split, max_size=6), assets=st.lists(asset, min_size=1, max_size=6),
    sales=st.lists(sold, min_size=1, max_size=4),
)  # fmt: skip
def test_random_splits_are_what_the_slow_twin_says(
    story: Story, told: list[Any], assets: list[Any], sales: list[Any]
) -> None:
    by_pair = {(giver, payee): share for giver, payee, share in told}
    with transaction.atomic():
        story.take("contributors", ("contributor_id", "contributor_name"), [(name, "") for name in PEOPLE])
        story.models(("m", "m@1"), ("n", "n@1"))
        story.attributions(
            *[(f"{m}@1", f"x{n}-{i}", name) for n, (m, name, number) in enumerate(assets) for i in range(number)]
        )
        story.policy(share="100%")
        if by_pair:
            splits(story, *[(*pair, f"0.{share:06d}") for pair, share in by_pair.items()])
        story.sales(*[
            (f"s{n}", "2026-06-15T00:00:00Z", model, currency, f"{micros // M}.{micros % M:06d}")
            for n, (model, currency, micros) in enumerate(sales)
        ])  # fmt: skip
        june = story.publish("june", "2026-06-01", "2026-07-01")
        rows = Statement.objects.filter(cycle=june)
        earned = {(row.contributor_id, row.currency): row.earned_micros for row in rows}
        closing = {(row.contributor_id, row.currency): row.closing_micros for row in rows if row.closing_micros}
        assert closing == slow(earned, by_pair)
        given = NamedLeg.objects.filter(journal__kind="split").values_list("currency", "side", "amount_micros")
        for currency in ("USD", "EUR"):
            assert sum(micros if side == "D" else -micros for own, side, micros in given if own == currency) == 0
        for row in rows.select_related("cycle__policy"):
            assert content_sha256(explain(row).content) == row.content_sha256
        clean()
        transaction.set_rollback(True)
