"""Each invariant is broken by hand, as somebody with the database owner's password could, and `verify` names it."""

import re
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from django.db import connection

from revshare.allocation.balances import BALANCES
from revshare.cycles.models import Cycle
from revshare.cycles.queries import result_digest
from revshare.lake import keep, part
from revshare.ledger.models import Journal
from revshare.ledger.operations import legs_digest
from revshare.ledger.rules import ColumnsHash, journal_hash
from revshare.manifests.models import Manifest, Part
from revshare.manifests.queries import WEIGHTS
from revshare.verification.operations import verify
from tests.folios import WITHOUT_LAST, shifted
from tests.ownership import owner
from tests.stories import Story

pytestmark = pytest.mark.django_db
M = 1_000_000

# What is done, and the invariants that must be named. `{jan}`, `{feb}`: the one folio of each cycle, with an entry of Ann
# and one of Ben; `{jan_roll}`, `{feb_roll}`: who they are; `{ds}`: the weights.
DEFECTS: dict[str, tuple[str, set[str]]] = {
    "a contributor is paid more, another less": (
        f"UPDATE {{feb}} SET {shifted('amounts', {1: 9, 2: -9})}", {"I5", "I16", "I22", "I23"},
    ),
    "a contributor is paid and credited more, another less": (
        f"UPDATE {{feb}} SET {shifted('amounts', {1: 9, 2: -9})}, {shifted('earned', {1: 9, 2: -9})}",
        {"I5", "I16", "I22", "I23"},
    ),
    "an entry is gone": (f"UPDATE {{jan}} SET {WITHOUT_LAST}", {"I1", "I2", "I3", "I4", "I16", "I22", "I23"}),
    "an entry is slipped in": (
        "UPDATE {feb_roll} SET contributors = contributors || 'cy'::text; UPDATE {feb} SET members = members || 3::smallint, "
        "openings = openings || 0::bigint, earned = earned || 0::bigint, ends = ends || 3, pools = pools || pools[1], "
        "ticks = ticks || 0::bigint, amounts = amounts || 0::bigint", {"I4", "I16", "I22", "I23"},
    ),
    "an entry is in a pool of another cycle": (
        "UPDATE {feb} f SET pools = (SELECT pools FROM {jan})", {"I1", "I4", "I16"},
    ),
    "a contributor's share is given to another": (
        "UPDATE {feb_roll} SET contributors[2] = 'cy'", {"I5", "I6", "I22", "I23"},
    ),
    "two contributors change places": (
        "UPDATE {feb_roll} SET first_id = 'ben', contributors = '{{ben,ann}}'", {"I5", "I6", "I22", "I23"},
    ),
    "a numerator is changed": (f"UPDATE {{feb}} SET {shifted('ticks', {1: 1, 2: -1})}", {"I22", "I23"}),
    "the entries are no part of the ledger": ("ALTER TABLE ledger_folio DETACH PARTITION {jan}", {"I1", "I2", "I4", "I16", "I23"}),
    "whose they are is no part of the ledger": ("ALTER TABLE ledger_roll DETACH PARTITION {jan_roll}", {"I1", "I2", "I4", "I16", "I23"}),
    "the entries are gone": ("DROP TABLE {feb}", {"I1", "I2", "I3", "I4", "I16", "I23"}),
    "whose they are is gone": ("DROP TABLE {feb_roll}", {"I1", "I2", "I3", "I4", "I16", "I23"}),
    "a folio is gone": ("DELETE FROM {feb}", {"I1", "I2", "I3", "I4", "I16", "I22", "I23"}),
    "a roll is gone": ("DELETE FROM {feb_roll}", {"I1", "I2", "I3", "I4", "I16", "I22", "I23"}),
    "a folio is there twice": (
        "DROP INDEX {feb}_once; DROP INDEX {feb}_number; INSERT INTO {feb} SELECT * FROM {feb}",
        {"I1", "I2", "I3", "I4", "I5", "I16", "I22", "I23"},
    ),
    "entries are under no trigger": ("DROP TRIGGER no_update ON {feb}", {"I23"}),
    "whose they are is under no trigger": ("DROP TRIGGER no_update ON {feb_roll}", {"I23"}),
    "a trigger is off": ("ALTER TABLE sales_sale_0 DISABLE TRIGGER no_update", {"I23"}),
    "sales may come in twice": ("DROP TRIGGER sales_arrived ON sales_sale_0", {"I23"}),
    "sales are no part of their table": ("ALTER TABLE sales_sale DETACH PARTITION sales_sale_0", {"I12", "I21", "I23"}),
    "a sale is there twice": (
        "CREATE TABLE sales_sale_99 (LIKE sales_sale INCLUDING ALL); INSERT INTO sales_sale_99 SELECT * FROM sales_sale "
        "WHERE sale_id = 's1'; UPDATE sales_sale_99 SET part = 99, seq = seq + 100; "
        "ALTER TABLE sales_sale ATTACH PARTITION sales_sale_99 FOR VALUES IN (99)", {"I12", "I13", "I23"},
    ),
    "a pool's control says more": (
        "UPDATE ledger_pool_control SET amount_micros = amount_micros + 1, numerator_ticks = numerator_ticks + 1",
        {"I16", "I22"},
    ),
    "a pool's control says another residue": ("UPDATE ledger_pool_control SET residue_micros = residue_micros + 1", {"I16"}),
    "a pool's control has another hash": ("UPDATE ledger_pool_control SET sha256 = repeat('0', 64)", {"I22", "I23"}),
    "a pool's control is gone": ("DELETE FROM ledger_pool_control", {"I16", "I22", "I23"}),
    "a currency's control says more": (
        "UPDATE ledger_account_control SET earned_micros = earned_micros + 1, credited = credited + 1", {"I4", "I22", "I24"},
    ),
    "a currency's control has another hash": ("UPDATE ledger_account_control SET sha256 = repeat('0', 64)", {"I22", "I23", "I24"}),
    "a currency's control is gone": ("DELETE FROM ledger_account_control", {"I4", "I22", "I24"}),
    "what the platform keeps is changed": ("UPDATE allocation_rest SET amount_micros = amount_micros + 1", {"I1"}),
    "a leg is changed": ("UPDATE ledger_leg SET amount_micros = amount_micros + 1 WHERE account = 'platform'", {"I2", "I3", "I24"}),
    "two legs are changed alike": (
        "UPDATE ledger_leg SET amount_micros = amount_micros + 1 WHERE account IN ('platform', 'sales')", {"I24"},
    ),
    "a journal is gone": ("DELETE FROM ledger_leg; DELETE FROM ledger_journal", {"I19"}),
    "a journal's author is changed": ("UPDATE ledger_journal SET created_by = 'mallory'", {"I24"}),
    "a journal says fewer legs": ("UPDATE ledger_journal SET legs_count = legs_count - 1", {"I2", "I24"}),
    "a statement earned more": (f"UPDATE {{feb}} SET {shifted('earned', {1: 1})}", {"I2", "I3", "I4", "I5", "I23"}),
    "a statement opens with another balance": (
        f"UPDATE {{feb}} SET {shifted('openings', {1: 5})}", {"I4", "I5", "I6", "I23"},
    ),
    "two statements swap what they open with": (
        f"UPDATE {{feb}} SET {shifted('openings', {1: 5, 2: -5})}", {"I5", "I6", "I23"},
    ),
    "a statement is gone": (
        "UPDATE {feb} SET members = members[:1], openings = openings[:1], earned = earned[:1], ends = ends[2:]",
        {"I4", "I5", "I23"},
    ),
    "statements have other numbers": ("UPDATE {feb} SET first_no = 7", {"I5"}),
    "statements have another content": (
        "CREATE OR REPLACE FUNCTION revshare_statement_sha256(cycle integer, contributor text, money text) RETURNS text "
        "LANGUAGE sql STABLE AS 'SELECT repeat(''0'', 64)'", {"I23"},
    ),
    "another file of balances": (
        "UPDATE cycles_cycle SET balances_sha256 = (SELECT balances_sha256 FROM cycles_cycle WHERE key = 'jan')",
        {"I5"},
    ),
    "no file of balances": ("UPDATE cycles_cycle SET balances_sha256 = ''", {"I5", "I6"}),
    "a lost file of balances": ("UPDATE cycles_cycle SET balances_sha256 = repeat('0', 64)", {"I6"}),
    "a sale is changed": ("UPDATE sales_sale SET gross_micros = gross_micros + 1 WHERE sale_id = 's1'", {"I12", "I21"}),
    "a sale is slipped in": (
        "INSERT INTO sales_sale (sale_id, sold_at, stream, model, dataset_version, currency, gross_micros, refund_of, "
        "customer_id, generation_id, file_id, row, seq) SELECT 'x', sold_at, stream, model, '', currency, 1, '', '', '', "
        "file_id, 99, 0 FROM sales_sale WHERE sale_id = 's1'", {"I12"},
    ),
    "a sale is moved to another month": (
        "UPDATE sales_sale SET sold_at = sold_at + interval '1 month' WHERE sale_id = 's1'", {"I21"},
    ),
    "a sale is of no file": ("UPDATE sales_sale SET file_id = 999 WHERE sale_id = 's1'", {"I12", "I25"}),
    "a contributor is of no file": ("UPDATE contributors_contributor SET file_id = 999 WHERE id = 'ann'", {"I25"}),
    "a contributor who is owed money is gone": ("DELETE FROM contributors_contributor WHERE id = 'ben'", {"I25"}),
    "a refund is larger than its sale": ("UPDATE sales_sale SET gross_micros = -900000000 WHERE sale_id = 'r1'", {"I11"}),
    "a pool is larger": (
        "UPDATE pools_pool SET distributable_micros = distributable_micros + 1, platform_micros = platform_micros - 1",
        {"I16", "I22"},
    ),
    "a weight is changed": ("UPDATE {ds} SET ticks[1] = ticks[1] + 1", {"I14"}),
    "weights are changed alike": ("UPDATE {ds} SET ticks[1] = ticks[1] + 1, ticks[2] = ticks[2] - 1", {"I14"}),
    "weighted ticks are changed": ("UPDATE {ds} SET weights = '{{5,5}}'", {"I14"}),
    "weights are nobody's": ("UPDATE {ds} SET roll = 7", {"I14"}),
    "weights are others'": ("UPDATE {ds_roll} SET contributors = '{{ann,bill}}'", {"I14", "I25"}),
    "weights are no part of their table": ("ALTER TABLE manifests_weight_page DETACH PARTITION {ds}", {"I14", "I23"}),
    "whose weights they are is no part of its table": (
        "ALTER TABLE manifests_roll DETACH PARTITION {ds_roll}", {"I14", "I23"},
    ),
    "the weights in the lake are another file": ("UPDATE manifests_manifest SET weights_sha256 = repeat('0', 64)", {"I14"}),
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
    "a cycle was approved without a review": ("DELETE FROM reviews_review WHERE id = (SELECT max(id) FROM reviews_review)", {"I29"}),
    "a review says what it did not find": (
        "INSERT INTO reviews_finding (review_id, cycle_id, number, rule, subject, currency, blocks, says, measured) "
        "SELECT id, cycle_id, 9, 'pools', 'x', '', true, 'x', '[]'::jsonb FROM reviews_review", {"I22", "I29"},
    ),
    "an event is changed": ("UPDATE audit_event SET actor = 'nobody' WHERE seq = 2", {"I24"}),
    "an event is gone": ("DELETE FROM audit_event WHERE seq = 2", {"I24"}),
    "the result has another digest": ("UPDATE cycles_cycle SET result_digest = repeat('0', 64), approved_digest = repeat('0', 64)", {"I22", "I29"}),
}  # fmt: skip
# Defects that need the triggers as the deed leaves them.
TRIGGERS_AS_LEFT = {
    "entries are under no trigger", "whose they are is under no trigger", "a trigger is off", "sales may come in twice",
}  # fmt: skip


