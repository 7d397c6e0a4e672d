"""Starting, claiming and finishing runs. A run is worked on by whoever holds its lease; leases live by the database's
clock, which all workers share, and no result depends on it. Whoever lost the lease commits nothing more: `fence`."""

import json
import logging
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import Any

import psycopg
from django.conf import settings
from django.db import DatabaseError, InterfaceError, connection, transaction

from revshare.audit_trail.operations import Act, record
from revshare.errors import Conflict, NotFound, Refused
from revshare.progress import Progress, no_progress
from revshare.runs.models import Run

log = logging.getLogger(__name__)
LIVE_SQL = "('queued', 'running')"
SESSION_LEASE = "revshare.lease"  # the claim that a session of the database works under
LEASE_LOST = "55000"  # what the database says to a commit without the lease


class LeaseLost(Refused):
    """Another process has taken this run over; this one must write nothing more."""

    code = "lease_lost"


def start(*, subject: str, step: str, act: Act, request: dict[str, Any] | None = None) -> tuple[Run, bool]:
    """Asks for a step to be run; returns the run and whether it is new. While one is live on the subject that one is
    returned: two operators who press the same button make one run. Raises Conflict if the live one is another step."""
    while True:
        with connection.cursor() as cursor:
            cursor.execute(
                "INSERT INTO runs_run (subject, step, state, stage, progress_done, progress_total, request, outcome, "
                "error, "
                "actor, requested_at, attempts, token) VALUES (%s, %s, 'queued', '', 0, 0, %s, '{}', '', %s, %s, 0, 0) "
                f"ON CONFLICT (subject) WHERE state IN {LIVE_SQL} DO NOTHING RETURNING id",
                [subject, step, json.dumps(request or {}), act.actor, act.at],
            )
            made = cursor.fetchone()
        if made:
            return Run.objects.get(pk=made[0]), True
        live = Run.objects.filter(subject=subject, state__in=["queued", "running"]).first()
        if live is None:
            continue  # the one that stood in the way has just ended
        if live.step != step:
            raise Conflict(f"{subject} is busy: {live.actor} has started to {live.step} it.", code="busy")
        return live, False


def claim(run_id: int) -> Run | None:
    """Takes the lease of a run that is queued or whose holder has died. None if it is over or somebody holds it."""
    with connection.cursor() as cursor:
        cursor.execute(
            "UPDATE runs_run SET state = 'running', token = token + 1, attempts = attempts + 1, "
            "started_at = coalesce(started_at, clock_timestamp()), "
            "lease_until = clock_timestamp() + make_interval(secs => %s) WHERE id = %s AND "
            "(state = 'queued' OR state = 'running' AND lease_until < clock_timestamp())",
            [settings.REVSHARE_LEASE_SECONDS, run_id],
        )
        won = cursor.rowcount == 1
    return Run.objects.get(pk=run_id) if won else None


