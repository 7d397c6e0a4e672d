"""Fixtures: a database and lake for one test; or a whole instance of its own for tests that run real processes."""

import itertools
import json
import os
import shutil
import subprocess
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from unittest.mock import patch

import duckdb
import psycopg
import pytest
from django.apps import AppConfig
from django.conf import settings as django_settings
from django.db import connection, transaction
from django.test import override_settings
from hypothesis import Phase, settings

from config.embedded.roles import APPLICATION, AUDITOR
from config.ownership import VARIABLE, as_owner
from revshare.audit_trail.operations import Act
from tests import examples, migrated
from tests.ownership import application
from tests.warm import forks

ROOT = Path(__file__).resolve().parent.parent
FIXTURES = ROOT / "fixtures"
AT = datetime(2026, 6, 30, 12, tzinfo=UTC)

# A mutant is caught by the first failure: what a smaller one would be, nobody asks.
settings.register_profile("mutants", phases=(Phase.explicit, Phase.generate), database=None, deadline=None)
if os.environ.get("MUTANT_UNDER_TEST"):
    settings.load_profile("mutants")


@pytest.fixture(scope="session")
def django_db_modify_db_settings(django_db_modify_db_settings_parallel_suffix: None) -> Iterator[None]:
    """The owner makes the test database, and clears it away. Of several processes one migrates, the others copy."""
    with as_owner():
        if migrated.is_shared():
            connection.settings_dict["TEST"]["TEMPLATE"] = migrated.name()
        yield


@pytest.fixture(scope="session")
def django_db_setup(django_db_setup: None, django_db_modify_db_settings: None) -> Iterator[None]:
    """Tests work in it as the application's role. `tests.ownership.owner` says where they do not."""
    with application():
        yield


def pytest_configure(config: pytest.Config) -> None:
    examples.LONG = "not long" not in config.option.markexpr
    # Each test client would look for every static file there is before its first request.
    django_settings.WHITENOISE_AUTOREFRESH = True


LONGEST = ("tests/faults/test_kills.py", "test_browser")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """What takes longest comes first, so that no process is left with it when the others are done. A mutant meets what
    needs no database first: most are caught there, in a moment."""
    items.sort(key=lambda item: not any(name in item.nodeid for name in LONGEST))
    if os.environ.get("MUTANT_UNDER_TEST"):
        items.sort(key=lambda item: "db" in item.fixturenames or item.get_closest_marker("django_db") is not None)


@pytest.fixture(autouse=True)
def _own_lake(settings: Any, tmp_path: Path, request: pytest.FixtureRequest) -> None:
    """Each test has a lake, spool and exchange folder of its own; of a story told for its module, a copy."""
    own = tmp_path / "home"
    if "told" in request.fixturenames:
        shutil.copytree(request.getfixturevalue("told").folder / "home", own)
    else:
        own.mkdir()
    settings.REVSHARE_HOME = own


@contextmanager
def sharing_duckdb(spill: Path) -> Iterator[None]:
    """All connections to DuckDB are to one instance, each with a database of its own: to make an instance takes longer
    than all that a small world does with it, and a world makes hundreds."""
    config = {"temp_directory": str(spill), "autoload_known_extensions": "false", "threads": "1"}
    numbers = itertools.count()
    with duckdb.connect(config=config) as instance:

        def connect(**_: Any) -> duckdb.DuckDBPyConnection:
            con, name = instance.cursor(), f"own_{next(numbers)}"
            con.execute(f"ATTACH ':memory:' AS {name}")
            con.execute(f"USE {name}")
            return con

        with patch.object(duckdb, "connect", connect):
            yield


@pytest.fixture
def one_duckdb(tmp_path: Path) -> Iterator[None]:
    with sharing_duckdb(tmp_path / "spill"):
        yield


@pytest.fixture(scope="session")
def _loops_are_seen() -> None:
    """Has the ORM tell where a query comes from."""
    AppConfig.create("zeal").ready()


@pytest.fixture
def no_query_in_a_loop(_loops_are_seen: None, settings: Any) -> None:
    """A request that asks the database row by row raises zeal.NPlusOneError."""
    settings.MIDDLEWARE = ["zeal.middleware.zeal_middleware", *settings.MIDDLEWARE]
    settings.ZEAL_ALLOWLIST = [
        {"model": "sessions.Session"},  # Django itself reads one twice when somebody signs out
        {"model": "revshare.User", "field": "get*"},  # allauth looks at each of somebody's sessions when they sign in
    ]


@pytest.fixture
def act() -> Act:
    """Somebody does something at a fixed time."""
    return Act(actor="olivia", at=AT, why="test")


@pytest.fixture
def file(tmp_path: Path) -> Callable[[str, str | bytes], Path]:
    """Writes a file for a test and returns its path."""

    def write(name: str, content: str | bytes) -> Path:
        path = tmp_path / name
        path.write_bytes(content.encode() if isinstance(content, str) else content)
        return path

    return write


