"""One role or two: what `migrate` does with each, and who is told of it."""

import os

import pytest
from django.core import checks
from django.core.management import CommandError, call_command
from django.db import connection

from config.ownership import VARIABLE
from revshare.errors import Refused
from revshare.privileges import apply, check_ownership, owns_tables
from revshare.verification.privileges import beyond_the_list
from tests.ownership import owner

pytestmark = pytest.mark.django_db


def warned() -> bool:
    found = checks.run_checks(tags=["security"], include_deployment_checks=True)
    return any(message.id == "revshare.W001" for message in found)


def test_an_application_that_owns_its_tables_is_warned_of_it() -> None:
    assert not warned()
    with owner():
        assert owns_tables()
        assert warned()


def test_with_one_role_everything_is_the_owners() -> None:
    """And nothing is given to anybody: not even functions can be called by others."""
    with owner():
        apply(application="revshare_owner")
        with connection.cursor() as cursor:
            cursor.execute("SELECT revshare_analyze('ledger_leg')")
            cursor.execute(
                "SELECT count(*) FROM pg_proc, aclexplode(proacl) WHERE starts_with(proname, 'revshare_') AND grantee = 0"
            )
            assert cursor.fetchone() == (0,)


def test_what_was_given_beyond_the_list_is_taken_away_again() -> None:
    with owner(), connection.cursor() as cursor:
        cursor.execute("GRANT ALL ON ledger_leg TO revshare; GRANT UPDATE (hash) ON audit_event TO revshare")
        cursor.execute("GRANT EXECUTE ON FUNCTION revshare_guard(text) TO PUBLIC")
        cursor.execute("ALTER FUNCTION revshare_attach_entries(integer) SECURITY INVOKER RESET ALL")
    assert len(list(beyond_the_list())) == 2
    with owner():
        apply(application="revshare")
    assert list(beyond_the_list()) == []
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT prosecdef, proconfig FROM pg_proc WHERE oid = 'revshare_attach_entries(integer)'::regprocedure"
        )
        definer, path = cursor.fetchone()
    assert definer
    assert "search_path=public, pg_temp" in path


def test_tables_of_somebody_else_are_not_migrated() -> None:
    """As the application's role, which is no member of the owner's."""
    with pytest.raises(Refused, match="belongs to revshare_owner and not to revshare: run REASSIGN OWNED"):
        check_ownership()
    with owner():
        check_ownership()


def test_two_urls_name_the_same_database(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(VARIABLE, os.environ[VARIABLE].replace("/revshare?", "/another?"))
    with pytest.raises(CommandError, match="names the database another, DATABASE_URL revshare: name the same"):
        call_command("migrate", verbosity=0)
