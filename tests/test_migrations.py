"""The way to the entries and back: free for an instance without cycles, refused where money would be lost."""

from pathlib import Path

import pytest

from tests.conftest import World
from tests.small import SIGNALS, publish_small_cycle, staff, take_folder_in

BEFORE = "0003"
REFUSED = "holds cycles of another version of revshare"
# Tables, columns, constraints, triggers and functions, but for what Django counts for itself.
SHAPE = (
    "SELECT table_schema || '.' || table_name, column_name, data_type, is_nullable FROM information_schema.columns "
    "WHERE table_schema IN ('public', 'audit')",
    "SELECT conrelid::regclass::text, conname, pg_get_constraintdef(oid) FROM pg_constraint "
    "WHERE connamespace = 'public'::regnamespace AND contype <> 't' AND contype <> 'n'",
    "SELECT tgrelid::regclass::text, tgname, tgenabled::text, tgfoid::regproc::text FROM pg_trigger WHERE NOT tgisinternal",
    "SELECT proname, prosrc FROM pg_proc WHERE pronamespace = 'public'::regnamespace AND starts_with(proname, 'revshare')",
    "SELECT schemaname || '.' || viewname, definition FROM pg_views WHERE schemaname IN ('public', 'audit')",
)  # fmt: skip


def shape(world: World) -> list[set[tuple[object, ...]]]:
    return [set(world.rows(query)) for query in SHAPE]


TABLES_BEFORE = {"public.manifests_weight", "public.allocation_allocation", "public.statements_statement"}


def test_an_instance_without_cycles_goes_back_and_forth(world: World) -> None:
    latest = shape(world)
    world.manage("migrate", "revshare", BEFORE)
    assert {name for name, *_ in shape(world)[0]} >= TABLES_BEFORE
    world.manage("migrate", "revshare")
    assert shape(world) == latest


@pytest.mark.long
@pytest.mark.parametrize("before", [BEFORE, "0036"])
def test_the_version_before_made_anew_is_what_the_way_back_made(world: World, before: str) -> None:
    latest = shape(world)
    world.manage("migrate", "revshare", before)
    back = shape(world)
    world.manage("migrate", "revshare", "zero")
    world.manage("migrate", "revshare", before)
    for app in ("admin", "account", "mfa", "usersessions"):
        world.manage("migrate", app)
    for rows, made in zip(back, shape(world), strict=True):
        assert rows - made == made - rows == set()
    world.manage("migrate", "revshare")
    assert shape(world) == latest


def test_a_published_cycle_is_not_lost_on_the_way_back(world: World, tmp_path: Path) -> None:
    publish_small_cycle(world, tmp_path / "in")
    sales, last = "SELECT to_jsonb(s) - 'part' - 'plan' FROM sales_sale s ORDER BY seq", "SELECT last_value FROM {}"
    stored = world.rows(sales)
    assert len(stored) == 3
    failed = world.manage("migrate", "revshare", BEFORE, ok=False)
    assert failed.returncode != 0
    assert REFUSED in failed.stderr
    with world.connect_as_owner() as owner:  # halfway, the application has no rights yet
        assert owner.execute(sales).fetchall() == stored
        assert owner.execute(last.format("sales_sale_seq_seq")).fetchone() == (4,)  # the next one
    world.manage("migrate", "revshare")
    assert world.rows(sales) == stored
    with world.connect_as_owner() as owner:
        assert owner.execute(last.format("sales_arrival")).fetchone() == (4,)
    assert world.json("verify")["clean"] is True


@pytest.mark.long
def test_rows_of_files_are_not_lost_on_the_way_back(world: World, tmp_path: Path) -> None:
    (tmp_path / "in").mkdir()
    (tmp_path / "in" / "rates.csv").write_text(SIGNALS["rates.csv"], encoding="utf-8")
    staff(world)
    take_folder_in(world, tmp_path / "in")
    failed = world.manage("migrate", "revshare", "0005", ok=False)
    assert failed.returncode != 0
    assert "which the version before cannot keep" in failed.stderr
    world.manage("migrate", "revshare")  # the steps that were taken before it was refused
    assert world.json("verify")["clean"] is True


@pytest.mark.long
def test_parts_of_the_version_before_are_not_carried_over(world: World) -> None:
    world.manage("migrate", "revshare", BEFORE)
    world.rows(
        "WITH f AS (INSERT INTO files_file (kind, sha256, name, size_bytes, format, rows_in, rows_accepted, rows_duplicate, "
        "rows_quarantined, unknown_columns, loaded_at, loaded_by) "
        "VALUES ('attributions', '', '', 0, 'csv', 1, 1, 0, 0, '[]', now(), 'olivia') RETURNING id) "
        "INSERT INTO manifests_part (file_id, parquet_sha256, rows) SELECT id, '', 1 FROM f RETURNING id"
    )
    failed = world.manage("migrate", "revshare", ok=False)
    assert failed.returncode != 0
    assert REFUSED in failed.stderr
