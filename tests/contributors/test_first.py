"""The first contributors of a marketplace, when they are many, come into a table made as good as new: they are the same,
and what the table refuses it still refuses."""

from collections.abc import Callable
from pathlib import Path

import psycopg
import pytest
from django.db import IntegrityError, connection, transaction

from revshare.audit_trail.operations import Act
from revshare.contributors import operations
from revshare.contributors.models import Contributor
from revshare.ingest.operations import ingest
from tests.ownership import owner

pytestmark = pytest.mark.django_db
Write = Callable[[str, str | bytes], Path]
HEADER = "contributor_id,contributor_name,email,country,currency\n"
FIRST = HEADER + "b,Bea,b@x.org,,\na,Ann,,FR,EUR\nc,,,,\na,Ann,,FR,EUR\nbad,Bad,nobody,,\n"
SECOND = HEADER + "d,Dora,,,\nc,Cleo,,,\n"
TABLE = "SELECT relfilenode, (SELECT bool_or(indisclustered) FROM pg_index WHERE indrelid = c.oid) FROM pg_class c WHERE relname = "
KEY = "SELECT relfilenode FROM pg_class WHERE relname = 'contributors_contributor_pkey'"


def asked(query: str) -> tuple[object, ...]:
    with connection.cursor() as cursor:
        cursor.execute(query)
        return tuple(cursor.fetchone())


def files() -> tuple[object, object]:
    """Where the database keeps contributors, and their index."""
    return asked(f"{TABLE}'contributors_contributor'")[0], asked(KEY)[0]


def taken_in(*texts: str, file: Write, act: Act) -> list[tuple[object, ...]]:
    for number, text in enumerate(texts):
        ingest(kind="contributors", path=file(f"{number}.csv", text), act=act)
    return list(Contributor.objects.values_list("id", "name", "email", "country", "currency", "unclaimed"))


@pytest.fixture
def few_are_many(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(operations, "FIRST_ROWS", 1)


def test_they_are_those_that_come_into_any_table(file: Write, act: Act, monkeypatch: pytest.MonkeyPatch) -> None:
    with transaction.atomic():
        before = files()
        as_ever = taken_in(FIRST, SECOND, file=file, act=act)
        assert files() == before
        transaction.set_rollback(True)
    monkeypatch.setattr(operations, "FIRST_ROWS", 1)
    first = taken_in(FIRST, file=file, act=act)
    anew = files()
    assert all(now != then for now, then in zip(anew, before, strict=True))
    assert taken_in(SECOND, file=file, act=act) == as_ever
    assert files() == anew  # these were not the first
    assert (len(first), len(as_ever)) == (3, 4)


@pytest.mark.usefixtures("few_are_many")
def test_the_table_refuses_what_it_refused(file: Write, act: Act) -> None:
    taken_in(FIRST, file=file, act=act)
    assert asked(f"{TABLE}'contributors_contributor'")[1] is False
    with pytest.raises(IntegrityError, match="already exists"), transaction.atomic():
        asked("INSERT INTO contributors_contributor (id, unclaimed, file_id) SELECT id, false, file_id "
              "FROM contributors_contributor LIMIT 1 RETURNING id")  # fmt: skip
    with pytest.raises(IntegrityError, match="refused"), owner(), connection.cursor() as cursor:
        cursor.execute("DELETE FROM contributors_contributor")
    assert asked("SELECT revshare_first_contributors()") == (False,)
    assert Contributor.objects.count() == 3


@pytest.mark.usefixtures("few_are_many")
def test_who_comes_to_nothing_leaves_it_empty(file: Write, act: Act) -> None:
    before = files()
    with transaction.atomic():
        assert len(taken_in(FIRST, file=file, act=act)) == 3
        transaction.set_rollback(True)
    assert (files(), Contributor.objects.count()) == (before, 0)
    assert len(taken_in(FIRST, file=file, act=act)) == 3


@pytest.mark.usefixtures("few_are_many")
def test_nobody_who_reads_is_waited_for(file: Write, act: Act) -> None:
    at = connection.settings_dict
    before = files()
    with psycopg.connect(host=at["HOST"], port=at["PORT"] or None, dbname=at["NAME"], user=at["USER"]) as reader:
        assert reader.execute("SELECT count(*) FROM contributors_contributor").fetchone() == (0,)
        assert len(taken_in(FIRST, file=file, act=act)) == 3
    assert files() == before
