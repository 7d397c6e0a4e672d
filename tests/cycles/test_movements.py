"""What moves accounts beside cycles, as stories and against a slow twin: it is on the next cycle's statements, once."""

from collections import defaultdict
from typing import Any

import pytest
from django.db import IntegrityError, connection, transaction
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from revshare.cycles import operations as cycles
from revshare.cycles.calculating import CALCULATION
from revshare.cycles.models import Cycle
from revshare.cycles.queries import result_digest
from revshare.errors import Conflict
from revshare.exports.operations import csv_blocks
from revshare.ledger.models import Journal, PoolControl
from revshare.ledger.operations import reverse
from revshare.pools.models import Pool
from revshare.statements.models import Statement
from revshare.statements.queries import explain
from revshare.statements.rules import canonical_text, content_sha256
from revshare.verification.operations import verify
from tests.examples import examples
from tests.stories import Story, payouts, statements

M = 1_000_000
MONTHS = {"jan": "2026-01", "feb": "2026-02", "mar": "2026-03", "apr": "2026-04"}


# These stories move accounts by hand: that no bank told of their payments, and nobody earned them, is named.
UNTOLD = {"I8", "I28"}


def clean() -> None:
    found = verify(cycles=list(Cycle.objects.all())).findings
    assert [finding for finding in found if finding.invariant not in UNTOLD] == []


def month(story: Story, key: str) -> Cycle:
    number = list(MONTHS).index(key) + 1
    return story.publish(key, f"2026-0{number}-01", f"2026-0{number + 1}-01")


@pytest.fixture
def begun(story: Story) -> Story:
    """January is published: Ann has earned 15 dollars and Ben 5. February's sales are worth a fifth of that."""
    story.take("contributors", ("contributor_id", "contributor_name"), [("cy", "Cy"), ("zoe", "Zoe")])
    story.models(("m", "ds@1"))
    story.attributions(*[("ds@1", f"a{i}", "ann") for i in range(3)], ("ds@1", "b1", "ben"))
    story.policy()
    story.sales(("s1", "2026-01-10T00:00:00Z", "m", "USD", "100"), ("s2", "2026-02-10T00:00:00Z", "m", "USD", "20"))
    month(story, "jan")
    return story


def test_a_year_of_movements(begun: Story) -> None:
    begun.move("payment", "p1", ("payable:ann", "USD", "D", 10 * M), ("bank", "USD", "C", 10 * M))
    begun.move("withholding", "w1", ("payable:ben", "USD", "D", 1 * M), ("withholding", "USD", "C", 1 * M))
    begun.move("reserve", "r1", ("payable:ann", "USD", "D", 2 * M), ("reserve", "USD", "C", 2 * M))
    begun.move(
        "claim",
        "c1",
        ("platform", "EUR", "D", 7 * M),
        ("payable:cy", "EUR", "C", 4 * M),
        ("payable:zoe", "EUR", "C", 3 * M),
    )
    february = month(begun, "feb")
    #                    opening earned  adjusted withheld held   paid    closing
    assert statements(february) == {
        "cy EUR":  (0,      0,      4 * M,   0,       0,     0,      4 * M),
        "zoe EUR": (0,      0,      3 * M,   0,       0,     0,      3 * M),
        "ann USD": (15 * M, 3 * M,  0,       0,       2 * M, 10 * M, 6 * M),
        "ben USD": (5 * M,  1 * M,  0,       1 * M,   0,     0,      5 * M),
    }  # fmt: skip
    assert payouts(february) == {"ann": 3 * M, "ben": 1 * M, "<platform>": 16 * M}
    reverse(journal=Journal.objects.get(kind="payment"), act=begun.act("fiona"), kind="returned", key="p1")
    march = month(begun, "mar")  # nothing was sold in it
    assert statements(march) == {"ann USD": (6 * M, 0, 0, 0, 0, -10 * M, 16 * M)}
    assert statements(month(begun, "apr")) == {}
    clean()


def test_what_moved_an_account_to_and_fro_leaves_two_lines_and_no_sum(begun: Story) -> None:
    paid = begun.move("payment", "p1", ("payable:ann", "USD", "D", 10 * M), ("bank", "USD", "C", 10 * M))
    reverse(journal=paid, act=begun.act("fiona"), kind="returned", key="p1")
    told = explain(month(begun, "feb").statements.get(contributor_id="ann"))
    assert [(line.number, line.kind, line.reference, line.amount_micros) for line in told.content.movements] == [
        (2, "payment", "p1", -10 * M), (3, "returned", "p1", 10 * M),
    ]  # fmt: skip
    assert (told.content.paid_micros, told.content.closing_micros) == (0, 18 * M)
    assert canonical_text(told.content).endswith(
        "line\t1\tearned\tdefault\tm\t\t\tassets\t4000000\t2162160\t2882880\t3000000\n"
        "line\t2\tpayment\tp1\t-10000000\nline\t3\treturned\tp1\t10000000\n"
    )
    clean()


