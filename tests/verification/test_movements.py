"""What moves accounts beside cycles, broken by hand: `verify` names it."""

import pytest
from django.db import connection

from revshare.cycles.models import Cycle
from revshare.ledger.models import Journal
from revshare.ledger.operations import reverse
from revshare.pools.models import Pool
from tests.folios import WITHOUT_LAST, shifted
from tests.stories import Story
from tests.verification.test_operations import found, parts_by_name, without_triggers

pytestmark = pytest.mark.django_db
M = 1_000_000
# What is done, and the invariants that must be named. `{feb}`: February's folio, with what Ann has of the pool of sales and
# that of movements, the same of Ben, and Cy's movement (FOLIO); `{feb_roll}`: who they are; `{pool}`: the pool of movements.
FOLIO = ([1, 2, 3], [2, 4, 5])
DEFECTS: dict[str, tuple[str, set[str]]] = {
    "more is paid on the statement": (f"UPDATE {{feb}} SET {shifted('amounts', {2: -5})}", {"I5", "I16", "I22", "I23"}),
    "one is paid more, another less": (
        f"UPDATE {{feb}} SET {shifted('amounts', {2: 5, 4: -5})}", {"I5", "I22", "I23"},
    ),
    "a movement is on no statement": (f"UPDATE {{feb}} SET {WITHOUT_LAST}", {"I4", "I5", "I16", "I22", "I23"}),
    "a movement is another's": ("UPDATE {feb_roll} SET contributors[3] = 'zoe'", {"I22", "I23"}),
    "a movement is earned": (f"UPDATE {{feb}} SET {shifted('earned', {3: 7000000})}", {"I4", "I5", "I23"}),
    "a pool of movements shares something": (
        "ALTER TABLE pools_pool DROP CONSTRAINT pools_movements_share_nothing; "
        "UPDATE pools_pool SET net_micros = 5, platform_micros = 5 WHERE id = {pool}", {"I22"},
    ),
    "a pool of movements is one of sales": ("UPDATE pools_pool SET kind = 'sales' WHERE id = {pool}", {"I1", "I4", "I5", "I16", "I22"}),
    "movements are of no cycle": (
        "UPDATE cycles_cycle SET journals_upto = journals_after WHERE key = 'feb'", {"I5", "I22"},
    ),
    "journals between two cycles are of neither": (
        "UPDATE cycles_cycle SET journals_after = journals_after + 1 WHERE key = 'feb'", {"I6"},
    ),
    "a leg of an account is another's": (
        "UPDATE ledger_leg SET account = 'payable:ben' WHERE account = 'payable:cy'", {"I5", "I22", "I24"},
    ),
    "a movement is of another kind": (
        "UPDATE ledger_journal SET kind = 'withholding' WHERE kind = 'payment'", {"I24"},
    ),
    "a leg is slipped in": (
        "INSERT INTO ledger_leg (journal_id, account, currency, side, amount_micros) SELECT seq, a, 'USD', s, 5 "
        "FROM ledger_journal, (VALUES ('payable:zoe', 'C'), ('platform', 'D')) v (a, s) WHERE kind = 'payment'",
        {"I2", "I5", "I22", "I24"},
    ),
    "a reversal is no mirror": (
        "UPDATE ledger_leg SET amount_micros = amount_micros + 1 WHERE journal_id = "
        "(SELECT seq FROM ledger_journal WHERE reverses_id IS NOT NULL)", {"I5", "I19", "I22", "I24"},
    ),
}  # fmt: skip


@pytest.fixture(scope="module")
def moved(told: Story) -> Story:
    """January and February are published; between them Ann is paid, Ben taxed and paid in vain, and Cy given something."""
    told.take("contributors", ("contributor_id", "contributor_name"), [("cy", "Cy"), ("zoe", "Zoe")])
    told.models(("m", "ds@1"))
    told.attributions(*[("ds@1", f"a{i}", "ann") for i in range(3)], ("ds@1", "b1", "ben"))
    told.policy()
    told.sales(("s1", "2026-01-10T00:00:00Z", "m", "USD", "100"), ("s2", "2026-02-10T00:00:00Z", "m", "USD", "20"))
    told.publish("jan", "2026-01-01", "2026-02-01")
    told.move("payment", "p1", ("payable:ann", "USD", "D", 10 * M), ("bank", "USD", "C", 10 * M))
    told.move("withholding", "w1", ("payable:ben", "USD", "D", 1 * M), ("withholding", "USD", "C", 1 * M))
    told.move("claim", "c1", ("platform", "USD", "D", 7 * M), ("payable:cy", "USD", "C", 7 * M))
    vain = told.move("payment", "p2", ("payable:ben", "USD", "D", 2 * M), ("bank", "USD", "C", 2 * M))
    reverse(journal=vain, act=told.act("fiona"), kind="returned", key="p2")
    told.publish("feb", "2026-02-01", "2026-03-01")
    return told


def test_sound_movements_are_clean(moved: Story) -> None:
    assert Journal.objects.count() == 7
    pool = Pool.objects.get(kind="movements", cycle=Cycle.objects.get(key="feb"))
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT members, ends, array_positions(pools, {pool}) FROM {feb}".format(**parts_by_name(), pool=pool.pk)
        )
        assert cursor.fetchall() == [(*FOLIO, [2, 4, 5])]
    assert found() == {"I28"}  # of the payments, which no bank has told of


@pytest.mark.parametrize("what", DEFECTS)
def test_a_defect_is_found_and_named(moved: Story, what: str) -> None:
    statements, invariants = DEFECTS[what]
    pool = Pool.objects.get(kind="movements", cycle=Cycle.objects.get(key="feb"))
    without_triggers(statements.format(**parts_by_name(), pool=pool.pk))
    assert invariants <= found()
