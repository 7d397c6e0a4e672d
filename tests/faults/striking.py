"""What befalls a process of the player, from inside: killed, stopped, or its connection cut, at a commit that was counted
out before. Nothing of it is known to the product."""

import contextlib
import os
import resource
import signal
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import psycopg

WRITES = ("INSERT", "UPDATE", "DELETE")


class Commits:
    """Counts the commits of this process's main thread, also those of single statements and where a lease is looked at
    before one, and strikes at one of them."""

    def __init__(self, job: dict[str, Any], fault: dict[str, Any]) -> None:
        self.job, self.fault = job, fault
        self.stage = ""
        self.labels: list[str] = []

    def now_at(self, stage: str) -> None:
        self.stage = stage

    def install(self) -> None:
        from django.db.backends.postgresql.base import DatabaseWrapper
        from django.db.backends.utils import CursorWrapper

        commit, execute = DatabaseWrapper._commit, CursorWrapper.execute

        def committing(wrapper: Any) -> Any:
            return self._around(wrapper, "COMMIT", lambda: commit(wrapper))

        def executing(cursor: Any, sql: Any, params: Any = None) -> Any:
            if "revshare_check_lease" in str(sql):
                return self._around(cursor.db, "fence", lambda: execute(cursor, sql, params))
            if cursor.db.in_atomic_block or not str(sql).lstrip().startswith(WRITES):
                return execute(cursor, sql, params)
            return self._around(cursor.db, " ".join(str(sql).split()[:3]), lambda: execute(cursor, sql, params))

        DatabaseWrapper._commit, CursorWrapper.execute = committing, executing

    def _around(self, wrapper: Any, label: str, act: Callable[[], Any]) -> Any:
        if threading.current_thread() is not threading.main_thread():
            return act()
        self.labels.append(f"{self.stage} {label}")
        hit = len(self.labels) == self.fault.get("at")
        if hit and self.fault["when"] == "before":
            self._strike(wrapper)
        result = act()
        if hit and self.fault["when"] == "after":
            self._strike(wrapper)
            if self.fault["fault"] == "lost":
                with wrapper.wrap_database_errors:  # as Django hands it on
                    raise psycopg.OperationalError("the server went away before it said that it had committed")
        return result

    def _strike(self, wrapper: Any) -> None:
        said = f"{self.fault['fault']} {self.fault['when']} commit {len(self.labels)}: {self.labels[-1]}"
        struck(self.job, said)
        if self.fault["fault"] == "lost":
            terminate(self.job, f"pid = {wrapper.connection.info.backend_pid}")
        else:
            os.kill(os.getpid(), {"kill": signal.SIGKILL, "stop": signal.SIGSTOP}[self.fault["fault"]])


def struck(job: dict[str, Any], said: str) -> None:
    Path(job["home"], "struck").write_text(said)


def terminate(job: dict[str, Any], which: str) -> None:
    """Ends backends of the job's database, and waits until they are gone."""
    where = f"FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid() AND {which}"
    where += " AND backend_type = 'client backend'"  # not the server's own
    with psycopg.connect(job["database_url"], autocommit=True) as admin:
        admin.execute(f"SELECT pg_terminate_backend(pid) {where}")
        while admin.execute(f"SELECT count(*) {where}").fetchone() != (0,):
            time.sleep(0.005)


def fill_disk(free_bytes: int) -> None:
    """From now on no file of this process can become larger: what writes hears that it cannot, as on a full disk."""
    signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (free_bytes, resource.RLIM_INFINITY))


def disturb(job: dict[str, Any], pid: int, fault: dict[str, Any]) -> None:
    """Strikes a process from outside after a while, unless it was quicker."""
    deadline = time.monotonic() + fault["after_seconds"]
    while time.monotonic() < deadline:
        time.sleep(0.002)
        if os.waitid(os.P_PID, pid, os.WEXITED | os.WNOHANG | os.WNOWAIT):
            return
    struck(job, f"{fault['fault']} after {fault['after_seconds']:.3f} s")
    if fault["fault"] == "kill":
        os.kill(pid, signal.SIGKILL)
    else:
        terminate(job, "true")


def until_stopped(pid: int) -> None:
    _, status = os.waitpid(pid, os.WUNTRACED)
    assert os.WIFSTOPPED(status), "it was over before it was stopped"


def until_claimed_again(job: dict[str, Any], seconds: float) -> None:
    """Waits until another process has taken over the run that somebody was stopped at."""
    deadline = time.monotonic() + seconds
    with contextlib.closing(psycopg.connect(job["database_url"], autocommit=True)) as connection:
        while time.monotonic() < deadline:
            if connection.execute("SELECT 1 FROM runs_run WHERE token > 1").fetchone():
                return
            time.sleep(0.02)
    raise AssertionError("nobody took the run over")


def until_said(job: dict[str, Any], words: str, seconds: float) -> None:
    """Waits until some process of the job has said so in its log."""
    deadline = time.monotonic() + seconds
    while words not in Path(job["home"], "process.log").read_text():
        assert time.monotonic() < deadline, f"nobody said {words!r}"
        time.sleep(0.02)
