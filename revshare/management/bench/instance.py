"""A fresh instance for one run: migrated, with its people, its services running; gone afterwards."""

import compileall
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import psycopg

from config import embedded
from config.embedded.broker import Broker
from config.embedded.layout import Layout
from config.embedded.postgres import Postgres
from config.instance import ROOT
from revshare.errors import Refused

PREPARES, APPROVES = "op", "ap"
PEOPLE = {PREPARES: "operator", APPROVES: "approver"}
# A benchmark neither works on somebody's own servers nor without the durability that users get.
NOT_INHERITED = (
    "DATABASE_URL", "REVSHARE_OWNER_DATABASE_URL", "REDIS_URL", "REVSHARE_EMBEDDED_DATABASE", "REVSHARE_TEST_FAST",
)  # fmt: skip


@dataclass(frozen=True)
class Prepared:
    """An instance that is ready for work."""

    env: dict[str, str]
    database_url: str
    owner_url: str
    services: list[int]

    def manage(self, *words: str) -> list[str]:
        """A command line of this instance, for `env`."""
        return [sys.executable, str(ROOT / "manage.py"), *words]

    def count(self, view: str, cycle: str) -> int:
        """Rows of one of the auditors' views in a cycle."""
        of_cycle = "cycle_id = (SELECT id FROM audit.cycle WHERE key = %s)"
        if view == "leg":
            of_cycle = f"journal_id IN (SELECT id FROM audit.journal WHERE {of_cycle})"
        with psycopg.connect(self.database_url) as connection:
            found = connection.execute(f"SELECT count(*) FROM audit.{view} WHERE {of_cycle}", [cycle]).fetchone()
        return int(found[0]) if found else 0

    def settle(self) -> None:
        """Lets the database write what it still owes, so that it does not do so while something else is measured."""
        with psycopg.connect(self.database_url, autocommit=True, user="postgres") as connection:
            connection.execute("CHECKPOINT")


@contextmanager
def fresh_instance(home: Path) -> Iterator[Prepared]:
    """Makes an instance in `home` and ends it with the block. Raises Refused."""
    _end(home)  # of a benchmark that was killed
    for folder in ("revshare", "config"):  # as `make setup` does
        compileall.compile_dir(ROOT / folder, quiet=2)
    env = {name: value for name, value in os.environ.items() if name not in NOT_INHERITED}
    env["REVSHARE_HOME"] = str(home)
    try:
        for words in (["services", "start"], *(["create_user", name, "--role", role] for name, role in PEOPLE.items())):
            done = subprocess.run(
                [sys.executable, str(ROOT / "manage.py"), *words], env=env, capture_output=True, text=True
            )
            if done.returncode:
                raise Refused(f"The instance could not be made ({' '.join(words)}): {done.stderr.strip()[-600:]}")
        yield _prepared(home, env)
    finally:
        _end(home)


def _prepared(home: Path, env: dict[str, str]) -> Prepared:
    layout = Layout.of(home)
    postgres, broker = Postgres(layout), Broker(layout)
    return Prepared(
        env=env, database_url=postgres.url, owner_url=postgres.owner_url, services=[postgres.pid(), broker.pid()]
    )


def _end(home: Path) -> None:
    embedded.stop(home)
    shutil.rmtree(home, ignore_errors=True)
