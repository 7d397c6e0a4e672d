"""The only door to bulk data: immutable Parquet files under their hash, read with DuckDB.

A file of the lake is there whole or not at all (`lake_storage`). Which files count is said by the database alone, so a
file left behind by a killed process means nothing and is written over.
"""

import contextlib
import fcntl
import os
import shutil
import tempfile
import threading
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import duckdb
from django.conf import settings
from django.db import connection

from revshare.bulk import BLOCK_BYTES, copied_out
from revshare.lake_cache import Cache, release
from revshare.lake_storage import SCHEME, Bucket, Folder, LakeDamaged, Storage, sha256_of

__all__ = ["LakeDamaged", "sha256_of"]  # of the storage, for those who use the lake


class _Open(threading.local):
    """How many DuckDB connections of this thread are open."""

    connections = 0


_open = _Open()


@contextlib.contextmanager
def spool() -> Iterator[Path]:
    """A scratch folder inside the instance, gone afterwards, locked while its process lives. What a killed process left
    is swept on the next call, or by `sweep_spool`."""
    root: Path = settings.REVSHARE_HOME / "spool"
    root.mkdir(parents=True, exist_ok=True)
    sweep_spool()
    draft = Path(tempfile.mkdtemp(prefix="new-", dir=root))
    descriptor = os.open(draft, os.O_RDONLY)
    fcntl.flock(descriptor, fcntl.LOCK_EX)
    # Only now under a name that is swept: of that name there is none without a lock but for the dead.
    folder = draft.rename(root / draft.name.replace("new", str(os.getpid()), 1))
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)
        os.close(descriptor)


def sweep_spool() -> None:
    """Removes scratch folders whose process is gone: nobody holds their lock, also where processes do not see each
    other (containers that share the instance's folder)."""
    for folder in (settings.REVSHARE_HOME / "spool").glob("[0-9]*-*"):
        with contextlib.suppress(OSError):
            descriptor = os.open(folder, os.O_RDONLY)
            try:
                fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
                shutil.rmtree(folder, ignore_errors=True)
            finally:
                os.close(descriptor)


@contextlib.contextmanager
def duck(scratch: Path, *, memory: str = "") -> Iterator[duckdb.DuckDBPyConnection]:
    """A DuckDB connection that spills to `scratch` beyond its memory limit (`memory`, or the setting). Paths are ours,
    never a user's text."""
    con = duckdb.connect(
        config={
            "memory_limit": memory or settings.REVSHARE_DUCKDB_MEMORY,
            "temp_directory": str(scratch / "spill"),
            "autoinstall_known_extensions": "false",
            "autoload_known_extensions": "false",
            **({"threads": str(settings.REVSHARE_DUCKDB_THREADS)} if settings.REVSHARE_DUCKDB_THREADS else {}),
        }
    )
    _open.connections += 1
    try:
        con.execute("SET TimeZone = 'UTC'")
        yield con
    finally:
        con.close()
        _open.connections -= 1
        if not _open.connections:
            release()


def literal(value: str | Path) -> str:
    """A string as an SQL literal, for the places where DuckDB takes no parameters."""
    return "'" + str(value).replace("'", "''") + "'"


def keep(draft: Path, kind: str, digest: str = "") -> str:
    """Moves a finished Parquet file into the lake under its own hash and returns that hash (hex SHA-256). `digest`: the
    hash, if it is known."""
    digest = digest or sha256_of(draft)
    storage().keep(draft, kind, digest)
    return digest


def written_hash(draft: Path) -> str:
    """The hash of a finished file, whose bytes are on the disk now: so to `keep` it takes no time."""
    digest = sha256_of(draft)
    with draft.open("rb") as file:
        os.fsync(file.fileno())
    return digest


def part(kind: str, digest: str) -> Path:
    """Where a file of the lake can be read, until the thread's last DuckDB connection is closed. Raises LakeDamaged if
    it is gone."""
    return storage().path(kind, digest)


def check_part(kind: str, digest: str) -> None:
    """Raises LakeDamaged unless the file has the bytes that its name says."""
    storage().check(kind, digest)


def storage() -> Storage:
    """Where the files lie, by the settings."""
    place = settings.REVSHARE_LAKE or str(settings.REVSHARE_HOME / "lake")
    if not place.startswith(SCHEME):
        return Folder(Path(place))
    cache = Cache(settings.REVSHARE_HOME / "lake-cache", settings.REVSHARE_LAKE_CACHE_BYTES)
    return Bucket(place, settings.REVSHARE_LAKE_ENDPOINT, cache)


def copy_in(con: duckdb.DuckDBPyConnection, query: str, *, table: str, columns: str) -> int:
    """Moves the rows of a DuckDB query into a PostgreSQL table by COPY; returns how many. NULL and '' stay apart.

    Through a pipe, so that one side writes while the other reads, and nothing is kept in between.
    """
    source, sink = os.pipe()
    with contextlib.suppress(OSError):  # a smaller pipe is only slower
        fcntl.fcntl(source, fcntl.F_SETPIPE_SZ, BLOCK_BYTES)

    def write() -> None:
        try:
            con.execute(f"COPY ({query}) TO '/dev/fd/{sink}' (FORMAT csv, HEADER false, NULLSTR '\\N', FORCE_QUOTE *)")
        finally:
            os.close(sink)

    with ThreadPoolExecutor(1) as pool, os.fdopen(source, "rb", buffering=0) as file, connection.cursor() as cursor:
        with cursor.copy(f"COPY {table} ({columns}) FROM STDIN (FORMAT csv, NULL '\\N')") as copy:
            written = pool.submit(write)
            try:
                while block := file.read(BLOCK_BYTES):
                    copy.write(block)
            except BaseException:
                file.close()  # the writer must not wait for us
                raise
            written.result()  # raises here, before COPY is told that this was all
        return int(cursor.rowcount)


def copy_out(query: str, draft: Path, params: Sequence[Any] = ()) -> None:
    """Streams the rows of a PostgreSQL query into a CSV file for DuckDB (`csv_scan`). NULL as bare \\N."""
    # Closed at once: while rows are on their way, a transaction that a full disk ends could not be rolled back.
    rest = copied_out(query, params, options=", NULL '\\N', FORCE_QUOTE *")
    with draft.open("wb") as file, contextlib.closing(rest) as blocks:
        for rows in blocks:
            file.write(rows.data)


def csv_scan(draft: Path, columns: dict[str, str]) -> str:
    """The FROM clause that reads what `copy_out` wrote. `columns`: name to DuckDB type, in order."""
    names = ", ".join(f"{literal(name)}: {literal(kind)}" for name, kind in columns.items())
    return (
        f"read_csv({literal(draft)}, auto_detect=false, header=false, delim=',', quote='\"', escape='\"', "
        f"nullstr='\\N', allow_quoted_nulls=false, columns={{{names}}}, max_line_size=8000000)"
    )
