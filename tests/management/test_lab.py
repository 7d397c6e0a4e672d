"""`lab` and `policy show` as others rely on them: on a cycle that is still open, in a real process."""

from pathlib import Path
from typing import Any

import pytest

from tests.conftest import World
from tests.small import staff, take_folder_in, write_files

DRAFT = (
    'name = "half"\nversion = "1"\n[streams.default]\ncontributor_share = "50%"\npooling = "per_model"\n'
    'allocation = "asset_count"\n'
)


@pytest.fixture(scope="module")
def shop(module_world: World, tmp_path_factory: pytest.TempPathFactory) -> World:
    """A cycle `june` is open: Ann holds three of four assets, Ben one; 100 USD of sales, 20% shared."""
    staff(module_world)
    folder = write_files(tmp_path_factory.mktemp("in"))
    take_folder_in(module_world, folder)
    module_world.manage("register_policy", folder / "policy.toml")
    module_world.manage(
        "cycle", "open", "june", "--start", "2026-06-01", "--end", "2026-07-01", "--timezone", "UTC", "--policy", "p"
    )
    return module_world


def refusal(world: World, *args: str | Path) -> str:
    done = world.manage(*args, ok=False)
    assert done.returncode == 1, (done.stdout, done.stderr)
    assert "Traceback" not in done.stderr
    return done.stderr


def test_a_draft_is_tried_beside_the_cycles_own_policy(shop: World, tmp_path: Path) -> None:
    draft, out = tmp_path / "half.toml", tmp_path / "out.csv"
    draft.write_text(DRAFT)
    result: dict[str, Any] = shop.json("lab", "june", "--policy", draft, "--out", out)
    assert out.read_text() == (
        "contributor_id,currency,p@1_micros,half@1_micros,difference_micros\n"
        "ann,USD,15000000,37500000,22500000\nben,USD,5000000,12500000,7500000\n"
    )
    assert [(p["name"], p["registered"]) for p in result["policies"]] == [("p@1", True), ("half@1", False)]
    own, half = result["currencies"]["USD"]
    assert (own["total_micros"], own["platform_micros"], own["shift"]) == (20_000_000, 80_000_000, None)
    assert (half["total_micros"], half["platform_micros"]) == (50_000_000, 50_000_000)
    assert half["shift"] == {
        "winners": 2, "losers": 0, "unchanged": 0, "gained_micros": 30_000_000, "lost_micros": 0,
    }  # fmt: skip
    assert half["gains"][0] == {
        "contributor_id": "ann", "name": "Ann", "before_micros": 15_000_000, "after_micros": 37_500_000,
        "difference_micros": 22_500_000,
    }  # fmt: skip
    assert shop.rows("SELECT state, upto_seq FROM cycles_cycle") == [("open", None)]
    assert shop.rows("SELECT frozen_at FROM manifests_manifest") == [(None,)]
    assert shop.rows("SELECT count(*) FROM policies_policy") == [(1,)]


def test_people_read_it_as_a_table(shop: World, tmp_path: Path) -> None:
    (tmp_path / "half.toml").write_text(DRAFT)
    text = shop.manage("lab", "june", "--policy", tmp_path / "half.toml").stdout
    lines = [" ".join(line.split()) for line in text.splitlines()]
    assert "USD p@1 half@1" in lines
    assert "to contributors 20.00 50.00" in lines
    assert "winners 2" in lines
    assert "Ann (ann): 15.00 to 37.50 USD (+22.50)" in lines
    assert any(line.startswith("half@1: a draft, not registered, SHA-256 ") for line in lines)
    assert any("Contributors get 50% of sales less refunds." in line for line in lines)


@pytest.mark.parametrize(
    ("args", "said"),
    [
        (("lab", "nowhere"), "no cycle 'nowhere'"),
        (("lab", "june", "--policy", "q"), "no policy 'q'. Registered: p@1"),
        (("lab", "june", "--policy", "p"), "p@1 is there twice"),
        (("lab", "june", "--policy", "/nowhere.toml"), "Cannot read /nowhere.toml"),
        (("lab", "june", "--out", "/nowhere/x.csv"), "Cannot write /nowhere/x.csv"),
        (("policy", "show", "q"), "no policy 'q'"),
    ],
)
def test_a_refusal_is_a_sentence_and_exit_1(shop: World, args: tuple[str, ...], said: str) -> None:
    assert said in refusal(shop, *args)


def test_a_policy_is_shown_in_plain_language_with_its_hash(shop: World) -> None:
    ((digest,),) = shop.rows("SELECT sha256 FROM policies_policy")
    result = shop.json("policy", "show", "p")
    assert (result["name"], result["version"], result["sha256"]) == ("p", "1", digest)
    assert result["sentences"]["default"][0] == "Contributors get 20% of sales less refunds."
    text = shop.manage("policy", "show", "p@1").stdout
    assert digest in text
    assert "There is a pool for each model or dataset version: each asset counts the same." in text
    assert "Assets made by a machine earn nothing." in text
