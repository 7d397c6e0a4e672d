"""Frozen manifests go back to the version that had a row for each weight, and forth into pages: nothing is lost."""

from pathlib import Path
from typing import Any

from tests.conftest import World
from tests.small import staff, write_files
from tests.test_folio_migration import kind_of, set_up
from tests.test_migrations import shape

BEFORE = "0040"
MANY = [f"c{number:03}" for number in range(300)]  # of more than one roll, however it is filled
FILES = {
    "contributors": "contributor_id,contributor_name\n" + "".join(f"{name},\n" for name in (*MANY, "ann", "мира", "zoe")),
    "models": "model,dataset_version\nm,ds@1\nn,ds@2\no,ds@3\n",
    "attributions": "dataset_version,asset_id,contributor_id,weight\n"
    + "".join(f"ds@{1 + number % 2},{number},{name},\n" for number, name in enumerate(MANY))
    + "ds@1,a,ann,\nds@1,b,мира,2.5\nds@1,c,ann,0.000001\nds@2,b,ann,\nds@2,c,мира,\nds@3,d,ann,3\nds@3,e,zoe,\n",
    "sales": "sale_id,sold_at,stream,model,currency,gross_amount\n"
    + "".join(
        f"{month}{model},2026-0{month}-10T00:00:00Z,generation,{model},USD,100.01\n"
        for month, models in ((6, "mn"), (7, "mo")) for model in models
    ),
}  # fmt: skip
READ = (
    "SELECT to_jsonb(w) - 'rolls_of' - 'roll' FROM manifests_weight w ORDER BY id",
    "SELECT * FROM audit.weight ORDER BY manifest_id, contributor_id",
)


def read(world: World) -> list[list[tuple[Any, ...]]]:
    with world.connect_as_owner() as owner:  # at another version the application has no rights yet
        return [owner.execute(query).fetchall() for query in READ]


def test_frozen_manifests_go_back_to_rows_and_forth_to_pages(world: World, tmp_path: Path) -> None:
    """Two that were frozen together, of which one has weights of its own, and one later."""
    staff(world)
    people = ("--timezone", "UTC", "--policy", "p", "--prepared-by", "olivia", "--approved-by", "adam")
    files = write_files(tmp_path / "in", **FILES)
    world.json("run_cycle", "june", "--start", "2026-06-01", "--end", "2026-07-01", *people, "--from", files)
    # Its review finds it unusual; the manifest is frozen all the same.
    world.manage("run_cycle", "july", "--start", "2026-07-01", "--end", "2026-08-01", *people, ok=False)
    assert world.rows("SELECT DISTINCT rolls_of, manifest_id FROM manifests_weight ORDER BY 2") == [
        (1, 1),
        (1, 2),
        (3, 3),
    ]
    assert world.rows("SELECT count(*) FROM manifests_weight WHERE weight_ticks <> assets_ticks") == [(3,)]
    before, earlier = read(world), ([], set[str]())
    assert all(before)
    for turn in range(2):  # the first time each manifest gets rolls of its own
        world.manage("migrate", "revshare", BEFORE)
        assert (kind_of(world, "manifests_weight_row"), kind_of(world, "manifests_weight_page")) == ("p", "")
        assert read(world) == before
        assert all(any(f"manifests_weight_row_{n}_by" in line for line in set_up(world)) for n in (1, 2, 3))
        world.manage("migrate", "revshare")
        assert (kind_of(world, "manifests_weight_row"), kind_of(world, "manifests_weight_page")) == ("", "p")
        assert read(world) == before
        now = (shape(world), set_up(world))
        assert turn == 0 or now == earlier
        earlier = now
        assert world.json("verify")["clean"] is True
    _is_as_good_as_new(world)


def _is_as_good_as_new(world: World) -> None:
    """Rolls are several and in order, and pages are what the manifests say."""
    assert world.rows("SELECT rolls_of, max(roll), count(*) FROM manifests_roll GROUP BY 1 ORDER BY 1") == [
        (1, 2, 2), (2, 2, 2), (3, 1, 1),
    ]  # fmt: skip
    with world.connect_as_owner() as owner:
        for number in (1, 2, 3):
            owner.execute("SELECT revshare_check_weight_rolls('manifests_roll_' || %s)", [number])
            owner.execute("SELECT revshare_check_weights(%s)", [number])
