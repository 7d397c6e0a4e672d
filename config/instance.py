"""The instance a process belongs to: its folder, its secret key, its services.

Every entry point (manage.py, the web server, the worker, the tests) calls `prepare()` before Django reads its settings.
"""

import fcntl
import os
import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent


def home() -> Path:
    """The folder of the instance: REVSHARE_HOME, or `var/` beside manage.py."""
    return Path(os.environ.get("REVSHARE_HOME") or ROOT / "var").absolute()


def secret_key(folder: Path) -> str:
    """The instance's own secret, made on first use and readable by its owner alone."""
    path = folder / "secret_key"
    try:
        return path.read_text()
    except FileNotFoundError:
        folder.mkdir(parents=True, exist_ok=True)
    draft = folder / f"secret_key.{os.getpid()}"
    descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(descriptor, "w") as file:
        file.write(secrets.token_urlsafe(50))
    try:
        os.link(draft, path)  # of two processes starting at once, the first one's key stays
    except FileExistsError:
        pass
    finally:
        draft.unlink()
    return path.read_text()


def prepare() -> None:
    """Finds or starts the services and says where they are in DATABASE_URL and REDIS_URL; of an embedded database also
    in REVSHARE_OWNER_DATABASE_URL, which `migrate` alone uses.

    Raises `config.embedded.ServiceError`, whose text is a sentence for a person.
    """
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")
    if os.environ.get("DATABASE_URL") and os.environ.get("REDIS_URL"):
        return
    from config import embedded

    instance = embedded.ensure(home())
    os.environ["DATABASE_URL"] = instance.database_url
    os.environ["REDIS_URL"] = instance.redis_url
    if instance.database_embedded:
        os.environ["REVSHARE_EMBEDDED_DATABASE"] = "1"
        os.environ["REVSHARE_OWNER_DATABASE_URL"] = instance.owner_url


def migrate_embedded() -> None:
    """Brings the embedded database to this version's tables. A real server is migrated by its owner, not by us."""
    if not os.environ.get("REVSHARE_EMBEDDED_DATABASE"):
        return
    from django.core.management import call_command
    from django.db import connection
    from django.db.migrations.executor import MigrationExecutor

    with one_at_a_time(home() / "migrate.lock"):
        executor = MigrationExecutor(connection)
        if executor.migration_plan(executor.loader.graph.leaf_nodes()):
            call_command("migrate", verbosity=0, interactive=False)


@contextmanager
def one_at_a_time(path: Path) -> Iterator[None]:
    """Holds a lock file, so that two commands started at once do not both migrate."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield
