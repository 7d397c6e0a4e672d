"""Statements of several lines broken by hand: `verify` names it."""

import pytest
from django.db import connection

from revshare.cycles.models import Cycle
from revshare.pools.models import Pool
from tests.folios import OF_ENTRY, shifted
from tests.stories import Story
from tests.verification.test_operations import found, without_triggers

pytestmark = pytest.mark.django_db


def turned(array: str) -> str:
    """The two elements of each statement in the other order."""
    return "ARRAY[" + ", ".join(f"{array}[{place}]" for place in (2, 1, 4, 3)) + "]"


# Of statements of two lines: the folio has Ann's of the first pool and the last, then Ben's. `{part}`: the folio;
# `{first}`, `{last}`: the pools.
TWO_LINES = {
    "a statement has a line of the one before": ("UPDATE {part} SET ends[1] = 1", {"I5"}),
    "the end of statements stands on another line": (
        "UPDATE {part} SET " + ", ".join(f"{name} = {turned(name)}" for name in OF_ENTRY), {"I5"},
    ),
    "each line is a statement": (
        "UPDATE {part} SET members = '{{1,1,2,2}}', ends = '{{1,2,3,4}}', openings = '{{0,0,0,0}}', earned = amounts",
        {"I4", "I5", "I23"},
    ),
    "amounts move from one pool to the other": (
        f"UPDATE {{part}} SET {shifted('amounts', {1: 1, 2: -1})}", {"I1", "I16", "I22", "I23"},
    ),
    "one pool's entries stand in the other's": (f"UPDATE {{part}} SET pools = {turned('pools')}", {"I16", "I22", "I23"}),
}  # fmt: skip


@pytest.fixture(scope="module")
def cycle(told: Story) -> Cycle:
    told.models(("m", "ds@1"), ("n", "ds@1"))
    told.attributions(*[("ds@1", f"a{i}", "ann") for i in range(3)], ("ds@1", "b1", "ben"))
    told.policy()
    told.sales(("s1", "2026-01-10T00:00:00Z", "m", "USD", "100"), ("s2", "2026-01-10T00:00:00Z", "n", "USD", "60"))
    return told.publish("jan", "2026-01-01", "2026-02-01")


def test_sound_statements_of_several_lines_are_clean(cycle: Cycle) -> None:
    assert found() == set()


@pytest.mark.parametrize("what", TWO_LINES)
def test_a_defect_in_statements_of_several_lines_is_found(cycle: Cycle, what: str) -> None:
    statement, invariants = TWO_LINES[what]
    first, last = Pool.objects.filter(cycle=cycle).order_by("model").values_list("pk", flat=True)
    part = f"ledger_folio_{cycle.pk}"
    with connection.cursor() as cursor:
        cursor.execute(f"SELECT members, ends, pools FROM {part}")
        assert cursor.fetchall() == [([1, 2], [2, 4], [first, last] * 2)]
    without_triggers(statement.format(part=part, first=first, last=last))
    assert invariants <= found()
