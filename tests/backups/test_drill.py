"""The drill: back up, go on, lose everything, restore, be refused, reconcile, do again what is to be done again."""

import json
import shutil
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psycopg
import pytest

from tests.conftest import World, new_world


def step(world: World, call: str) -> dict[str, Any]:
    done = world.manage("shell", "--no-imports", "-c", f"from tests.backups import steps; steps.{call}")
    lines = done.stdout.strip().splitlines()
    return json.loads(lines[-1]) if lines else {}


@pytest.fixture
def other(_template: str, tmp_path: Path) -> Iterator[World]:
    """Another instance, with nothing in it."""
    with new_world(_template, tmp_path / "other") as made:
        yield made


@pytest.mark.timeout(600)
def test_what_was_lost_is_done_again_and_comes_to_the_same(world: World, other: World, tmp_path: Path) -> None:
    backup, kept = tmp_path / "backup", tmp_path / "kept"
    step(world, "june()")
    more = "contributor_id,contributor_name\n" + "".join(f"more-{n},More {n}\n" for n in range(20_000))
    (world.home / "more.csv").write_text(more)
    at_work = world.start(sys.executable, "manage.py", "ingest", "contributors", str(world.home / "more.csv"))
    taken = world.json("backup", backup)
    assert at_work.wait(120) == 0
    july = step(world, "july()")
    paid = step(world, "paid()")
    assert july["cycles"][0][:2] == ["july", "published"]
    shutil.copy(world.home / "published_head", kept)
    signing_key = (world.home / "signing_key").read_bytes()
    assert signing_key.strip() not in b"".join(path.read_bytes() for path in backup.rglob("*") if path.is_file())
    # The first is lost.
    world = other
    done = world.json("restore", backup)
    assert (done["sha256"], done["reconciled"]) == (taken["sha256"], False)
    (world.home / "signing_key").write_bytes(signing_key)
    assert world.manage("restore", backup, ok=False).stderr.startswith("This instance is not empty")
    # Nothing is published or paid, whoever asks, until somebody says what was published last.
    for said in step(world, "refused()").values():
        assert "manage.py reconcile --head" in said
    with pytest.raises(psycopg.errors.RestrictViolation, match="not reconciled"):
        world.rows("UPDATE cycles_cycle SET state = 'published' WHERE key = 'july'")
    first = world.manage("reconcile", "--head", kept, ok=False)
    assert first.returncode == 1
    assert "Cycle july was published with the result" in first.stdout
    assert "Batch 1" in first.stdout
    # What it names, and only that, may be done again.
    assert step(world, "july()")["cycles"] == july["cycles"]
    assert world.manage("reconcile", "--head", kept, ok=False).returncode == 1
    assert step(world, "paid()") == paid
    assert world.json("reconcile", "--head", kept) == {"reconciled": True}
    assert world.json("verify")["clean"] is True
    assert (world.home / "published_head").read_text().count("\ncycle\t") == 2