@pytest.fixture(scope="module")
def year(told: Story) -> Story:
    """Two published months, with a refund."""
    told.models(("m", "ds@1"))
    told.attributions(*[("ds@1", f"a{i}", "ann") for i in range(3)], ("ds@1", "b1", "ben"))
    told.policy()
    told.sales(
        ("s1", "2026-01-10T00:00:00Z", "m", "USD", "100"), ("r1", "2026-02-05T00:00:00Z", "m", "USD", "-10", "s1"),
        ("s2", "2026-02-10T00:00:00Z", "m", "USD", "60"),
    )  # fmt: skip
    told.publish("jan", "2026-01-01", "2026-02-01")
    told.publish("feb", "2026-02-01", "2026-03-01")
    return told


def parts_by_name() -> dict[str, str]:
    """The tables with the folios and the rolls of the cycles, and with the weights."""
    names = {cycle.key: f"ledger_folio_{cycle.pk}" for cycle in Cycle.objects.all()}
    names |= {f"{cycle.key}_roll": f"ledger_roll_{cycle.pk}" for cycle in Cycle.objects.all()}
    names |= {"ds": f"manifests_weight_page_{Manifest.objects.get().pk}"}
    return names | {"ds_roll": f"manifests_roll_{Manifest.objects.get().pk}"}


