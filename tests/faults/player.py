"""A program that plays the month in processes of its own and breaks them: forked from one that has loaded everything, so
that a kill costs a second and not the start of Python. It reads jobs, one JSON object a line, and answers each with
what came of it. What it does to a process is in `FAULTS`; nothing of it is known to the product.
"""

import contextlib
import faulthandler
import json
import os
import random
import signal
import sys
import threading
import time
import traceback
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any

import django
import psycopg

ATTEMPTS = 6
PATIENCE_SECONDS = 60
WRITES = ("INSERT", "UPDATE", "DELETE")


class Boundaries:
    """Counts the moments at which this process's main thread is about to commit, and has just committed."""

    def __init__(self, job: dict[str, Any], note: Path) -> None:
        self.job, self.note = job, note
        self.at = 0
        self.stage = ""

    def now_at(self, stage: str) -> None:
        self.stage = stage

    def install(self) -> None:
        from django.db.backends.postgresql.base import DatabaseWrapper
        from django.db.backends.utils import CursorWrapper

        commit, execute = DatabaseWrapper._commit, CursorWrapper.execute

        def committing(wrapper: Any) -> Any:
            return self.around(wrapper, lambda: commit(wrapper))

        def executing(cursor: Any, sql: Any, params: Any = None) -> Any:
            wrapper = cursor.db
            if wrapper.in_atomic_block or not str(sql).lstrip().startswith(WRITES):
                return execute(cursor, sql, params)
            return self.around(wrapper, lambda: execute(cursor, sql, params))

        DatabaseWrapper._commit, CursorWrapper.execute = committing, executing

    def around(self, wrapper: Any, act: Callable[[], Any]) -> Any:
        if threading.current_thread() is not threading.main_thread():
            return act()
        self.at += 1
        hit = self.at == self.job.get("at")
        if hit and self.job["when"] == "before":
            self.strike(wrapper)
        result = act()
        if hit and self.job["when"] == "after":
            self.strike(wrapper)
            raise psycopg.OperationalError("the server went away before it said that it had committed")
        return result

    def strike(self, wrapper: Any) -> None:
        self.note.write_text(f"{self.job['fault']} {self.job['when']} commit {self.at}, in {self.stage}")
        if self.job["fault"] == "kill":
            os.kill(os.getpid(), signal.SIGKILL)
        terminate(self.job, f"pid = {wrapper.connection.info.backend_pid}")


def terminate(job: dict[str, Any], which: str) -> None:
    """Ends backends of the job's database, and waits until they are gone."""
    where = f"FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid() AND {which}"
    with psycopg.connect(job["database_url"], autocommit=True) as admin:
        admin.execute(f"SELECT pg_terminate_backend(pid) {where}")
        while admin.execute(f"SELECT count(*) {where}").fetchone() != (0,):
            time.sleep(0.005)


def settle_in(job: dict[str, Any]) -> None:
    """Makes this forked process one of the job's instance."""
    from django.conf import settings
    from django.db import connections

    home = Path(job["home"])
    connections.settings["default"]["NAME"] = job["database"]
    settings.REVSHARE_HOME = home
    settings.REVSHARE_LEASE_SECONDS = job.get("lease_seconds", 1)
    output = os.open(home / "process.log", os.O_WRONLY | os.O_CREAT | os.O_APPEND)
    for descriptor in (1, 2):
        os.dup2(output, descriptor)


def forked(job: dict[str, Any], work: Callable[[], None]) -> int:
    """Starts `work` in a process of its own; returns its id."""
    pid = os.fork()
    if pid:
        return pid
    try:
        settle_in(job)
        work()
    except BaseException:
        traceback.print_exc()
        sys.stderr.flush()
        os._exit(1)
    os._exit(0)


def play(job: dict[str, Any], *, fault: dict[str, Any]) -> None:
    from tests.faults import month

    home = Path(job["home"])
    month.AT += timedelta(hours=job.get("shift_hours", 0))
    if "zone" in job:
        os.environ["TZ"] = job["zone"]
        time.tzset()
    boundaries = Boundaries(job | fault, home / "struck")
    boundaries.install()
    month.play(boundaries.now_at)
    (home / "digests.json").write_text(json.dumps(month.digests() | {"commits": boundaries.at}))


def check(job: dict[str, Any]) -> None:
    from revshare.cycles.models import Cycle
    from revshare.verification.operations import verify

    findings = verify(cycles=list(Cycle.objects.select_related("policy"))).findings
    (Path(job["home"]) / "findings.json").write_text(json.dumps([str(finding) for finding in findings]))


def attempt(job: dict[str, Any], fault: dict[str, Any]) -> bool:
    """One process plays; returns whether it came to the end. A fault with `after_seconds` comes from outside."""
    pid = forked(job, lambda: play(job, fault=fault))
    if "after_seconds" in fault:
        disturb(job, pid, fault)
    _, status = os.waitpid(pid, 0)
    return status == 0


def disturb(job: dict[str, Any], pid: int, fault: dict[str, Any]) -> None:
    deadline = time.monotonic() + fault["after_seconds"]
    while time.monotonic() < deadline:
        time.sleep(0.002)
        if os.waitid(os.P_PID, pid, os.WEXITED | os.WNOHANG | os.WNOWAIT):
            return  # it was quicker
    (Path(job["home"]) / "struck").write_text(f"{fault['fault']} after {fault['after_seconds']:.3f} s")
    if fault["fault"] == "kill":
        os.kill(pid, signal.SIGKILL)
    else:
        terminate(job, "true")


def run(job: dict[str, Any]) -> dict[str, Any]:
    home = Path(job["home"])
    began = time.monotonic()
    attempts = 1
    finished = attempt(job, job.get("fault_spec", {}))
    seconds = time.monotonic() - began
    while not finished and attempts < ATTEMPTS:
        attempts += 1
        finished = attempt(job, {})
    if not finished:
        return {"finished": False, "log": (home / "process.log").read_text()[-6000:]}
    if job.get("verify", True):
        _, status = os.waitpid(forked(job, lambda: check(job)), 0)
        if status:
            return {"finished": False, "log": (home / "process.log").read_text()[-6000:]}
    struck = home / "struck"
    return {
        "finished": True, "attempts": attempts, "seconds": seconds, "struck": struck.read_text() if struck.exists() else "",
        "findings": json.loads((home / "findings.json").read_text()) if job.get("verify", True) else [],
        "digests": json.loads((home / "digests.json").read_text()),
    }  # fmt: skip


def main() -> None:
    faulthandler.enable()
    answers = os.fdopen(os.dup(1), "w", buffering=1)
    os.dup2(2, 1)  # what others print is no answer
    django.setup()
    from tests.faults import month  # noqa: F401  loaded once, for all that are forked

    with contextlib.suppress(BrokenPipeError):
        for line in sys.stdin:
            answers.write(json.dumps(run(json.loads(line))) + "\n")


if __name__ == "__main__":
    random.seed()
    main()
