"""Published cycles go back to the version that had a row for each entry, and forth into folios: nothing is lost."""

from pathlib import Path
from typing import Any

import psycopg

from tests.conftest import World
from tests.small import staff, write_files
from tests.test_migrations import shape

BEFORE = "0036"
MANY = [f"c{number:03}" for number in range(150)]  # of more than one roll, however it is filled
FILES = {
    "contributors": "contributor_id,contributor_name\n" + "".join(f"{name},\n" for name in (*MANY, "ann", "мира")),
    "models": "model,dataset_version\nm,ds@1\nn,ds@2\no,ds@1\n",
    "attributions": "dataset_version,asset_id,contributor_id\n"
    + "".join(f"ds@{1 + number % 2},{number},{name}\n" for number, name in enumerate(MANY))
    + "ds@1,a,ann\nds@2,b,ann\nds@2,c,мира\n",
    "sales": "sale_id,sold_at,stream,model,currency,gross_amount\n"
    + "".join(
        f"{month}{model}{currency},2026-0{month}-10T00:00:00Z,generation,{model},{currency},100.01\n"
        for month in (6, 7) for model in "mno" for currency in ("EUR", "USD") if (model, currency) != ("n", "EUR")
    ),
}  # fmt: skip
# In a currency in which there are sales, and in one in which nothing else happens.
MOVE = """
from revshare.ledger.operations import LegData, post_legs
from revshare.management.base import acting
for key, legs in {
    "w1": [("payable:ann", "USD", "D", 3), ("withholding", "USD", "C", 3)],
    "c1": [("platform", "EUR", "D", 7), ("payable:c001", "EUR", "C", 7)],
    "c2": [("platform", "JPY", "D", 11), ("payable:c149", "JPY", "C", 5), ("payable:ann", "JPY", "C", 6)],
}.items():
    kind = "withholding" if key == "w1" else "claim"
    post_legs(kind=kind, key=key, legs=[LegData(*leg) for leg in legs], act=acting("fiona", "browse"))
"""
ENTRIES = (
    "SELECT cycle_id, statement_no, pool_id, contributor_id, numerator_ticks, amount_micros, opening_micros, earned_micros, "
    "statement_lines FROM ledger_entry ORDER BY cycle_id, statement_no, pool_id"
)
# What people and auditors read of them.
READ = (
    "SELECT to_jsonb(s) - 'roll' - 'first_no' FROM statements_statement s ORDER BY id",
    "SELECT to_jsonb(a) - 'roll' - 'first_no' FROM allocation_allocation a ORDER BY id",
    "SELECT * FROM ledger_every_leg ORDER BY id, journal_id, account",
    "SELECT * FROM audit.statement ORDER BY id", "SELECT * FROM audit.statement_line ORDER BY statement_id, line",
    "SELECT * FROM audit.allocation ORDER BY cycle_id, pool_id, bucket, contributor_id",
    "SELECT * FROM audit.leg ORDER BY journal_id, account, currency, side",
)  # fmt: skip
# What makes them quick, and who may: how functions and parts of tables are set up.
SET_UP = (
    "SELECT tablename, indexname, indexdef FROM pg_indexes WHERE schemaname = 'public'",
    "SELECT oid::regprocedure::text, proconfig, ARRAY(SELECT unnest(proacl)::text ORDER BY 1) FROM pg_proc WHERE starts_with(proname, 'revshare')",
    "SELECT relname, reloptions, ARRAY(SELECT unnest(relacl)::text ORDER BY 1) FROM pg_class WHERE relnamespace = 'public'::regnamespace AND relkind <> 'i'",
    "SELECT attrelid::regclass::text, attname, attstorage, attstattarget FROM pg_attribute a JOIN pg_class c ON c.oid = attrelid "
    "WHERE c.relnamespace = 'public'::regnamespace AND c.relkind IN ('r', 'p') AND attnum > 0 AND NOT attisdropped",
)  # fmt: skip


def publish_two_cycles(world: World, folder: Path) -> None:
    """June; and July, before which money moved."""
    staff(world)
    people = ("--timezone", "UTC", "--policy", "p", "--prepared-by", "olivia", "--approved-by", "adam")
    june, july, august = "2026-06-01", "2026-07-01", "2026-08-01"
    world.json("run_cycle", "june", "--start", june, "--end", july, *people, "--from", write_files(folder, **FILES))
    world.manage("shell", "--no-imports", "-c", MOVE)
    world.json("run_cycle", "july", "--start", july, "--end", august, *people)


def read(world: World) -> list[list[tuple[Any, ...]]]:
    with world.connect_as_owner() as owner:  # at another version the application has no rights yet
        return [owner.execute(query).fetchall() for query in (ENTRIES, *READ)]


def set_up(world: World) -> set[str]:
    with world.connect_as_owner() as owner:
        return {str(row) for query in SET_UP for row in owner.execute(query)}


def kind_of(world: World, table: str) -> str:
    with world.connect_as_owner() as owner:
        found = owner.execute("SELECT relkind::text FROM pg_class WHERE relname = %s", [table]).fetchone()
        return str(found[0]) if found else ""


def test_published_cycles_go_back_to_rows_and_forth_to_folios(world: World, tmp_path: Path) -> None:
    publish_two_cycles(world, tmp_path / "in")
    assert world.json("verify")["clean"] is True
    # Manifests share the rolls of their weights until they are carried over (`test_weight_page_migration`).
    world.manage("migrate", "revshare", "0040")
    world.manage("migrate", "revshare")
    latest, setting, before = shape(world), set_up(world), read(world)
    assert len({(row[0], row[1]) for row in before[0]}) < len(before[0])  # statements of several lines
    assert {currency for (currency,) in world.rows("SELECT DISTINCT currency FROM ledger_folio")} == {
        "EUR",
        "JPY",
        "USD",
    }
    assert all(before)

    world.manage("migrate", "revshare", BEFORE)
    assert (kind_of(world, "ledger_entry"), kind_of(world, "ledger_folio")) == ("p", "")
    assert read(world) == before
    cycles = {row[0] for row in before[0]}
    assert all(
        any(f"ledger_entry_{cycle}_{name}" in line for line in set_up(world))
        for cycle in cycles
        for name in ("once", "number")
    )

    world.manage("migrate", "revshare")
    assert (kind_of(world, "ledger_entry"), kind_of(world, "ledger_folio")) == ("v", "p")
    assert read(world) == before
    assert shape(world) == latest
    assert set_up(world) ^ setting == set()
    _is_as_good_as_new(world)


def _is_as_good_as_new(world: World) -> None:
    """Rolls are several and in order, by what a folio is found by everything is found, and everybody has their rights."""
    rolls = world.rows("SELECT cycle_id, max(roll), count(*) FROM ledger_roll GROUP BY 1")
    assert len(rolls) == 2
    assert all(count == highest > 1 for _, highest, count in rolls)
    with world.connect_as_owner() as owner:
        for cycle_id, *_ in rolls:
            owner.execute("SELECT revshare_check_rolls(%s)", [cycle_id])
    assert world.json("verify")["clean"] is True
    url = world.database_url.replace("//revshare@", "//revshare_auditor@")
    with psycopg.connect(url) as auditor:
        assert auditor.execute("SELECT count(*) FROM audit.statement_line").fetchone() != (0,)