def without_triggers(statements: str) -> None:
    """As the owner of the tables could: the triggers of the tables that are named (and of what they are parts of or
    consist of) off, the deed, and the same triggers on again."""
    with owner(), connection.cursor() as cursor:
        cursor.execute("SET CONSTRAINTS ALL IMMEDIATE")
        cursor.execute(
            "SELECT c.relname, t.tgname FROM pg_trigger t JOIN pg_class c ON c.oid = t.tgrelid WHERE NOT t.tgisinternal "
            "AND (c.relname = ANY (%(names)s) OR EXISTS (SELECT FROM pg_partition_ancestors(c.oid) a "
            "WHERE a.relid::regclass::text = ANY (%(names)s)))",
            {"names": re.findall(r"\w+", statements)},
        )
        triggers = cursor.fetchall()
        for table, trigger in triggers:
            cursor.execute(f"ALTER TABLE {table} DISABLE TRIGGER {trigger}")
        for statement in statements.split("; "):
            cursor.execute(statement, [])
        for table, trigger in triggers:
            cursor.execute("SELECT to_regclass(%s)", [table])
            if cursor.fetchone() != (None,):
                cursor.execute(f"ALTER TABLE {table} ENABLE ALWAYS TRIGGER {trigger}")
        cursor.execute("SET CONSTRAINTS ALL DEFERRED")  # which the end of a test would not take back


