"""One migrated database for all processes of a test run: to migrate takes seconds, to copy takes a moment."""

import fcntl
import os
import subprocess
import sys
import time
from functools import cache
from pathlib import Path

import psycopg
from psycopg.sql import SQL, Identifier

from config.ownership import VARIABLE

ROOT = Path(__file__).resolve().parent.parent
PREFIX = "migrated_"
RUN = "PYTEST_XDIST_TESTRUNUID"


def is_shared() -> bool:
    """Whether the tests run in several processes."""
    return RUN in os.environ


def with_name(url: str, name: str) -> str:
    """The same server's database of that name."""
    head, _, query = url.partition("?")
    return f"{head.rpartition('/')[0]}/{name}?{query}"


@cache
def name() -> str:
    """The database's name; the first process that asks makes it, the others wait."""
    run = os.environ.get(RUN, f"{os.getpid():x}")[:12]
    made = PREFIX + run
    with Path(os.environ["REVSHARE_HOME"], f"{made}.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        with psycopg.connect(os.environ[VARIABLE], autocommit=True) as admin:
            if not admin.execute("SELECT FROM pg_database WHERE datname = %s", [made]).rowcount:
                _make(admin, made)
    return made


def _make(admin: psycopg.Connection, made: str) -> None:
    """Under another name until it is whole."""
    draft = f"{made}_draft"
    admin.execute(SQL("CREATE DATABASE {}").format(Identifier(draft)))
    subprocess.run(
        [sys.executable, "manage.py", "migrate", "--verbosity", "0", "--skip-checks"], cwd=ROOT, check=True,
        env=os.environ | {key: with_name(os.environ[key], draft) for key in ("DATABASE_URL", VARIABLE)},
    )  # fmt: skip
    admin.execute(SQL("ALTER DATABASE {} RENAME TO {}").format(Identifier(draft), Identifier(made)))


def drop_database(admin: psycopg.Connection, unwanted: str) -> None:
    """Drops a database and whoever is in it. The server's own autovacuum cannot be sent away by those who are not
    superusers, it goes by itself: so this is tried for a while."""
    for waited in range(100):
        try:
            admin.execute(SQL("DROP DATABASE {} WITH (FORCE)").format(Identifier(unwanted)))
            return
        except psycopg.errors.InsufficientPrivilege:
            if waited == 99:
                raise
            time.sleep(0.1)


def drop() -> None:
    """Clears away what this server has of such databases; for the last process of a run."""
    with psycopg.connect(os.environ[VARIABLE], autocommit=True) as admin:
        for (found,) in admin.execute("SELECT datname FROM pg_database WHERE starts_with(datname, %s)", [PREFIX]):
            drop_database(admin, found)
    for lock in Path(os.environ["REVSHARE_HOME"]).glob(f"{PREFIX}*.lock"):
        lock.unlink()
