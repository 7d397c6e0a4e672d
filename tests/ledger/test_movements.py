"""Journals that move contributors' accounts: the database takes exact mirrors only, and entries that are the legs."""

from collections.abc import Sequence

import pytest
from django.db import IntegrityError, connection, transaction

from revshare.cycles import operations as cycles
from revshare.cycles.models import Cycle
from revshare.errors import Refused
from revshare.ledger.models import Journal, Leg
from revshare.ledger.operations import post, reverse
from revshare.ledger.pages import contributor_legs
from revshare.ledger.queries import trial_balance
from tests.folios import a_folio, a_roll, insert
from tests.stories import Story

M = 1_000_000


@pytest.fixture
def paid(story: Story) -> Journal:
    """Ann is paid 10 dollars."""
    story.take("contributors", ("contributor_id", "contributor_name"), [("ann", ""), ("ben", "")])
    return story.move("payment", "p1", ("payable:ann", "USD", "D", 10 * M), ("bank", "USD", "C", 10 * M))


def test_a_reversal_is_the_mirror_and_comes_once(story: Story, paid: Journal) -> None:
    mirror = reverse(journal=paid, act=story.act("fiona"), kind="returned", key="p1")
    assert set(mirror.named_legs.values_list("account", "side", "amount_micros")) == {
        ("payable:ann", "C", 10 * M), ("bank", "D", 10 * M),
    }  # fmt: skip
    assert (mirror.kind, mirror.key, mirror.reverses) == ("returned", "p1", paid)
    assert reverse(journal=paid, act=story.act("fiona")) == mirror
    with pytest.raises(Refused, match="itself a reversal"):
        reverse(journal=mirror, act=story.act("fiona"))
    assert trial_balance() == {"USD": 0}


def test_a_reversal_keeps_the_kind_if_it_is_given_none(story: Story, paid: Journal) -> None:
    mirror = reverse(journal=paid, act=story.act("fiona"))
    assert (mirror.kind, mirror.key) == ("payment", "p1 reversed")


def test_what_a_cycle_allocated_is_not_reversed(story: Story, paid: Journal) -> None:
    story.models(("m", "ds@1"))
    story.attributions(("ds@1", "a", "ann"))
    story.policy()
    story.sales(("s1", "2026-01-10T00:00:00Z", "m", "USD", "100"))
    story.calculate("jan", "2026-01-01", "2026-02-01")
    with pytest.raises(Refused, match="the allocation of a cycle"):
        reverse(journal=Journal.objects.get(kind="allocation"), act=story.act("fiona"))


@pytest.mark.parametrize("legs", [
    [("payable:ann", "C", 9 * M), ("bank", "D", 9 * M)], [("payable:ann", "D", 10 * M), ("bank", "C", 10 * M)],
    [("payable:ben", "C", 10 * M), ("bank", "D", 10 * M)],
    [("payable:ann", "C", 10 * M), ("bank", "D", 9 * M), ("platform", "D", 1 * M)],
])  # fmt: skip
def test_the_database_refuses_a_reversal_that_is_no_mirror(
    story: Story, paid: Journal, legs: list[tuple[str, str, int]]
) -> None:
    accounts, sides, amounts = map(list, zip(*legs, strict=True))
    with pytest.raises(IntegrityError, match="not the mirror"), transaction.atomic():
        post(
            kind="returned", key="x", act=story.act(), reverses=paid, params=[accounts, sides, amounts],
            legs_sql="SELECT account, 'USD' AS currency, side, amount_micros "
            "FROM unnest(%s::text[], %s::text[], %s::bigint[]) AS leg (account, side, amount_micros)",
        )  # fmt: skip


def test_the_legs_of_an_account_are_all_that_moved_it(story: Story, paid: Journal) -> None:
    story.models(("m", "ds@1"))
    story.attributions(("ds@1", "a", "ann"))
    story.policy()
    story.sales(("s1", "2026-01-10T00:00:00Z", "m", "USD", "100"))
    story.calculate("jan", "2026-01-01", "2026-02-01")
    found = [(leg.journal_id, leg.side, leg.amount_micros) for leg in contributor_legs("payable:ann")]
    assert found == [(2, "C", 20 * M), (1, "D", 10 * M)]
    stored = Leg.objects.filter(account="payable:ann").order_by("-journal_id")
    assert found == list(stored.values_list("journal_id", "side", "amount_micros"))


