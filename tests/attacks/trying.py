"""An attack, and what the database said."""

from typing import Any

import psycopg
import pytest

FORBIDDEN = "42501"  # insufficient_privilege
BY_TRIGGER = {"23001", "23514", "23505"}  # restrict_violation, check_violation, unique_violation


def refused(connection: psycopg.Connection[Any], attack: str) -> str:
    """Tries statements in a transaction that is rolled back, and committed if they ask for it; returns the code of the
    error that they meet."""
    try:
        connection.execute(f"BEGIN; {attack}")
        connection.execute("SET CONSTRAINTS ALL IMMEDIATE")  # what is judged at the end
    except psycopg.Error as error:
        return str(error.sqlstate)
    finally:
        connection.execute("ROLLBACK; RESET ALL; RESET ROLE; DISCARD TEMP")
    return pytest.fail(f"went through: {attack}")
