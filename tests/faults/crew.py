"""The player as tests use it: a copy of a prepared database for every job, and what came of it."""

import json
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.conftest import ROOT, new_world


@dataclass
class Crew:
    """`template`: the database that every job starts from."""

    process: subprocess.Popen[str]
    template: str
    folder: Path
    jobs: int = 0

    def play(self, *, fault: dict[str, Any] | None = None, **job: Any) -> dict[str, Any]:
        """Plays the month on an instance of its own, with this fault; returns what the player says of it."""
        assert self.process.stdin
        assert self.process.stdout
        self.jobs += 1
        with new_world(self.template, self.folder / f"world-{self.jobs}") as world:
            order = {"home": str(world.home), "database": world.name, "database_url": world.database_url}
            self.process.stdin.write(json.dumps(order | {"fault": fault or {}} | job) + "\n")
            self.process.stdin.flush()
            answer = self.process.stdout.readline()
        assert answer, "the player is gone"
        done: dict[str, Any] = json.loads(answer)
        assert done["finished"], f"{fault}: never came to the end\n{done['log']}"
        assert "Timeout (" not in done["log"], f"{fault}: hung\n{done['log']}"
        return done


@contextmanager
def hired(template: str) -> Iterator[Crew]:
    with (
        tempfile.TemporaryDirectory(prefix="revshare-faults-") as folder,
        new_world(template, Path(folder) / "crew") as own,
    ):
        process = subprocess.Popen(
            [sys.executable, "-m", "tests.faults.player"], cwd=ROOT, text=True,
            env=own.env | {"DJANGO_SETTINGS_MODULE": "config.settings", "REVSHARE_DUCKDB_THREADS": "1"},
            stdin=subprocess.PIPE, stdout=subprocess.PIPE,
        )  # fmt: skip
        try:
            yield Crew(process, template, Path(folder))
        finally:
            assert process.stdin
            process.stdin.close()
            process.wait(30)


def differences(done: dict[str, Any], undisturbed: dict[str, Any], *, but: tuple[str, ...] = ()) -> dict[str, Any]:
    """In what a month came out otherwise than when nothing goes wrong, `but` for these facts: (it, as it should be)."""
    wanted = undisturbed["digests"]
    return {
        name: (found, wanted[name])
        for name, found in done["digests"].items()
        if name not in ("commits", *but) and found != wanted[name]
    }
