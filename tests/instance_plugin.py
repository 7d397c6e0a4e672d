"""Loaded before Django's settings (`-p tests.instance_plugin`): the tests' own instance, with real services."""

import os
from pathlib import Path
from typing import Any

from config import embedded

ROOT = Path(__file__).resolve().parent.parent


def _own_instance() -> None:
    # A folder of its own: tests never touch an instance that somebody works with.
    os.environ["REVSHARE_HOME"] = os.environ.get("REVSHARE_TEST_HOME") or str(ROOT / "var" / "test")
    os.environ.setdefault("REVSHARE_TEST_FAST", "1")
    # Second factors and showing oneself again are tested where they are the subject, and in the way everywhere else.
    os.environ["REVSHARE_STRICT_SIGN_IN"] = "false"
    os.environ.pop("REVSHARE_EMBEDDED_DATABASE", None)
    from config.instance import prepare

    prepare()


_own_instance()


def pytest_unconfigure(config: Any) -> None:
    """Leaves nothing running; the last of the processes of a parallel run is the one that started the others."""
    if not hasattr(config, "workerinput"):
        embedded.stop(Path(os.environ["REVSHARE_HOME"]))
