"""Puts a backup into an empty instance, whole or not at all; the instance is closed afterwards (`continuity`)."""

import shutil
import subprocess
from datetime import datetime
from pathlib import Path

from django.conf import settings
from django.db import connection
from django.db.migrations.loader import MigrationLoader

from config.ownership import as_owner
from revshare.audit_trail.models import Event
from revshare.backups.programs import ProgramFailed, environment, folder
from revshare.backups.rules import BackupDamaged, Manifest, read_manifest
from revshare.backups.taking import DATABASE, EXCHANGE, LAKE, MANIFEST
from revshare.errors import Conflict, Refused
from revshare.lake import keep, literal, sha256_of, spool
from revshare.progress import Progress, no_progress

# In the transaction that brings the data: what is empty makes room, and what came is closed before anybody sees it. The
# COMMIT is part of the text, so that a text that was cut off is rolled back.
BEFORE = """
BEGIN;
DO $$ BEGIN
    IF to_regclass('public.audit_event') IS NOT NULL THEN  -- else the next line could not be read
        IF EXISTS (SELECT FROM public.audit_event) THEN
            RAISE EXCEPTION 'this instance is not empty';
        END IF;
    END IF;
END $$;
DROP SCHEMA IF EXISTS audit CASCADE;
DROP SCHEMA public CASCADE;
CREATE SCHEMA public;
GRANT USAGE ON SCHEMA public TO PUBLIC;
"""
AFTER = """
INSERT INTO public.continuity_restoration (backup_sha256, restored_at, restored_by, expected, reconciled_by)
VALUES ({sha256}, {at}, {by}, '{{}}', '');
COMMIT;
"""


def restore(*, source: Path, by: str, at: datetime, progress: Progress = no_progress) -> Manifest:
    """Verifies a backup, brings its files and then its database. Raises BackupDamaged, Conflict if the instance is not
    empty, Refused."""
    manifest = check(source, progress=progress)
    unknown = set(manifest.migrations) - {f"{app}.{name}" for app, name in MigrationLoader(None).disk_migrations}
    if unknown:
        raise Refused(
            f"The backup was made by a version that knows {sorted(unknown)[0]}: restore it with that version."
        )
    if not _is_empty():
        raise Conflict("This instance is not empty: restore into a new one (another REVSHARE_HOME or DATABASE_URL).")
    try:
        _bring_files(source, manifest, progress)
        progress("database", 0, 0)
        _bring_database(source / DATABASE, manifest, by, at)
    except OSError as error:
        raise Refused(f"The backup cannot be brought in: {error}. Mend that and run it again.") from None
    return manifest


def _is_empty() -> bool:
    """Whether nothing has happened in this database; one without tables may become an instance by this restore."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT to_regclass('public.audit_event') IS NULL")
        bare = cursor.fetchone() == (True,)
    return bare or not Event.objects.exists()


def check(source: Path, *, progress: Progress = no_progress) -> Manifest:
    """The manifest of a backup whose files all have the bytes that it names. Raises BackupDamaged."""
    try:
        manifest = read_manifest((source / MANIFEST).read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError):
        raise BackupDamaged(f"{source} is no backup: it has no {MANIFEST}, which is written last.") from None
    for done, (name, (size, digest)) in enumerate(manifest.files.items()):
        progress("check", done, len(manifest.files))
        path = source / name
        if not path.is_file() or path.stat().st_size != size or sha256_of(path) != digest:
            raise BackupDamaged(f"{path} is missing or has other bytes than were backed up: use another backup.")
    return manifest


def _bring_files(source: Path, manifest: Manifest, progress: Progress) -> None:
    exchange = Path(settings.REVSHARE_HOME) / EXCHANGE
    exchange.mkdir(parents=True, exist_ok=True)
    with spool() as scratch:
        for done, name in enumerate(manifest.files):
            progress("files", done, len(manifest.files))
            draft = scratch / "file"
            match Path(name).parts:
                case (str(top), str(kind), _) if top == LAKE:
                    keep(Path(shutil.copyfile(source / name, draft)), kind)
                case (str(top), str(digest)) if top == EXCHANGE:
                    Path(shutil.copyfile(source / name, draft)).replace(exchange / digest)


def _bring_database(dump: Path, manifest: Manifest, by: str, at: datetime) -> None:
    """One transaction from the first table to the mark that nothing is reconciled; by the owner of the tables, whose
    rights and the others' `migrate` gives afterwards."""
    programs = folder()
    with as_owner():
        owner = environment()
    mark = AFTER.format(sha256=literal(manifest.sha256), at=literal(at.isoformat()), by=literal(by))
    connection.close()  # it would wait for itself
    with spool() as scratch:
        said = {name: scratch / f"{name}.log" for name in ("pg_restore", "psql")}
        with said["pg_restore"].open("wb") as left, said["psql"].open("wb") as right:
            out = subprocess.Popen(
                [programs / "pg_restore", "--no-owner", "--no-privileges", "--file=-", dump],
                stdout=subprocess.PIPE,
                stderr=left,
            )
            into = subprocess.Popen(
                [programs / "psql", "--no-psqlrc", "--quiet", "--no-password", "--set=ON_ERROR_STOP=1"],
                env=owner, stdin=subprocess.PIPE, stdout=subprocess.DEVNULL, stderr=right,
            )  # fmt: skip
        _feed(out, into, mark)
        for name, process in (("psql", into), ("pg_restore", out)):
            if process.returncode:
                words = " ".join(said[name].read_text(errors="replace").split())[-600:]
                raise ProgramFailed(f"{name} failed, and nothing was brought into the database: {words}")


def _feed(out: "subprocess.Popen[bytes]", into: "subprocess.Popen[bytes]", mark: str) -> None:
    """What is read out goes in between the two texts of ours; if reading ends badly, the second never follows."""
    assert out.stdout
    assert into.stdin
    try:
        into.stdin.write(BEFORE.encode())
        shutil.copyfileobj(out.stdout, into.stdin, 1 << 20)
        if out.wait():
            into.kill()
        into.stdin.write(mark.encode())
        into.stdin.close()
    except BrokenPipeError:
        out.kill()
        out.wait()
    finally:
        into.wait()