def found() -> set[str]:
    return {finding.invariant for finding in verify(cycles=list(Cycle.objects.all())).findings}


def test_sound_data_is_clean(year: Story) -> None:
    assert found() == set()


@pytest.mark.parametrize("what", DEFECTS)
def test_a_defect_is_found_and_named(year: Story, what: str) -> None:
    statements, invariants = DEFECTS[what]
    deed = statements.format(**parts_by_name())
    if what in TRIGGERS_AS_LEFT:
        with owner(), connection.cursor() as cursor:
            cursor.execute("SET CONSTRAINTS ALL IMMEDIATE")
            cursor.execute(deed)
            cursor.execute("SET CONSTRAINTS ALL DEFERRED")
        assert found() == invariants
    else:
        without_triggers(deed)
        assert invariants <= found()


def test_entries_forged_with_all_that_sums_them_up_are_found(year: Story) -> None:
    """Somebody changes a split, writes the controls and the balances to fit, and seals it all again: what the lake
    holds of the inputs still says otherwise."""
    jan, feb = Cycle.objects.get(key="jan"), Cycle.objects.get(key="feb")
    swap = {1: 2 * M, 2: -2 * M}
    without_triggers(f"UPDATE ledger_folio_{feb.pk} SET {shifted('amounts', swap)}, {shifted('earned', swap)}")
    entries = "SELECT contributor_id, numerator_ticks, amount_micros, opening_micros, earned_micros FROM ledger_entry "
    with connection.cursor() as cursor:
        cursor.execute(f"{entries} WHERE cycle_id = {feb.pk} ORDER BY contributor_id")
        names, *columns = zip(*cursor.fetchall(), strict=True)
    ticks, amounts, opening, earned = (np.array(column, np.int64) for column in columns)
    ids = "".join(f"{name}\n" for name in names).encode()
    hashes = []
    for numbers in ((ticks, amounts), (opening, earned)):
        digest = ColumnsHash(numbers=2)
        digest.update(ids, numbers)
        hashes.append(digest.hexdigest())
    closing = pa.table({
        "contributor_id": names, "currency": ["USD"] * len(names), "closing_micros": opening + earned,
        "earned_micros": earned,
    })  # fmt: skip
    draft = year.folder / "balances.parquet"
    pq.write_table(closing, draft)
    without_triggers(
        f"UPDATE ledger_pool_control SET sha256 = '{hashes[0]}' WHERE cycle_id = {feb.pk}; "
        f"UPDATE ledger_account_control SET sha256 = '{hashes[1]}' WHERE cycle_id = {feb.pk}; "
        f"UPDATE cycles_cycle SET balances_sha256 = '{keep(draft, BALANCES)}' WHERE id = {feb.pk}"
    )
    journal = Journal.objects.get(key="feb")
    own = journal_hash(
        prev_hash=journal.prev_hash, seq=journal.seq, kind=journal.kind, key=journal.key, posted_at=journal.posted_at,
        created_by=journal.created_by, reverses=journal.reverses_id, legs_count=journal.legs_count,
        legs_sha256=legs_digest(journal),
    )  # fmt: skip
    without_triggers(f"UPDATE ledger_journal SET hash = '{own}' WHERE key = 'feb'")
    digest = result_digest(feb)
    without_triggers(
        f"UPDATE cycles_cycle SET result_digest = '{digest}', approved_digest = '{digest}' WHERE id = {feb.pk}"
    )
    assert found() == {"I16", "I22", "I29"}
    # What was looked at before the approval is not what is there now, whichever cycle is asked for.
    assert {finding.invariant for finding in verify(cycles=[jan]).findings} == {"I29"}


