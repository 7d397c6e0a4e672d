"""Loaded before Django's settings (`-p tests.instance_plugin`): the tests' own instance, with real services."""

import os
from pathlib import Path
from typing import Any

from config import embedded
from tests import migrated

ROOT = Path(__file__).resolve().parent.parent


def _own_instance() -> None:
    # A folder of its own: tests never touch an instance that somebody works with.
    os.environ["REVSHARE_HOME"] = os.environ.get("REVSHARE_TEST_HOME") or str(ROOT / "var" / "test")
    os.environ.setdefault("REVSHARE_TEST_FAST", "1")
    os.environ.setdefault("REVSHARE_DUCKDB_THREADS", "1")  # the tests themselves share the cores
    # Second factors and showing oneself again are tested where they are the subject, and in the way everywhere else.
    os.environ["REVSHARE_STRICT_SIGN_IN"] = "false"
    os.environ.pop("REVSHARE_EMBEDDED_DATABASE", None)
    if "DATABASE_URL" not in os.environ:
        os.environ.pop("REVSHARE_OWNER_DATABASE_URL", None)
    from config.instance import prepare

    prepare()
    if "REVSHARE_OWNER_DATABASE_URL" not in os.environ:
        raise SystemExit(
            "Beside DATABASE_URL the tests need REVSHARE_OWNER_DATABASE_URL: the roles revshare and revshare_owner of one "
            "server, of which the second may make databases and SET ROLE to the first."
        )


_own_instance()


def pytest_unconfigure(config: Any) -> None:
    """Leaves nothing running; the last of the processes of a parallel run is the one that started the others. Mutmut
    has a session for each mutant, and stops the services itself (`make mutants`)."""
    if not hasattr(config, "workerinput") and "MUTANT_UNDER_TEST" not in os.environ:
        migrated.drop()
        embedded.stop(Path(os.environ["REVSHARE_HOME"]))
