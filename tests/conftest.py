"""Fixtures: a database and lake for one test; or a whole instance of its own for tests that run real processes."""

import json
import os
import shutil
import subprocess
import sys
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import psycopg
import pytest
from django.apps import AppConfig

from revshare.audit_trail.operations import Act

ROOT = Path(__file__).resolve().parent.parent
FIXTURES = ROOT / "fixtures"
AT = datetime(2026, 6, 30, 12, tzinfo=UTC)


@pytest.fixture(autouse=True)
def _own_lake(settings: Any, tmp_path: Path) -> None:
    """Each test has a lake, spool and exchange folder of its own."""
    settings.REVSHARE_HOME = tmp_path / "home"
    settings.REVSHARE_HOME.mkdir()


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
    """An instance with a database of its own, used through real processes only."""

    home: Path
    env: dict[str, str]
    database_url: str

    def manage(self, *args: str | Path, ok: bool = True, **env: str) -> subprocess.CompletedProcess[str]:
        """Runs a command; fails the test if it fails, unless `ok` is False."""
        done = subprocess.run(
            [sys.executable, "manage.py", *map(str, args)], cwd=ROOT, env=self.env | env, text=True, capture_output=True
        )
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

    def rows(self, query: str, *params: Any) -> list[tuple[Any, ...]]:
        with self.connect() as connection:
            return connection.execute(query, params).fetchall()


def _with_name(url: str, name: str) -> str:
    head, _, query = url.partition("?")
    return f"{head.rpartition('/')[0]}/{name}?{query}"


@pytest.fixture(scope="session")
def _template() -> Iterator[str]:
    """A migrated database to copy from."""
    url = os.environ["DATABASE_URL"]
    name = f"template_{uuid.uuid4().hex[:12]}"
    with psycopg.connect(url, autocommit=True) as admin:
        admin.execute(f"CREATE DATABASE {name}")
        subprocess.run(
            [sys.executable, "manage.py", "migrate", "--verbosity", "0", "--skip-checks"], cwd=ROOT, check=True,
            env=os.environ | {"DATABASE_URL": _with_name(url, name)},
        )  # fmt: skip
        yield name
        admin.execute(f"DROP DATABASE {name} WITH (FORCE)")


@contextmanager
def new_world(template: str, home: Path) -> Iterator[World]:
    url = os.environ["DATABASE_URL"]
    name = f"world_{uuid.uuid4().hex[:12]}"
    home.mkdir()
    with psycopg.connect(url, autocommit=True) as admin:
        admin.execute(f"CREATE DATABASE {name} TEMPLATE {template}")
        own = _with_name(url, name)
        env = os.environ | {
            "DATABASE_URL": own, "REVSHARE_HOME": str(home), "REVSHARE_QUEUE_PREFIX": name, "PYTHONUNBUFFERED": "1",
        }  # fmt: skip
        env.pop("DJANGO_SETTINGS_MODULE", None)
        try:
            yield World(home=home, env=env, database_url=own)
        finally:
            admin.execute(f"DROP DATABASE {name} WITH (FORCE)")
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
def story(tmp_path: Path, db: None) -> Any:
    """A marketplace to tell a story with (`tests.stories`)."""
    from tests.stories import Story

    return Story(folder=tmp_path, at=AT)
