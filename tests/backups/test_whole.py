"""A backup is whole or it is none: half ones, changed ones and ones that end in the middle are refused and leave
nothing."""

import json
import shutil
from pathlib import Path
from typing import Any

import pytest

from revshare.backups.restoring import check
from revshare.backups.rules import BackupDamaged, Manifest, read_manifest
from revshare.backups.taking import DATABASE, MANIFEST
from revshare.lake import sha256_of
from tests.conftest import World, new_world


@pytest.fixture(scope="module")
def backup(module_world: World, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Of an instance with a little in its database and its lake."""
    folder = tmp_path_factory.mktemp("backups") / "one"
    (module_world.home / "in.csv").write_text("dataset_version,asset_id,contributor_id\nds@1,1,ann\n")
    module_world.manage("ingest", "attributions", module_world.home / "in.csv")
    module_world.manage("backup", folder)
    return folder


@pytest.fixture
def copy(backup: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(backup, tmp_path / "copy"))


def test_a_backup_names_all_its_files(backup: Path) -> None:
    manifest = check(backup)
    found = {str(path.relative_to(backup)) for path in backup.rglob("*") if path.is_file()}
    assert found == {*manifest.files, MANIFEST}
    assert any(name.startswith("lake/") for name in manifest.files)
    assert not backup.with_name("one.partial").exists()


def test_a_half_or_changed_backup_is_refused(copy: Path) -> None:
    lost = next(copy.glob("lake/*/*.parquet"))
    whole = lost.read_bytes()
    lost.write_bytes(whole[:-1] + b"?")
    with pytest.raises(BackupDamaged, match=lost.name):
        check(copy)
    lost.unlink()
    with pytest.raises(BackupDamaged, match=lost.name):
        check(copy)
    lost.write_bytes(whole)
    assert check(copy)
    (copy / MANIFEST).rename(copy / "other")
    with pytest.raises(BackupDamaged, match="written last"):
        check(copy)


@pytest.mark.parametrize(
    "change", [{"event": [99, "0" * 64]}, {"format": "revshare backup 2"}, {"files": {}}, {"sha256": "0" * 64}]
)
def test_a_manifest_that_was_changed_is_refused(copy: Path, change: dict[str, Any]) -> None:
    body = json.loads((copy / MANIFEST).read_text())
    with pytest.raises(BackupDamaged):
        read_manifest(json.dumps(body | change))


def test_a_database_that_ends_in_the_middle_leaves_the_instance_empty(copy: Path, world: World) -> None:
    """Its hash is made right, so that only PostgreSQL's own program can tell."""
    dump, manifest = copy / DATABASE, check(copy)
    dump.write_bytes(dump.read_bytes()[: dump.stat().st_size * 2 // 3])
    files = manifest.files | {DATABASE: [dump.stat().st_size, sha256_of(dump)]}
    changed = Manifest(**{**vars(manifest), "files": files})
    (copy / MANIFEST).write_text(changed.text())
    done = world.manage("restore", copy, ok=False)
    assert done.returncode == 1
    assert "nothing was brought into the database" in done.stderr
    assert world.rows("SELECT (SELECT count(*) FROM audit_event), (SELECT count(*) FROM continuity_restoration)") == [
        (0, 0)
    ]


def test_a_folder_that_is_there_is_not_written_over(backup: Path, module_world: World) -> None:
    before = (backup / MANIFEST).read_bytes()
    assert module_world.manage("backup", backup, ok=False).returncode == 1
    assert (backup / MANIFEST).read_bytes() == before


def test_it_comes_into_a_database_without_tables(backup: Path, tmp_path: Path) -> None:
    """A server of one's own: nobody has migrated, and nobody needs to."""
    with new_world("template0", tmp_path / "bare") as bare:
        assert bare.rows("SELECT to_regclass('public.audit_event')") == [(None,)]
        assert bare.json("restore", backup)["reconciled"] is False
        assert bare.rows("SELECT kind, rows_accepted FROM files_file") == [("attributions", 1)]
        again = bare.manage("restore", backup, ok=False)
        assert again.stderr.startswith("This instance is not empty")
