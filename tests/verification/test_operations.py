"""Each invariant is broken by hand, as somebody with the database owner's password could, and `verify` names it."""

from typing import Any

import pytest
from django.db import connection

from revshare.cycles.models import Cycle
from revshare.lake import part
from revshare.manifests.models import Part
from revshare.verification.operations import verify
from tests.stories import Story

M = 1_000_000

# What is done, and the invariants that must be named.
DEFECTS: dict[str, tuple[str, set[str]]] = {
    "a contributor is paid more, another less": (
        "UPDATE allocation_allocation SET amount_micros = amount_micros + CASE contributor_id WHEN 'ann' THEN 9 ELSE -9 END "
        "WHERE bucket = 'contributor'", {"I4", "I5", "I16", "I22"},
    ),
    "an allocation is gone": ("DELETE FROM allocation_allocation WHERE contributor_id = 'ben'", {"I1", "I4", "I5", "I16"}),
    "a leg is changed": ("UPDATE ledger_leg SET amount_micros = amount_micros + 1 WHERE account = 'platform'", {"I2", "I3", "I24"}),
    "two legs are changed alike": (
        "UPDATE ledger_leg SET amount_micros = amount_micros + 1 WHERE account IN ('payable:ann', 'sales')",
        {"I4", "I5", "I24"},
    ),
    "a journal is gone": ("DELETE FROM ledger_leg; DELETE FROM ledger_journal", {"I4", "I5", "I19"}),
    "a journal's author is changed": ("UPDATE ledger_journal SET created_by = 'mallory'", {"I24"}),
    "a statement closes with more": (
        "ALTER TABLE statements_statement DROP CONSTRAINT statements_add_up; "
        "UPDATE statements_statement SET closing_micros = closing_micros + 1 WHERE contributor_id = 'ann'", {"I5"},
    ),
    "a statement opens with another balance": (
        "UPDATE statements_statement SET opening_micros = opening_micros + 5, closing_micros = closing_micros + 5 "
        "WHERE contributor_id = 'ann' AND number LIKE 'feb%%'", {"I5", "I6"},
    ),
    "a statement is gone": ("DELETE FROM statements_statement WHERE contributor_id = 'ben'", {"I5"}),
    "a statement has another content": ("UPDATE statements_statement SET content_sha256 = repeat('0', 64)", {"I23"}),
    "a sale is changed": ("UPDATE sales_sale SET gross_micros = gross_micros + 1 WHERE sale_id = 's1'", {"I12", "I21"}),
    "a sale is slipped in": (
        "INSERT INTO sales_sale (sale_id, sold_at, stream, model, dataset_version, currency, gross_micros, refund_of, "
        "customer_id, generation_id, file_id, row, seq) SELECT 'x', sold_at, stream, model, '', currency, 1, '', '', '', "
        "file_id, 99, 0 FROM sales_sale WHERE sale_id = 's1'", {"I12"},
    ),
    "a sale is moved to another month": (
        "UPDATE sales_sale SET sold_at = sold_at + interval '1 month' WHERE sale_id = 's1'", {"I21"},
    ),
    "a refund is larger than its sale": ("UPDATE sales_sale SET gross_micros = -900000000 WHERE sale_id = 'r1'", {"I11"}),
    "a pool is larger": (
        "UPDATE pools_pool SET distributable_micros = distributable_micros + 1, platform_micros = platform_micros - 1",
        {"I16", "I22"},
    ),
    "a weight is changed": ("UPDATE manifests_weight SET assets_ticks = assets_ticks + 1 WHERE contributor_id = 'ann'", {"I14", "I22"}),
    "a manifest has another hash": ("UPDATE manifests_manifest SET sha256 = repeat('0', 64)", {"I14"}),
    "a policy is changed": (
        "UPDATE policies_policy SET text = replace(text, '20%%', '21%%')", {"I22"},
    ),
    "windows overlap": (
        "ALTER TABLE cycles_window DROP CONSTRAINT cycles_sale_in_one_cycle; "
        "INSERT INTO cycles_window (cycle_id, starts_at, ends_at, after_seq, upto_seq, late) "
        "SELECT cycle_id, starts_at, ends_at, after_seq, upto_seq, true FROM cycles_window", {"I10"},
    ),
    "somebody approved their own work": (
        "ALTER TABLE cycles_cycle DROP CONSTRAINT cycles_approved_by_another; UPDATE cycles_cycle SET approved_by = locked_by",
        {"I29"},
    ),
    "an event is changed": ("UPDATE audit_event SET actor = 'nobody' WHERE seq = 2", {"I24"}),
    "an event is gone": ("DELETE FROM audit_event WHERE seq = 2", {"I24"}),
    "the result has another digest": ("UPDATE cycles_cycle SET result_digest = repeat('0', 64), approved_digest = repeat('0', 64)", {"I22"}),
}  # fmt: skip


@pytest.fixture
def year(story: Story) -> Story:
    """Two published months, with a refund."""
    story.models(("m", "ds@1"))
    story.attributions(*[("ds@1", f"a{i}", "ann") for i in range(3)], ("ds@1", "b1", "ben"))
    story.policy()
    story.sales(
        ("s1", "2026-01-10T00:00:00Z", "m", "USD", "100"), ("r1", "2026-02-05T00:00:00Z", "m", "USD", "-10", "s1"),
        ("s2", "2026-02-10T00:00:00Z", "m", "USD", "60"),
    )  # fmt: skip
    story.publish("jan", "2026-01-01", "2026-02-01")
    story.publish("feb", "2026-02-01", "2026-03-01")
    return story


def without_triggers(statements: str) -> None:
    """As the owner of the tables could: the triggers off, the deed, the triggers on."""
    with connection.cursor() as cursor:
        cursor.execute("SET CONSTRAINTS ALL IMMEDIATE")
        cursor.execute("SELECT tablename FROM pg_tables WHERE schemaname = 'public'")
        tables = [name for (name,) in cursor.fetchall()]
        for table in tables:
            cursor.execute(f"ALTER TABLE {table} DISABLE TRIGGER USER")
        for statement in statements.split("; "):
            cursor.execute(statement, [])


def found() -> set[str]:
    return {finding.invariant for finding in verify(cycles=list(Cycle.objects.all())).findings}


def test_sound_data_is_clean(year: Story) -> None:
    assert found() == set()


@pytest.mark.parametrize("what", DEFECTS)
def test_a_defect_is_found_and_named(year: Story, what: str) -> None:
    statements, invariants = DEFECTS[what]
    without_triggers(statements)
    assert invariants <= found()


def test_a_changed_file_of_the_lake_is_found(year: Story) -> None:
    path: Any = part("attributions", Part.objects.get().parquet_sha256)
    path.write_bytes(path.read_bytes() + b"x")
    assert found() == {"I14"}
