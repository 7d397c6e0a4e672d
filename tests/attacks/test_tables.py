"""Every table is on the list of `revshare.privileges`, and what the list says is so (I14, I23): tried as the application's
role, whom privileges stop; as the owner of the tables, whom triggers stop; and as a superuser in `replica`."""

from typing import Any

import psycopg
import pytest

from revshare.privileges import APPEND_ONLY, IN_PARTS, MOVING, MUTABLE, READ_ONLY
from tests.attacks.trying import FORBIDDEN, refused
from tests.conftest import World

Connection = psycopg.Connection[Any]
REFUSED = "23001"  # by revshare_refuse
PARTS = (
    "ledger_folio_1", "ledger_folio_2", "ledger_folio_3", "ledger_roll_1", "ledger_roll_2", "ledger_roll_3",
    "manifests_roll_1", "manifests_weight_page_1", "sales_sale_6",
)  # fmt: skip
KEPT = sorted({*APPEND_ONLY, *IN_PARTS, *PARTS})
# What people and auditors read; behind each stands a table of the list.
VIEWS = (
    "allocation_allocation", "statements_statement", "ledger_account", "ledger_entry", "ledger_every_leg", "manifests_weight",
    "ledger_movement",
)  # fmt: skip
GOES_ROUND = "SET session_replication_role = replica; "


def columns(connection: Connection, table: str) -> list[str]:
    return [
        name for (name,) in connection.execute(
            "SELECT quote_ident(attname) FROM pg_attribute WHERE attrelid = %s::regclass AND attnum > 0 AND NOT attisdropped",
            [table],
        )
    ]  # fmt: skip


def everything(connection: Connection, table: str) -> str:
    """All rows of it, in a few letters."""
    row = connection.execute(
        f"SELECT md5(coalesce(string_agg(t::text, '|' ORDER BY t::text), '')) FROM {table} t"
    ).fetchone()
    assert row
    return str(row[0])


def test_every_table_is_listed_once(owner: Connection) -> None:
    tables = {name for (name,) in owner.execute("SELECT tablename FROM pg_tables WHERE schemaname = 'public'")}
    lists = [APPEND_ONLY, IN_PARTS, MOVING.keys(), MUTABLE.keys(), READ_ONLY]
    assert tables == {*PARTS, *(name for names in lists for name in names)}
    assert sum(map(len, lists)) == len(tables) - len(PARTS)


@pytest.mark.parametrize("table", KEPT)
def test_rows_do_not_change_and_do_not_go(
    application: Connection, owner: Connection, root: Connection, table: str
) -> None:
    assert application.execute(f"SELECT 1 FROM {table} LIMIT 1").fetchone(), "empty: the attack would prove nothing"
    before = everything(owner, table)
    names = columns(owner, table)
    deeds = [f"UPDATE {table} SET {name} = {name}" for name in names]
    deeds += [
        f"DELETE FROM {table}", f"TRUNCATE {table} CASCADE", f"WITH gone AS (DELETE FROM {table} RETURNING 1) SELECT * FROM gone",
        f"MERGE INTO {table} t USING (SELECT 1) s ON true WHEN MATCHED THEN DELETE",
    ]  # fmt: skip
    assert {deed: refused(application, deed) for deed in deeds} == dict.fromkeys(deeds, FORBIDDEN)
    for connection in (owner, root):
        round_it = GOES_ROUND if connection is root else ""
        for deed in (deeds[0], *deeds[len(names) :]):
            assert refused(connection, round_it + deed) == REFUSED, deed
    assert everything(owner, table) == before


@pytest.mark.parametrize("table", MOVING)
def test_what_moves_keeps_its_other_columns_and_its_rows(
    application: Connection, owner: Connection, table: str
) -> None:
    before = everything(owner, table)
    for name in set(columns(owner, table)) - set(MOVING[table]):
        assert refused(application, f"UPDATE {table} SET {name} = {name}") == FORBIDDEN, name
    for deed in (f"DELETE FROM {table}", f"TRUNCATE {table} CASCADE"):
        assert refused(application, deed) == FORBIDDEN
        if "TRUNCATE" in deed or application.execute(f"SELECT 1 FROM {table} LIMIT 1").fetchone():
            assert refused(owner, deed) == REFUSED
    assert everything(owner, table) == before


@pytest.mark.parametrize("table", [*MUTABLE, *sorted(READ_ONLY)])
def test_the_others_give_what_is_listed_and_no_more(application: Connection, table: str) -> None:
    rights = MUTABLE.get(table, "")
    assert refused(application, f"TRUNCATE {table} CASCADE") == FORBIDDEN
    for verb, deed in (
        ("UPDATE", f"UPDATE {table} SET {columns(application, table)[0]} = NULL"),
        ("DELETE", f"DELETE FROM {table}"),
    ):
        if verb not in rights or "(" in rights:
            assert refused(application, deed) == FORBIDDEN, deed
    if table in READ_ONLY:
        assert refused(application, f"INSERT INTO {table} DEFAULT VALUES") == FORBIDDEN


@pytest.mark.parametrize("view", VIEWS)
def test_nothing_changes_through_what_is_read(application: Connection, owner: Connection, view: str) -> None:
    # A view that stands for more than one table takes no writing at all: object_not_in_prerequisite_state.
    name = columns(owner, view)[-1]
    for deed in (
        f"UPDATE {view} SET {name} = {name}",
        f"DELETE FROM {view}",
        f"INSERT INTO {view} SELECT * FROM {view}",
    ):
        assert refused(application, deed) in {FORBIDDEN, "55000", "0A000"}
        assert refused(owner, deed) in {REFUSED, "55000", "0A000"}


def test_triggers_fire_always(owner: Connection) -> None:
    """ENABLE ALWAYS: even `session_replication_role = replica` does not go round them."""
    asleep = owner.execute(
        "SELECT tgname FROM pg_trigger t JOIN pg_proc p ON p.oid = t.tgfoid WHERE starts_with(p.proname, 'revshare') "
        "AND t.tgenabled <> 'A'"
    ).fetchall()
    assert asleep == []


def test_functions_look_at_the_real_tables(owner: Connection) -> None:
    """Each that reads one has a path on which temporary tables come last, and each that acts as the owner is listed."""
    loose = owner.execute(
        "SELECT proname FROM pg_proc WHERE starts_with(proname, 'revshare_') AND proconfig IS NULL "
        "OR prosecdef AND NOT 'search_path=public, pg_temp' = ANY(proconfig)"
    ).fetchall()
    assert sorted(loose) == [("revshare_refuse",), ("revshare_statement_column",)]


def test_the_application_owns_nothing(published: World, owner: Connection) -> None:
    owned = owner.execute("SELECT relname FROM pg_class WHERE relowner = 'revshare'::regrole").fetchall()
    assert owned == []
