"""The way to the entries and back: free for an instance without cycles, refused where money would be lost."""

from pathlib import Path

import pytest

from tests.conftest import World
from tests.small import publish_small_cycle

BEFORE, LATEST = "0003", "0004"
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


def test_an_instance_without_cycles_goes_back_and_forth(world: World) -> None:
    latest = shape(world)
    world.manage("migrate", "revshare", BEFORE)
    back = shape(world)
    tables = {name for name, *_ in back[0]}
    assert {"public.manifests_weight", "public.allocation_allocation", "public.statements_statement"} <= tables
    world.manage("migrate", "revshare", LATEST)
    assert shape(world) == latest
    # Made anew and never taken further, the version before is the same as the way back made it.
    world.manage("migrate", "revshare", "zero")
    world.manage("migrate", "revshare", BEFORE)
    for app in ("authtoken", "admin"):
        world.manage("migrate", app)
    for rows, made in zip(back, shape(world), strict=True):
        assert rows - made == made - rows == set()


def test_a_published_cycle_is_not_lost_on_the_way_back(world: World, tmp_path: Path) -> None:
    publish_small_cycle(world, tmp_path / "in")
    failed = world.manage("migrate", "revshare", BEFORE, ok=False)
    assert failed.returncode != 0
    assert REFUSED in failed.stderr
    assert world.json("verify")["clean"] is True


@pytest.mark.parametrize("frozen", [True, False])
def test_cycles_of_the_version_before_are_not_carried_over(world: World, frozen: bool) -> None:
    """A manifest that is not frozen has no weights yet: its parts in the lake are all there is, and stay."""
    world.manage("migrate", "revshare", BEFORE)
    world.rows(
        "INSERT INTO manifests_manifest (dataset_version, frozen_at, sha256, assets, records, contributors, assets_ticks) "
        "VALUES ('v', %s, %s, 0, 0, 0, 0) RETURNING id", "2026-06-30" if frozen else None, "0" * 64 if frozen else "",
    )  # fmt: skip
    done = world.manage("migrate", "revshare", LATEST, ok=False)
    assert (done.returncode != 0) is frozen
    assert (REFUSED in done.stderr) is frozen