def test_a_changed_file_of_the_lake_is_found(year: Story) -> None:
    path: Any = part("attributions", Part.objects.get().parquet_sha256)
    path.write_bytes(path.read_bytes() + b"x")
    assert found() == {"I14"}


@pytest.mark.parametrize("deed", ["changed", "lost"])
def test_a_file_of_weights_changed_or_lost_is_found(year: Story, deed: str) -> None:
    path = part(WEIGHTS, Manifest.objects.get().weights_sha256)
    path.unlink() if deed == "lost" else path.write_bytes(path.read_bytes() + b"x")
    assert "I14" in found()


def test_a_file_of_weights_with_other_weights_is_found(year: Story) -> None:
    """Under the name of its own bytes, and with the same sum."""
    path = part(WEIGHTS, Manifest.objects.get().weights_sha256)
    table = pq.read_table(path)
    ticks = pa.array([ticks + (1, -1)[at] for at, ticks in enumerate(table["assets_ticks"].to_pylist())], pa.int64())
    draft = year.folder / "weights.parquet"
    pq.write_table(table.set_column(table.schema.get_field_index("assets_ticks"), "assets_ticks", ticks), draft)
    without_triggers(f"UPDATE manifests_manifest SET weights_sha256 = '{keep(draft, WEIGHTS)}'")
    assert found() == {"I14", "I22"}


@pytest.mark.parametrize("deed", ["changed", "lost"])
def test_a_file_of_balances_changed_or_lost_is_found(year: Story, deed: str) -> None:
    path = part(BALANCES, Cycle.objects.get(key="jan").balances_sha256)
    path.unlink() if deed == "lost" else path.write_bytes(path.read_bytes() + b"x")
    assert found() == {"I6"}


@pytest.mark.parametrize("micros", [1, -1])
def test_a_file_of_balances_with_another_balance_is_found(year: Story, micros: int) -> None:
    """Under the name of its own bytes, with the balance of one account changed, what was earned, one account gone, or in another order."""
    feb = Cycle.objects.get(key="feb")
    table = pq.read_table(part(BALANCES, feb.balances_sha256))
    balances = table["closing_micros"].to_pylist()
    balances[0] += micros
    draft = year.folder / "balances.parquet"
    changed = table.set_column(table.schema.get_field_index("closing_micros"), "closing_micros", pa.array(balances))
    earned = [value and value + micros for value in table["earned_micros"].to_pylist()]
    exported = table.set_column(table.schema.get_field_index("earned_micros"), "earned_micros", pa.array(earned))
    for forged in (changed, exported, table.slice(1), table.take(list(range(len(table)))[::-1])):
        pq.write_table(forged, draft)
        without_triggers(f"UPDATE cycles_cycle SET balances_sha256 = '{keep(draft, BALANCES)}' WHERE id = {feb.pk}")
        assert found() == {"I5"}
