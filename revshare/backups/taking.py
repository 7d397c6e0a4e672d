"""Takes a backup while work goes on: the database as of one instant, and every file that it could name."""

import fcntl
import hashlib
import os
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path

from django.conf import settings
from django.db import connection, transaction
from django.db.migrations.recorder import MigrationRecorder

from config.ownership import as_owner
from revshare.backups.programs import ended, environment, folder
from revshare.backups.rules import Manifest
from revshare.continuity.queries import head_here
from revshare.errors import Refused
from revshare.lake import sha256_of, storage
from revshare.lake_cache import release
from revshare.progress import Progress, no_progress
from revshare.proofs.models import Commitment

DATABASE, MANIFEST, LAKE, EXCHANGE = "database.dump", "manifest.json", "lake", "exchange"
BLOCK_BYTES = 8 << 20


def take(*, target: Path, made_at: datetime, progress: Progress = no_progress) -> Manifest:
    """Writes a backup as the folder `target`, which must not be there: it appears under that name when it is whole.

    Files of a lake never change and none goes away, so those copied after the database's instant are all that it names.
    What a backup that was cut off had copied is used again. Raises Refused.
    """
    if target.exists():
        raise Refused(f"{target} is there already: give every backup a folder of its own.")
    draft = target.with_name(f"{target.name}.partial")
    try:
        draft.mkdir(parents=True, exist_ok=True)
        with _alone(draft):
            (draft / MANIFEST).unlink(missing_ok=True)
            progress("database", 0, 0)
            migrations, event, journal, key = _dumped(draft / DATABASE)
            files = {DATABASE: _facts(draft / DATABASE)}
            for done, (name, source) in enumerate(_sources()):
                progress("files", done, 0)
                files[name] = _copied(source, draft / name)
                release()
            manifest = Manifest(made_at.isoformat(), migrations, event, journal, key, files)
            (draft / MANIFEST).write_text(manifest.text(), encoding="utf-8")
            _flush(draft / MANIFEST)
            _flush(draft)
            draft.rename(target)
            _flush(target.parent)
    except OSError as error:
        raise Refused(f"The backup cannot be written to {draft}: {error.strerror}. Run it again to go on.") from None
    return manifest


@contextmanager
def _alone(draft: Path) -> Iterator[None]:
    descriptor = os.open(draft, os.O_RDONLY)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        yield
    except BlockingIOError:
        raise Refused(f"Somebody is writing a backup to {draft} already.") from None
    finally:
        os.close(descriptor)


def _dumped(target: Path) -> tuple[list[str], list[object] | None, list[object] | None, str]:
    """Writes the database as of now; returns what else is true of that instant."""
    errors = target.with_name("pg_dump.log")
    with as_owner():  # who alone reads all there is
        owner = environment()
    with transaction.atomic():
        with connection.cursor() as cursor:
            cursor.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ, READ ONLY")
            cursor.execute("SELECT pg_export_snapshot()")
            (snapshot,) = cursor.fetchone()
        command = [str(folder() / "pg_dump"), "--format=custom", "--no-password"]
        command += [f"--snapshot={snapshot}", f"--file={target}"]
        with errors.open("wb") as said:
            process = subprocess.Popen(command, env=owner, stdin=subprocess.DEVNULL, stderr=said)
        head = head_here()
        migrations = sorted(f"{app}.{name}" for app, name in MigrationRecorder(connection).applied_migrations())
        key = Commitment.objects.order_by("-pk").values_list("public_key", flat=True).first()
        ended(process, errors, "pg_dump")  # the instant is held until here
    errors.unlink()
    _flush(target)
    return migrations, head.event and [*head.event], head.journal and [*head.journal], key or ""


def _sources() -> Iterator[tuple[str, Path]]:
    """What is copied: its path in the backup, and where it can be read."""
    lake = storage()
    for kind, digest in lake.names():
        yield f"{LAKE}/{kind}/{digest}.parquet", lake.path(kind, digest)
    for path in sorted((Path(settings.REVSHARE_HOME) / EXCHANGE).glob("*")):
        if len(path.name) == hashlib.sha256().digest_size * 2:  # others are still coming in
            yield f"{EXCHANGE}/{path.name}", path


def _copied(source: Path, target: Path) -> list[object]:
    """Copies a file that has its hash for a name, unless it was copied before. Raises Refused if it has other bytes."""
    digest = target.name.partition(".")[0]
    if not target.exists() or sha256_of(target) != digest:
        target.parent.mkdir(parents=True, exist_ok=True)
        with source.open("rb") as read, target.open("wb") as written:
            while block := read.read(BLOCK_BYTES):
                written.write(block)
        if sha256_of(target) != digest:
            target.unlink()
            raise Refused(f"{source} has been changed: mend it from an older backup (`verify` names what is wrong).")
        _flush(target)
    return [target.stat().st_size, digest]


def _facts(path: Path) -> list[object]:
    return [path.stat().st_size, sha256_of(path)]


def _flush(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