def to_resend() -> list[int]:
    """Runs that wait with nobody at work on them: queued for a while, or left behind by a process that died."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT id FROM runs_run WHERE state = 'queued' "
            "AND requested_at < clock_timestamp() - interval '5 seconds' "
            "OR state = 'running' AND lease_until < clock_timestamp() ORDER BY id"
        )
        return [run_id for (run_id,) in cursor.fetchall()]


def fence() -> None:
    """The last thing in a transaction of a run's work that writes no event (one that does is fenced by the database):
    raises LeaseLost if another process has claimed the run, and until the transaction ends nobody can."""
    assert connection.in_atomic_block, "it would hold for nothing"
    try:
        with connection.cursor() as cursor:
            cursor.execute("SELECT revshare_check_lease()")
    except DatabaseError as error:
        if getattr(error.__cause__, "sqlstate", "") == LEASE_LOST:
            raise LeaseLost(str(error)) from error
        raise


class Lease:
    """The right to work on a run. A thread renews it and writes progress on a connection of its own, so that both are
    seen while the work's own transaction is still open. `watch` hears of the progress at once, in this process."""

    def __init__(self, run: Run, *, watch: Progress = no_progress) -> None:
        self.run = run
        self._watch = watch
        self._now = ("", 0, 0)
        self._stop = threading.Event()
        self._lost = False
        self._thread = threading.Thread(target=self._beat, name=f"lease-{run.pk}", daemon=True)

    def progress(self, stage: str, done: int, total: int) -> None:
        """Notes how far the work is; it is written within a second. Raises LeaseLost once that was refused: somebody
        stopped the run, or has taken it over."""
        if self._lost:
            raise LeaseLost(f"{self.run} was stopped, or taken over by another process.")
        self._now = (stage, done, total)
        self._watch(stage, done, total)

    def is_ours(self) -> bool:
        """Whether no other process has claimed the run, for now."""
        return Run.objects.filter(pk=self.run.pk, token=self.run.token, state=Run.State.RUNNING).exists()

    def still_ours(self) -> None:
        """Raises LeaseLost if another process has claimed the run."""
        if not self.is_ours():
            raise LeaseLost(f"{self.run} was taken over by another process.")

    def _beat(self) -> None:
        written: tuple[str, int, int] | None = None
        waited = 0.0
        step = min(0.5, settings.REVSHARE_LEASE_SECONDS / 4)
        try:
            while not self._stop.wait(step):
                waited += step
                now = self._now
                if (now != written or waited >= settings.REVSHARE_LEASE_SECONDS / 4) and self._write(now):
                    written, waited = now, 0.0
        finally:
            connection.close()

    def _write(self, now: tuple[str, int, int]) -> bool:
        """Whether it was written: a connection that broke is made anew for the next beat, since the work may go on."""
        try:
            with connection.cursor() as cursor:
                cursor.execute(
                    "UPDATE runs_run SET stage = %s, progress_done = %s, progress_total = %s, "
                    "lease_until = clock_timestamp() + make_interval(secs => %s) "
                    "WHERE id = %s AND token = %s AND state = 'running'",
                    [*now, settings.REVSHARE_LEASE_SECONDS, self.run.pk, self.run.token],
                )
                if cursor.rowcount == 0:  # not ours any more, unless nobody else can see the run yet
                    cursor.execute("SELECT FROM runs_run WHERE id = %s", [self.run.pk])
                    self._lost = cursor.rowcount == 1
        except (DatabaseError, InterfaceError) as error:
            log.warning("the lease of run %s could not be renewed: %s", self.run.pk, error)
            connection.close()
            return False
        return True

    @contextmanager
    def kept(self) -> Iterator["Lease"]:
        """Keeps the lease while the block runs; what is committed meanwhile needs it."""
        _work_under(f"{self.run.pk}:{self.run.token}")
        self._thread.start()
        try:
            yield self
        finally:
            self._stop.set()
            self._thread.join()
            with suppress(DatabaseError, InterfaceError):  # a session that broke works under nothing any more
                _work_under("")


def _work_under(lease: str) -> None:
    with connection.cursor() as cursor:
        cursor.execute("SELECT set_config(%s, %s, false)", [SESSION_LEASE, lease])


def finish(*, run: Run, outcome: dict[str, Any]) -> None:
    """Marks a run as done, if it is still ours."""
    _end(run, "done", json.dumps(outcome), "")


def fail(*, run: Run, error: str) -> None:
    """Marks a run as failed, with what a person should know."""
    _end(run, "failed", "{}", error)


@transaction.atomic
def stop(*, run_id: int, act: Act) -> None:
    """Ends a live run: who holds its lease has lost it, and gives up what is not committed at its next step. Raises
    NotFound, Conflict if it is over."""
    with connection.cursor() as cursor:
        cursor.execute(
            "UPDATE runs_run SET state = 'failed', error = %s, finished_at = clock_timestamp(), lease_until = NULL, "
            f"token = token + 1 WHERE id = %s AND state IN {LIVE_SQL}",
            [f"{act.actor} stopped it.", run_id],
        )
        stopped = cursor.rowcount == 1
    run = Run.objects.filter(pk=run_id).first()
    if run is None:
        raise NotFound(f"There is no run {run_id}.")
    if not stopped:
        raise Conflict(f"Run {run_id} is over: it is {run.state}.")
    record(act=act, action="run.stopped", object=run.subject, detail={"run": run_id, "step": run.step})


def hand_back(*, run: Run) -> None:
    """Ends the lease at once, if it is still ours, so that the run is worked on again. If that cannot be said either,
    the lease ends by itself."""
    with suppress(DatabaseError, InterfaceError), connection.cursor() as cursor:
        cursor.execute(
            "UPDATE runs_run SET lease_until = clock_timestamp() WHERE id = %s AND token = %s AND state = 'running'",
            [run.pk, run.token],
        )


def lost(error: Exception) -> bool:
    """Whether a database's error (Django's, or the driver's own out of a COPY) says that the connection is gone, and
    with it the answer to what was asked last."""
    state = getattr(error if isinstance(error, psycopg.Error) else error.__cause__, "sqlstate", None)
    return state is None or state.startswith(("08", "57P"))


def _end(run: Run, state: str, outcome: str, error: str) -> None:
    with connection.cursor() as cursor:
        cursor.execute(
            "UPDATE runs_run SET state = %s, outcome = %s, error = %s, finished_at = clock_timestamp(), "
            "lease_until = NULL WHERE id = %s AND token = %s AND state = 'running'",
            [state, outcome, error, run.pk, run.token],
        )
