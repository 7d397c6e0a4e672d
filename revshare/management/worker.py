"""A Celery worker as a child process."""

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager

from config.instance import ROOT, home

STOP_SECONDS = 20


def start_worker(*, processes: int = 1) -> subprocess.Popen[bytes]:
    """Starts a worker with its sweeper, in a session of its own; it logs to <home>/log/worker.log."""
    log = home() / "log" / "worker.log"
    log.parent.mkdir(parents=True, exist_ok=True)
    (home() / "spool").mkdir(parents=True, exist_ok=True)
    command = [
        sys.executable, "-m", "celery", "-A", "config", "worker", "-B", "--loglevel", "info",
        "--concurrency", str(processes), "--without-gossip", "--without-mingle",
    ]  # fmt: skip
    with log.open("ab") as output:
        return subprocess.Popen(
            command, cwd=ROOT, env=os.environ.copy(), stdout=output, stderr=output, start_new_session=True
        )


def stop_worker(worker: subprocess.Popen[bytes]) -> None:
    """Asks the worker to finish what it has and end; kills it if it does not."""
    worker.terminate()
    try:
        worker.wait(STOP_SECONDS)
    except subprocess.TimeoutExpired:
        os.killpg(worker.pid, signal.SIGKILL)
        worker.wait()


@contextmanager
def worker(*, processes: int = 1) -> Iterator[None]:
    """A worker for the time of the block."""
    process = start_worker(processes=processes)
    try:
        yield
    finally:
        stop_worker(process)
