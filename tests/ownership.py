"""Who a test is to the database: the application's role, or for a moment the owner of the tables.

The connection is logged in as the owner and acts as the application's role (SET ROLE), so that both are at hand within
one transaction. Tests of real processes log in as each.
"""

from collections.abc import Iterator
from contextlib import contextmanager

from django.db import connection, transaction

from config.embedded.roles import APPLICATION, OWNER


@contextmanager
def application() -> Iterator[None]:
    """From its next start the connection of Django acts as the application's role."""
    before = connection.settings_dict
    connection.close()
    options = before["OPTIONS"] | {"options": f"-c role={APPLICATION}"}
    connection.settings_dict = before | {"OPTIONS": options}
    try:
        yield
    finally:
        connection.close()
        connection.settings_dict = before


@contextmanager
def owner() -> Iterator[None]:
    """As the owner of the tables, who may switch triggers off and make tables."""
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(f"SET LOCAL ROLE {OWNER}")
        yield
        if not connection.needs_rollback:  # which takes it back as well
            cursor.execute(f"SET LOCAL ROLE {APPLICATION}")


def acting_as_application(owner_url: str) -> str:
    """The owner's login, for a connection that acts as the application's role from the start."""
    return f"{owner_url}&options=-c%20role%3D{APPLICATION}"
