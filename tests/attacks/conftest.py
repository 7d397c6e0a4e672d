"""One marketplace for all attacks of a process. Each attack is rolled back; what it leaves shows in `untouched`."""

from collections.abc import Iterator
from typing import Any

import psycopg
import pytest

from config.embedded.process import wait_until
from tests.attacks.world import build, inside
from tests.conftest import World, new_world

STRANGERS = (
    "SELECT FROM pg_stat_activity WHERE datname = current_database() AND usename NOT IN ('revshare', 'revshare_owner')"
)


@pytest.fixture(scope="session")
def published(
    _template: str, django_db_setup: None, django_db_blocker: Any, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[World]:
    folder = tmp_path_factory.mktemp("attacks")
    with new_world(_template, folder / "world") as world, django_db_blocker.unblock():
        (folder / "in").mkdir()
        with inside(world):
            build(folder / "in")
        yield world
        with world.connect_as_owner() as connection:  # who may not end the sessions of others, and drops the database
            assert wait_until(lambda: not connection.execute(STRANGERS).rowcount, 20)


@pytest.fixture(scope="session")
def application(published: World) -> Iterator[psycopg.Connection[Any]]:
    """Logged in as the application's role: not as the owner who acts as it."""
    with psycopg.connect(published.database_url, autocommit=True) as connection:
        connection.execute("SET lock_timeout = '5s'")
        yield connection


@pytest.fixture(scope="session")
def owner(published: World) -> Iterator[psycopg.Connection[Any]]:
    with psycopg.connect(published.owner_url, autocommit=True) as connection:
        connection.execute("SET lock_timeout = '5s'")
        yield connection


@pytest.fixture(scope="session")
def root(published: World) -> Iterator[psycopg.Connection[Any]]:
    """A superuser, whom no privilege stops."""
    with psycopg.connect(published.owner_url, user="postgres", autocommit=True) as connection:
        connection.execute("SET lock_timeout = '5s'")
        yield connection