@dataclass
class World:
    """An instance with a database of its own, used through real processes only, which are the application's role."""

    home: Path
    env: dict[str, str]
    database_url: str
    owner_url: str

    def manage(self, *args: str | Path, ok: bool = True, **env: str) -> subprocess.CompletedProcess[str]:
        """Runs a command; fails the test if it fails, unless `ok` is False."""
        done = forks().run(["manage.py", *map(str, args)], env=self.env | env)
        if ok:
            assert done.returncode == 0, f"{args}: exit {done.returncode}\n{done.stdout}\n{done.stderr}"
        return done

    def json(self, *args: str | Path, **env: str) -> dict[str, Any]:
        """Runs a command with --json and returns the object it prints last."""
        return json.loads(self.manage(*args, "--json", **env).stdout.splitlines()[-1])

    def start(self, *args: str, **env: str) -> subprocess.Popen[bytes]:
        """Starts a process that goes on, in a session of its own (kill it as a group)."""
        return subprocess.Popen(
            args, cwd=ROOT, env=self.env | env, start_new_session=True,
            stdout=(self.home / "process.log").open("ab"), stderr=subprocess.STDOUT,
        )  # fmt: skip

    @property
    def name(self) -> str:
        """The name of its database."""
        return self.database_url.partition("?")[0].rpartition("/")[2]

    def connect(self) -> psycopg.Connection[Any]:
        return psycopg.connect(self.database_url, autocommit=True)

    def connect_as_owner(self) -> psycopg.Connection[Any]:
        return psycopg.connect(self.owner_url, autocommit=True)

    def rows(self, query: str, *params: Any) -> list[tuple[Any, ...]]:
        with self.connect() as connection:
            return connection.execute(query, params).fetchall()


@pytest.fixture(scope="session")
def _template() -> str:
    """A migrated database to copy from."""
    return migrated.name()


@contextmanager
def new_world(template: str, home: Path) -> Iterator[World]:
    name = f"world_{uuid.uuid4().hex[:12]}"
    home.mkdir()
    with psycopg.connect(os.environ[VARIABLE], autocommit=True) as admin:
        admin.execute(f"CREATE DATABASE {name} TEMPLATE {template}")
        # What `migrate` closed is the template's own; it is not copied.
        admin.execute(f"REVOKE ALL ON DATABASE {name} FROM PUBLIC")
        admin.execute(f"GRANT CONNECT, TEMPORARY ON DATABASE {name} TO {APPLICATION}")
        admin.execute(f"GRANT CONNECT ON DATABASE {name} TO {AUDITOR}")
        own, owner = (migrated.with_name(os.environ[key], name) for key in ("DATABASE_URL", VARIABLE))
        env = os.environ | {
            "DATABASE_URL": own, VARIABLE: owner, "REVSHARE_HOME": str(home), "REVSHARE_QUEUE_PREFIX": name, "PYTHONUNBUFFERED": "1",
        }  # fmt: skip
        env.pop("DJANGO_SETTINGS_MODULE", None)
        try:
            yield World(home=home, env=env, database_url=own, owner_url=owner)
        finally:
            migrated.drop_database(admin, name)
            shutil.rmtree(home, ignore_errors=True)


@pytest.fixture
def world(_template: str, tmp_path: Path) -> Iterator[World]:
    """A fresh instance: its own database and home, the tests' broker under a prefix of its own."""
    with new_world(_template, tmp_path / "world") as made:
        yield made


@pytest.fixture(scope="session")
def june(_template: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    """An instance where everything of a small marketplace is in and the cycle `june` is open; only to be copied."""
    from tests.small import open_small_cycle

    with new_world(_template, tmp_path_factory.mktemp("june") / "world") as made:
        open_small_cycle(made, made.home / "in")
        yield made


@pytest.fixture
def june_copy(june: World, tmp_path: Path) -> Iterator[World]:
    """A copy of `june` to run, kill and break."""
    with new_world(june.name, tmp_path / "world") as made:
        shutil.copytree(june.home, made.home, dirs_exist_ok=True)
        yield made


@pytest.fixture(scope="module")
def module_world(_template: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    """The same, shared by the tests of a module: for looking and for attacks that must fail."""
    with new_world(_template, tmp_path_factory.mktemp("module") / "world") as made:
        yield made


@pytest.fixture
def story(tmp_path: Path, db: None, one_duckdb: None) -> Any:
    """A marketplace to tell a story with (`tests.stories`)."""
    from tests.stories import Story

    return Story(folder=tmp_path, at=AT)


@pytest.fixture(scope="module")
def told(django_db_setup: None, django_db_blocker: Any, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Any]:
    """The same, told once for all tests of a module by its fixtures of that scope, in a transaction that is rolled back
    after the last. What a test adds is its own: it must have `db`, and its lake is a copy."""
    from tests.stories import Story

    folder = tmp_path_factory.mktemp("story")
    (folder / "home").mkdir()
    with (
        django_db_blocker.unblock(),
        override_settings(REVSHARE_HOME=folder / "home"),
        sharing_duckdb(folder / "spill"),
        transaction.atomic(),
    ):
        yield Story(folder=folder, at=AT)
        transaction.set_rollback(True)
