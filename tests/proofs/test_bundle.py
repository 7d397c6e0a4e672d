"""The audit bundle: the same bytes each time, computed again by its own program, and what is changed in it is seen."""

import csv
import hashlib
import io
import json
import subprocess
import sys
import zipfile
from collections.abc import Callable
from pathlib import Path

import pytest

from revshare.errors import NotFound
from revshare.policies.operations import register
from revshare.proofs.bundle import write_bundle
from revshare.proofs.operations import commit
from tests.conftest import ROOT
from tests.proofs.test_operations import published
from tests.stories import Story

__all__ = ["published"]
pytestmark = pytest.mark.django_db
TOOL = ROOT / "tools" / "check_bundle.py"


def bundled(story: Story, key: str, path: Path) -> Path:
    commit(key=key, act=story.act())
    write_bundle(key=key, target=path)
    return path


def checked(path: Path, program: Path = TOOL) -> tuple[int, str]:
    done = subprocess.run([sys.executable, "-I", program, path], text=True, capture_output=True)
    return done.returncode, done.stdout + done.stderr


@pytest.mark.parametrize("key", ["jan", "feb"])
def test_its_own_program_computes_the_cycle_again(published: Story, tmp_path: Path, key: str) -> None:
    path = bundled(published, key, tmp_path / "bundle.zip")
    with zipfile.ZipFile(path) as bundle:
        bundle.extract("check_bundle.py", tmp_path)
    status, said = checked(path, tmp_path / "check_bundle.py")
    assert status == 0, said
    assert "sales come to them" in said
    assert "Not computed again" not in said


def test_the_same_cycle_gives_the_same_bytes(published: Story, tmp_path: Path) -> None:
    one, two = (bundled(published, "jan", tmp_path / name).read_bytes() for name in ("one", "two"))
    assert one == two


def test_a_cycle_that_is_not_committed_has_none(published: Story, tmp_path: Path) -> None:
    with pytest.raises(NotFound):
        write_bundle(key="jan", target=tmp_path / "bundle.zip")
    assert not list(tmp_path.glob("bundle*"))


def test_what_it_cannot_compute_again_it_says(story: Story, tmp_path: Path) -> None:
    """A policy of several rules, with a cap, held money, commons and an unknown model."""
    story.models(("m", "ds@1"))
    header = ("dataset_version", "asset_id", "contributor_id", "licence")
    story.take("attributions", header, [("ds@1", "a", "ann", ""), ("ds@1", "b", "ben", ""), ("ds@1", "c", "cy", "CC0")])
    text = (
        'name = "p"\nversion = "1"\n[streams.default]\ncontributor_share = "20%"\npooling = "per_model"\n'
        'allocation = "asset_count"\ncommons = "10%"\n[streams.download]\ncontributor_share = "50%"\npooling = "per_model"\n'
        'allocation = "asset_count"\ncap = "40%"\n'
    )
    story.policies["p"], _ = register(content=text.encode(), act=story.act())
    sales = ("sale_id", "sold_at", "stream", "model", "currency", "gross_amount")
    at = "2026-01-10T00:00:00Z"
    rows = [("s1", at, "generation", "m", "USD", "100.01"), ("s2", at, "download", "m", "USD", "50")]
    story.take("sales", sales, [*rows, ("s3", at, "generation", "x", "USD", "3")])
    story.publish("jan", "2026-01-01", "2026-02-01")
    status, said = checked(bundled(story, "jan", tmp_path / "bundle.zip"))
    assert status == 0, said
    assert "Not computed again: how sales come to pools" in said
    assert "Of 1 pools under a cap or a floor only the sums" in said


Change = Callable[[list[dict[str, str]]], None]


def _set(column: str, value: str, *, at: int = 0) -> Change:
    def change(rows: list[dict[str, str]]) -> None:
        assert rows[at][column] != value
        rows[at][column] = value

    return change


def _move_a_micro(rows: list[dict[str, str]]) -> None:
    """From one contributor to another, in the same pool."""
    pool = rows[0]["pool_id"]
    first, second = [row for row in rows if row["pool_id"] == pool][:2]
    first["amount_micros"] = str(int(first["amount_micros"]) + 1)
    second["amount_micros"] = str(int(second["amount_micros"]) - 1)


DEFECTS: dict[str, tuple[str, Change, str]] = {
    "a sale is larger": ("sales.csv", _set("gross", "1"), "the sales of pool"),
    "a sale is gone": ("sales.csv", lambda rows: rows.pop(), "the sales of pool"),
    "a pool shares less": ("pools.csv", _set("distributable_micros", "1"), "does not conserve"),
    "a micro goes to another": ("entries.csv", _move_a_micro, "do not come to what was earned"),
    "an entry is gone": ("entries.csv", lambda rows: rows.pop(), "are not its entry for them"),
    "a statement says more": ("statements.csv", _set("closing_micros", "1"), "does not add up"),
    "a statement is another's": ("statements.csv", _set("contributor_id", "zoe"), "are not its entry for them"),
    "a movement is gone": ("movements.csv", lambda rows: rows.pop(), "are not its entry for them"),
    "a statement has another number": ("statements.csv", _set("number", "feb-000000009"), "another root"),
    "a weight is another": ("weights.csv", _set("assets_ticks", "1"), "are not those of the datasets"),
    "a leg is larger": ("legs.csv", _set("amount_micros", "1"), "does not balance"),
    "a journal is by another": ("journals.csv", _set("created_by", "nobody", at=-1), "has another hash"),
    "a journal has another past": ("journals.csv", _set("prev_hash", "0" * 64, at=-1), "has another hash"),
}


def forged(path: Path, name: str, change: Change) -> None:
    """Changes a table, and the bundle's own hash of it."""
    with zipfile.ZipFile(path) as bundle:
        files = {item: bundle.read(item) for item in bundle.namelist()}
    reader = csv.DictReader(io.StringIO(files[name].decode(), newline=""))
    rows = list(reader)
    change(rows)
    text = io.StringIO(newline="")
    writer = csv.DictWriter(text, reader.fieldnames or [], lineterminator="\n")
    writer.writeheader()
    writer.writerows(rows)
    files[name] = text.getvalue().encode()
    facts = json.loads(files["bundle.json"])
    facts["files"][name] = hashlib.sha256(files[name]).hexdigest()
    files["bundle.json"] = json.dumps(facts).encode()
    with zipfile.ZipFile(path, "w") as bundle:
        for item, data in files.items():
            bundle.writestr(item, data)


@pytest.mark.parametrize("what", DEFECTS)
def test_what_was_changed_is_seen(published: Story, tmp_path: Path, what: str) -> None:
    path = bundled(published, "feb", tmp_path / "bundle.zip")
    name, change, words = DEFECTS[what]
    forged(path, name, change)
    status, said = checked(path)
    assert status == 1, said
    assert words in said


def test_other_bytes_are_seen(published: Story, tmp_path: Path) -> None:
    path = bundled(published, "jan", tmp_path / "bundle.zip")
    with zipfile.ZipFile(path, "a") as bundle:
        bundle.writestr("policy.toml", "")
    status, said = checked(path)
    assert status == 1
    assert "other bytes" in said
    path.write_bytes(b"no zip")
    assert checked(path)[0] == 2
