"""Loaded before Django's settings (`-p tests.instance_plugin`): the tests' own instance, with real services."""

import os
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent


def _own_instance() -> None:
    # A folder of its own: tests never touch an instance that somebody works with.
    os.environ["REVSHARE_HOME"] = os.environ.get("REVSHARE_TEST_HOME") or str(ROOT / "var" / "test")
    os.environ.setdefault("REVSHARE_TEST_FAST", "1")
    os.environ.pop("REVSHARE_EMBEDDED_DATABASE", None)
    from config.instance import prepare

    prepare()


_own_instance()