def test_the_auditors_views_show_movements_as_lines_and_as_no_allocation(begun: Story) -> None:
    begun.move("payment", "p1", ("payable:ann", "USD", "D", 10 * M), ("bank", "USD", "C", 10 * M))
    february = month(begun, "feb")
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT s.number, l.line, l.kind, l.amount, l.pool_id IS NULL FROM audit.statement_line l "
            "JOIN audit.statement s ON s.id = l.statement_id WHERE s.cycle_id = %s ORDER BY 1, 2",
            [february.pk],
        )
        assert cursor.fetchall() == [
            ("feb-000000001", 1, "earned", 3 * M, False), ("feb-000000001", 2, "payment", -10 * M, True),
            ("feb-000000002", 1, "earned", 1 * M, False),
        ]  # fmt: skip
        cursor.execute(
            "SELECT count(*) FROM audit.statement s WHERE closing - opening <> "
            "(SELECT sum(amount) FROM audit.statement_line l WHERE l.statement_id = s.id)"
        )
        assert cursor.fetchone() == (0,)
        cursor.execute("SELECT sum(amount) FROM audit.allocation WHERE cycle_id = %s", [february.pk])
        assert cursor.fetchone() == (20 * M,)
        cursor.execute("SELECT count(*) FROM audit.pool WHERE cycle_id = %s", [february.pk])
        assert cursor.fetchone() == (1,)


def test_exports_tell_payouts_from_movements(begun: Story) -> None:
    begun.move("payment", "p1", ("payable:ann", "USD", "D", 10 * M), ("bank", "USD", "C", 10 * M))
    begun.move("claim", "c1", ("platform", "USD", "D", 4 * M), ("payable:cy", "USD", "C", 4 * M))
    february = month(begun, "feb")
    assert b"".join(csv_blocks(kind="payouts", cycle_id=february.pk)).decode() == (
        "contributor_id,currency,amount_micros\nann,USD,3000000\nben,USD,1000000\n"
    )
    assert b"".join(csv_blocks(kind="statements", cycle_id=february.pk)).decode() == (
        "number,contributor_id,contributor_name,currency,opening_micros,earned_micros,adjusted_micros,withheld_micros,"
        "held_micros,paid_micros,closing_micros\n"
        'feb-000000001,ann,"",USD,15000000,3000000,0,0,0,10000000,8000000\n'
        'feb-000000002,ben,"",USD,5000000,1000000,0,0,0,0,6000000\n'
        "feb-000000003,cy,Cy,USD,0,0,4000000,0,0,0,4000000\n"
    )


def test_a_cycle_killed_between_its_stages_counts_each_movement_once(begun: Story) -> None:
    """What is posted after the allocation is of the next cycle, also if the calculation goes on later."""
    begun.move("payment", "p1", ("payable:ann", "USD", "D", 10 * M), ("bank", "USD", "C", 10 * M))
    begun.open("feb", "2026-02-01", "2026-03-01")
    cycle = cycles.lock(key="feb", act=begun.act())
    for name, stage in CALCULATION:
        if name in ("pools", "allocation"):
            with transaction.atomic():
                stage(cycle, begun.act(), lambda *_: None)
    begun.move("payment", "p2", ("payable:ann", "USD", "D", 1 * M), ("bank", "USD", "C", 1 * M))
    february = month(begun, "feb")
    assert statements(february)["ann USD"] == (15 * M, 3 * M, 0, 0, 0, 10 * M, 8 * M)
    assert statements(month(begun, "mar"))["ann USD"] == (8 * M, 0, 0, 0, 0, 1 * M, 7 * M)
    clean()


def test_a_cycle_without_movements_has_neither_their_pool_nor_another_digest(begun: Story) -> None:
    january = Cycle.objects.get()
    assert not Pool.objects.filter(kind="movements").exists()
    assert (january.journals_after, january.journals_upto) == (0, 0)
    assert PoolControl.objects.count() == 1
    assert result_digest(january) == january.result_digest
    assert month(begun, "feb").journals_after == 0
    assert Cycle.objects.get(key="feb").journals_upto == 1  # January's allocation, which is no movement