# What is entered under a pool of movements, where the journals have 10 dollars paid to Ann: amounts by contributor.
FORGED = {
    "another amount": {"ann": -9 * M},
    "another account": {"ben": -10 * M},
    "an account too many": {"ann": -10 * M, "ben": -5},
    "nobody": {},
}


@pytest.mark.parametrize("what", FORGED)
def test_entries_that_are_not_what_the_journals_have_are_refused(story: Story, paid: Journal, what: str) -> None:
    cycle = locked(story)
    with pytest.raises(IntegrityError, match="movements of cycle"):
        enter_movements(cycle, FORGED[what])


def test_entries_that_are_what_the_journals_have_are_taken(story: Story, paid: Journal) -> None:
    enter_movements(locked(story), {"ann": -10 * M})


def test_what_moved_is_the_last_line_of_a_statement(story: Story, paid: Journal) -> None:
    cycle = locked(story)
    with pytest.raises(IntegrityError, match="not what the journals have for ann"):
        enter_movements(cycle, {"ann": -10 * M}, order=("moved", "sold"))
    enter_movements(cycle, {"ann": -10 * M}, order=("sold", "moved"))


def test_nothing_below_zero_is_allocated(story: Story, paid: Journal) -> None:
    """Only under a pool of movements an amount has a sign."""
    cycle = locked(story)
    with pytest.raises(IntegrityError, match="not what their controls say"):
        enter_movements(cycle, {"ann": -10 * M, "ben": 10 * M}, kind="sales")


def locked(story: Story) -> Cycle:
    story.policy()
    story.open("jan", "2026-01-01", "2026-02-01")
    return cycles.lock(key="jan", act=story.act())


def enter_movements(
    cycle: Cycle, amounts: dict[str, int], kind: str = "movements", order: Sequence[str] = ("moved",)
) -> None:
    """By hand, with controls that fit. `order`: in which the lines of each stand; beside what moved there can be one of
    nothing, `sold`."""
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute("UPDATE cycles_cycle SET journals_after = 0, journals_upto = 1")
        pools = {}
        for line in order:
            cursor.execute(
                'INSERT INTO pools_pool (cycle_id, kind, "table", model, dataset_version, currency, rule, share, '
                "sales_count, net_micros, carried_in_micros, distributable_micros, platform_micros, carried_out_micros, "
                "denominator_ticks, versions, suspense_reason) "
                "VALUES (%s, %s, %s, '', '', 'USD', '', '', 0, 0, 0, 0, 0, 0, 0, '[]', '') RETURNING id",
                [cycle.pk, kind if line == "moved" else "sales", "" if line == "moved" else "default"],
            )
            (pools[line],) = cursor.fetchone()
            if amounts:
                cursor.execute(
                    "INSERT INTO ledger_pool_control (cycle_id, pool_id, entries, numerator_ticks, amount_micros, "
                    "residue_micros, sha256) VALUES (%s, %s, %s, 0, %s, 0, '')",
                    [cycle.pk, pools[line], len(amounts), sum(amounts.values()) if line == "moved" else 0],
                )
        if amounts:
            cursor.execute(
                "INSERT INTO ledger_account_control (cycle_id, currency, accounts, credited, opening_micros, "
                "earned_micros, sha256) VALUES (%s, 'USD', %s, 0, 0, 0, '')",
                [cycle.pk, len(amounts)],
            )
        cursor.execute("SELECT revshare_new_entries(%s)", [cycle.pk])
        if amounts:
            lines = {
                member: [(pools[line], 0, amount if line == "moved" else 0) for line in order]
                for member, amount in enumerate(amounts.values(), 1)
            }
            insert(a_roll(cycle.pk, *amounts), a_folio(cycle.pk, lines) | {"earned": [0] * len(amounts)})
        cursor.execute("SELECT revshare_attach_entries(%s)", [cycle.pk])
