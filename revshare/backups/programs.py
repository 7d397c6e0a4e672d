"""PostgreSQL's own programs for taking a database out and putting it back, as they come with its client."""

import os
import re
import shutil
import subprocess
from pathlib import Path
from typing import Any

from django.db import connection

from config.embedded.postgres import wheel_folder
from revshare.errors import Refused

NEEDED = ("pg_dump", "pg_restore", "psql")


class ProgramFailed(Refused):
    """One of PostgreSQL's programs ended badly; the message has what it said."""

    code = "program_failed"


def folder() -> Path:
    """The folder of programs of this server's major version: later ones read it, and write what it does not understand.
    Raises Refused."""
    connection.ensure_connection()
    server = connection.connection.info.server_version // 10_000
    chosen = os.environ.get("REVSHARE_POSTGRES_BIN", "")
    debian = sorted(Path("/usr/lib/postgresql").glob("*/bin"), reverse=True)
    on_path = [Path(found).parent for name in NEEDED[:1] if (found := shutil.which(name))]
    for place in [Path(chosen)] * bool(chosen) + wheel_folder() + debian + on_path:
        if all(os.access(place / name, os.X_OK) for name in NEEDED) and _major(place) == server:
            return place
    raise Refused(
        f"No {', '.join(NEEDED)} of PostgreSQL {server} found: install its client (Debian: apt-get install "
        f"postgresql-client-{server}), or name the folder of its programs in REVSHARE_POSTGRES_BIN.",
        code="program_missing",
    )


def _major(place: Path) -> int:
    said = subprocess.run([place / NEEDED[0], "--version"], capture_output=True, text=True, check=False).stdout
    number = re.search(r"\d+", said)
    return int(number.group()) if number else 0


def environment() -> dict[str, str]:
    """How the programs find this instance's database: in variables, since a command line shows passwords."""
    given: dict[str, Any] = connection.settings_dict
    named = {
        "PGDATABASE": given["NAME"], "PGUSER": given["USER"], "PGPASSWORD": given["PASSWORD"], "PGHOST": given["HOST"],
        "PGPORT": given["PORT"], "PGSSLMODE": given["OPTIONS"].get("sslmode", ""),
    }  # fmt: skip
    kept = {name: value for name, value in os.environ.items() if not name.startswith("PG")}
    return kept | {name: str(value) for name, value in named.items() if value}


def ended(process: subprocess.Popen[bytes], errors: Path, name: str) -> None:
    """Waits for a program. Raises ProgramFailed with the last of what it said."""
    if process.wait():
        said = " ".join(errors.read_text(errors="replace").split())[-500:]
        raise ProgramFailed(f"{name} failed (exit {process.returncode}): {said or 'it said nothing'}")
