"""The functions by which the application has the owner make, fill and close partitions: at the wrong time, with odd
arguments, with rows that do not fit. And those that it may not call."""

from typing import Any

import psycopg
import pytest

from revshare.privileges import CALLED, READ
from tests.attacks.trying import FORBIDDEN, refused

Connection = psycopg.Connection[Any]
STATE, CHECK, UNIQUE, OUT_OF_RANGE, UNKNOWN = "23001", "23514", "23505", "22003", "42P01"
WRONG = {
    "entries of a published cycle": ("SELECT revshare_new_entries(1)", STATE),
    "entries of no cycle": ("SELECT revshare_new_entries(99)", STATE),
    "entries of nothing": ("SELECT revshare_new_entries(NULL)", STATE),
    "entries below zero": ("SELECT revshare_new_entries(-1)", STATE),
    "entries that are indexed again": ("SELECT revshare_index_entries(1)", "42P07"),
    "entries that are not there, indexed": ("SELECT revshare_index_entries(99)", UNKNOWN),
    "entries of a published cycle, attached": ("SELECT revshare_attach_entries(1)", STATE),
    "entries of no cycle, attached": ("SELECT revshare_attach_entries(99)", STATE),
    "weights of a frozen manifest": ("SELECT revshare_new_weights(1)", STATE),
    "weights of no manifest": ("SELECT revshare_new_weights(99)", STATE),
    "weights of a frozen manifest, attached": ("SELECT revshare_attach_weights(1)", STATE),
    "rolls of a frozen manifest": ("SELECT revshare_new_rolls(1)", STATE),
    "rolls of no manifest": ("SELECT revshare_new_rolls(99)", STATE),
    "rolls of a frozen manifest, attached": ("SELECT revshare_attach_rolls(1)", STATE),
    "sales of a file that has its sales": ("SELECT revshare_new_sales(4)", STATE),
    "sales of a file of another kind": ("SELECT revshare_new_sales(1)", STATE),
    "sales of no file": ("SELECT revshare_new_sales(999)", STATE),
    "a file that has its sales, attached": ("SELECT revshare_attach_sales(6)", STATE),
    "a temporary table of sales, attached": (
        "CREATE TEMP TABLE sales_sale_4 (LIKE sales_sale); SELECT revshare_attach_sales(4)", STATE,
    ),
    "no numbers of arrival": ("SELECT revshare_reserve_sales(0)", CHECK),
    "numbers of arrival backwards": ("SELECT revshare_reserve_sales(-1000)", CHECK),
    "unknown numbers of arrival": ("SELECT revshare_reserve_sales(NULL)", CHECK),
    "more numbers than there are": ("SELECT revshare_reserve_sales(9223372036854775807)", "42883"),
    "statistics of SQL": ("SELECT revshare_analyze('ledger_leg; DROP TABLE ledger_leg')", UNKNOWN),
    "statistics of the catalog": ("SELECT revshare_analyze('pg_class')", UNKNOWN),
    "statistics of a view": ("SELECT revshare_analyze('ledger_every_leg')", UNKNOWN),
}  # fmt: skip


@pytest.mark.parametrize("what", WRONG)
def test_a_function_called_wrongly_is_refused(application: Connection, what: str) -> None:
    attack, code = WRONG[what]
    assert refused(application, attack) == code


def test_no_other_function_may_be_called(application: Connection, owner: Connection) -> None:
    found = owner.execute(
        "SELECT p.oid::regprocedure::text, p.oid::regproc::text, array_to_string(ARRAY(SELECT 'NULL::' || t::regtype FROM "
        "unnest(proargtypes) t), ', ') FROM pg_proc p WHERE starts_with(proname, 'revshare_') AND prorettype <> 'trigger'::regtype"
    ).fetchall()
    others = {f"SELECT {name}({arguments})" for function, name, arguments in found if function not in (*CALLED, *READ)}
    assert len(found) - len(others) == len(CALLED) + len(READ)
    assert {call: refused(application, call) for call in others} == dict.fromkeys(others, FORBIDDEN)


# A part of sales made by hand, which the application's role may do, and then attached. The first of the cases is right.
FORGED_SALES = """
    INSERT INTO files_file (kind, sha256, name, size_bytes, format, rows_in, rows_accepted, rows_duplicate,
        rows_quarantined, unknown_columns, loaded_at, loaded_by)
        VALUES ('{kind}', 'x', '', 0, 'csv', 1, 1, 0, 0, '[]', now(), 'olivia');
    SELECT revshare_new_sales(max(id)::integer) FROM files_file;
    DO $$ DECLARE file integer := (SELECT max(id) FROM files_file); BEGIN
        EXECUTE 'INSERT INTO sales_sale_' || file || '(sale_id, sold_at, stream, model, currency, gross_micros, file_id, row, seq) '
            || $sale$ SELECT {id}, sold_at, stream, model, currency, 1, $sale$ || file || $sale$, 0, {seq} FROM sales_sale LIMIT 1 $sale$;
        PERFORM revshare_attach_sales(file);
        {more}
    END $$;
"""
LAST = "(SELECT max(seq) FROM sales_sale)"
INTO_IT = "EXECUTE 'INSERT INTO sales_sale_' || file || ' SELECT * FROM sales_sale LIMIT 1';"


@pytest.mark.parametrize(
    ("kind", "sale_id", "seq", "more", "sqlstate"),
    [
        ("sales", "'l1'", f"{LAST} + 1", "", UNIQUE),
        ("sales", "'s1'", f"{LAST} + 1", "", UNIQUE),
        ("sales", "'x'", LAST, "", STATE),
        ("sales", "'x'", "2", "", STATE),
        ("models", "'x'", f"{LAST} + 1", "", STATE),
        ("sales", "'x'", f"{LAST} + 1", INTO_IT, FORBIDDEN),
    ],
)
def test_sales_are_attached_once_and_after_all_others(
    application: Connection, kind: str, sale_id: str, seq: str, more: str, sqlstate: str
) -> None:
    assert refused(application, FORGED_SALES.format(kind=kind, id=sale_id, seq=seq, more=more)) == sqlstate


def test_a_part_of_sales_that_fits_is_attached(application: Connection) -> None:
    right = FORGED_SALES.format(kind="sales", id="'x'", seq=f"{LAST} + 1", more="")
    application.execute(f"BEGIN; {right} ROLLBACK")


# With the partition of the published cycle out of the way, as the owner; and still it is not made again.
FORGED = """
    ALTER TABLE {parent} DETACH PARTITION {parent}_1; ALTER TABLE {parent}_1 RENAME TO removed;
    SELECT revshare_new_part('{parent}', '{key}', 1); INSERT INTO {parent}_1 SELECT * FROM removed; SELECT {attach}(1);
"""


@pytest.mark.parametrize(
    ("parent", "key", "attach"),
    [
        ("ledger_folio", "cycle_id", "revshare_attach_entries"),
        ("ledger_roll", "cycle_id", "revshare_attach_entries"),
        ("manifests_weight_page", "manifest_id", "revshare_attach_weights"),
        ("manifests_roll", "rolls_of", "revshare_attach_rolls"),
    ],
)
def test_not_even_the_owner_replaces_a_partition_of_what_is_closed(
    owner: Connection, parent: str, key: str, attach: str
) -> None:
    assert refused(owner, FORGED.format(parent=parent, key=key, attach=attach)) == STATE


@pytest.mark.parametrize("table", ["ledger_folio", "ledger_roll", "manifests_roll", "manifests_weight_page"])
def test_a_second_partition_for_the_same_cycle_is_refused(owner: Connection, table: str) -> None:
    attack = f"CREATE TABLE forged (LIKE {table} INCLUDING CONSTRAINTS); ALTER TABLE {table} ATTACH PARTITION forged FOR VALUES IN (1)"
    assert refused(owner, attack) == "42P17"
