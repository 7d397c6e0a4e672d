"""Statements of several lines broken by hand: `verify` names it."""

import pytest
from django.db import connection

from revshare.pools.models import Pool
from tests.ownership import owner
from tests.stories import Story
from tests.verification.test_operations import found, without_triggers

END = "opening_micros, earned_micros, statement_lines"
# Of statements of two lines. `{part}`: the entries; `{first}`, `{last}`: the pools.
TWO_LINES = {
    "a line says an opening balance": (
        "UPDATE {part} SET opening_micros = CASE contributor_id WHEN 'ann' THEN 5 ELSE -5 END WHERE pool_id = {first}",
        {"I5", "I23"},
    ),
    "the end of statements stands on another line": (
        f"UPDATE {{part}} e SET ({END}) = (SELECT {END} FROM {{part}} o "
        "WHERE o.contributor_id = e.contributor_id AND o.pool_id <> e.pool_id)", {"I5"},
    ),
    "a statement has two ends": (
        "UPDATE {part} SET statement_lines = 1, earned_micros = amount_micros", {"I4", "I5", "I23"},
    ),
    "amounts move from one pool to the other": (
        "UPDATE {part} SET amount_micros = amount_micros + CASE pool_id WHEN {first} THEN 1 ELSE -1 END "
        "WHERE contributor_id = 'ann'", {"I1", "I16", "I22", "I23"},
    ),
    "one pool's entries stand in the other's": ("UPDATE {part} SET pool_id = {first} + {last} - pool_id", {"I16", "I22", "I23"}),
}  # fmt: skip


@pytest.mark.parametrize("what", TWO_LINES)
def test_a_defect_in_statements_of_several_lines_is_found(story: Story, what: str) -> None:
    story.models(("m", "ds@1"), ("n", "ds@1"))
    story.attributions(*[("ds@1", f"a{i}", "ann") for i in range(3)], ("ds@1", "b1", "ben"))
    story.policy()
    story.sales(("s1", "2026-01-10T00:00:00Z", "m", "USD", "100"), ("s2", "2026-01-10T00:00:00Z", "n", "USD", "60"))
    cycle = story.publish("jan", "2026-01-01", "2026-02-01")
    assert found() == set()
    statement, invariants = TWO_LINES[what]
    first, last = Pool.objects.filter(cycle=cycle).order_by("model").values_list("pk", flat=True)
    part = f"ledger_entry_{cycle.pk}"
    with owner(), connection.cursor() as cursor:  # the index would be in the way of a swap
        cursor.execute("SET CONSTRAINTS ALL IMMEDIATE")
        cursor.execute(f"DROP INDEX {part}_once")
    without_triggers(statement.format(part=part, first=first, last=last))
    assert invariants <= found()