def test_a_journal_is_posted_once_and_not_with_other_legs(begun: Story) -> None:
    legs = [("payable:ann", "USD", "D", 10 * M), ("bank", "USD", "C", 10 * M)]
    first = begun.move("payment", "p1", *legs)
    assert begun.move("payment", "p1", *reversed(legs)) == first
    with pytest.raises(Conflict, match="posted with other legs"):
        begun.move("payment", "p1", ("payable:ben", "USD", "D", 10 * M), ("bank", "USD", "C", 10 * M))
    with pytest.raises(IntegrityError, match="whom nobody knows"), transaction.atomic():
        begun.move("payment", "p2", ("payable:nobody", "USD", "D", 1), ("bank", "USD", "C", 1))
    with pytest.raises(IntegrityError, match="does not balance in USD"), transaction.atomic():
        begun.move("payment", "p3", ("payable:ann", "USD", "D", 2), ("bank", "USD", "C", 1))
    with pytest.raises(IntegrityError, match="ledger_leg_account_known"), transaction.atomic():
        begun.move("payment", "p4", ("payable:ann", "USD", "D", 2), ("pocket", "USD", "C", 2))


KINDS = {"payment": "bank", "returned": "bank", "withholding": "withholding", "reserve": "reserve", "split": "held",
         "recoupment": "held"}  # fmt: skip
COLUMN = {"payment": 5, "returned": 5, "withholding": 3, "reserve": 4}
movement = st.tuples(
    st.sampled_from(list(MONTHS)), st.sampled_from(["ann", "ben", "cy", "zoe"]), st.sampled_from(["USD", "EUR"]),
    st.sampled_from(list(KINDS)), st.integers(-5, 5).filter(bool),
)  # fmt: skip


def twin(moved: list[Any], sold: dict[str, int]) -> dict[str, dict[str, tuple[int, ...]]]:
    """Month: contributor and currency: the columns of the statement. A loop over months, accounts and movements."""
    balance: dict[str, int] = defaultdict(int)
    found: dict[str, dict[str, tuple[int, ...]]] = {}
    for key in MONTHS:
        found[key] = {}
        earned = {f"{name} USD": sold[key] // 5 * part // 4 for name, part in (("ann", 3), ("ben", 1)) if sold[key]}
        own = [item for item in moved if item[0] == key]
        accounts = earned.keys() | {f"{name} {currency}" for _, name, currency, _, _ in own}
        for account in sorted(accounts, key=lambda text: text.split()[::-1]):
            row = [balance[account], earned.get(account, 0), 0, 0, 0, 0, 0]
            for _, name, currency, kind, amount in own:
                if f"{name} {currency}" == account:
                    column = COLUMN.get(kind, 2)
                    row[column] += amount if column == 2 else -amount
            row[6] = row[0] + row[1] + row[2] - row[3] - row[4] - row[5]
            balance[account] = row[6]
            found[key][account] = tuple(row)
    return found


@pytest.mark.usefixtures("one_duckdb")
@settings(
    max_examples=examples(quick=2, long=15), deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(moved=st.lists(movement, max_size=12), sold=st.lists(st.sampled_from([0, 20, 4000]), min_size=4, max_size=4))
def test_four_months_are_what_the_slow_twin_says(story: Story, moved: list[Any], sold: list[int]) -> None:
    with transaction.atomic():
        story.take("contributors", ("contributor_id", "contributor_name"), [("cy", ""), ("zoe", "")])
        story.models(("m", "ds@1"))
        story.attributions(*[("ds@1", f"a{i}", "ann") for i in range(3)], ("ds@1", "b1", "ben"))
        story.policy()
        sales = dict(zip(MONTHS, sold, strict=True))
        story.sales(*[
            (key, f"{MONTHS[key]}-15T00:00:00Z", "m", "USD", f"0.{micros:06d}") for key, micros in sales.items() if micros
        ])  # fmt: skip
        actual = {}
        for number, key in enumerate(MONTHS, 1):
            for place, (when, name, currency, kind, amount) in enumerate(moved):
                if when == key:
                    sides = ("C", "D") if amount > 0 else ("D", "C")
                    story.move(
                        kind, f"j{place}", (f"payable:{name}", currency, sides[0], abs(amount)),
                        (KINDS[kind], currency, sides[1], abs(amount)),
                    )  # fmt: skip
            actual[key] = statements(story.calculate(key, f"2026-0{number}-01", f"2026-0{number + 1}-01"))
        should = twin(moved, sales)
        assert actual == should
        assert {key: list(rows) for key, rows in actual.items()} == {key: list(rows) for key, rows in should.items()}
        for statement in Statement.objects.select_related("cycle__policy"):
            assert content_sha256(explain(statement).content) == statement.content_sha256
        clean()
        transaction.set_rollback(True)
