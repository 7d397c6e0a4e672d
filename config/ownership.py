"""The owner of the tables: `migrate`, `backup` and `restore` work as this role, all else as the application's."""

import os
from collections.abc import Iterator
from contextlib import contextmanager

from config.embedded import ServiceError, django_database

VARIABLE = "REVSHARE_OWNER_DATABASE_URL"


def application_role() -> str:
    """The role that DATABASE_URL logs in as; asked of the database, since a URL need not name it."""
    import psycopg

    with psycopg.connect(os.environ["DATABASE_URL"]) as connection:
        found = connection.execute("SELECT current_user").fetchone()
    return str(found[0]) if found else ""


@contextmanager
def as_owner() -> Iterator[None]:
    """Django's connection becomes the owner's in this block. Without REVSHARE_OWNER_DATABASE_URL there is one role, and
    it stays. ServiceError if the two URLs name different databases."""
    from django.db import connection

    url = os.environ.get(VARIABLE, "")
    if not url:
        yield
        return
    owner, own = django_database(url), django_database(os.environ["DATABASE_URL"])
    if owner["NAME"] != own["NAME"]:
        raise ServiceError(f"{VARIABLE} names the database {owner['NAME']}, DATABASE_URL {own['NAME']}: name the same.")
    before = connection.settings_dict
    connection.close()
    # The name stays: a test runs in a database of its own.
    connection.settings_dict = before | {name: value for name, value in owner.items() if name not in ("ENGINE", "NAME")}
    try:
        yield
    finally:
        connection.close()
        connection.settings_dict = before
