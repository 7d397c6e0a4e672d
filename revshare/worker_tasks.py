"""Celery tasks: `execute` works on one run, `sweep` sends again what nobody is at work on, `verify` asks each night for
everything to be verified, `letters` writes to contributors."""

from typing import Any

from celery.signals import worker_ready

from config.celery import app
from revshare.audit_trail.operations import Act
from revshare.clock import now
from revshare.lake import sweep_spool
from revshare.runs.operations import to_resend
from revshare.tasks import EXECUTE, perform, request_verify, send, write_letters

NIGHTLY = "nightly"  # who asks


@app.task(name=EXECUTE)
def execute(run_id: int) -> None:
    perform(run_id)


@app.task(name="revshare.tasks.sweep")
def sweep() -> None:
    """Every 20 seconds: the truth of what must run is in the database, whatever the broker lost."""
    for run_id in to_resend():
        send(run_id)
    sweep_spool()


@app.task(name="revshare.tasks.verify")
def verify() -> None:
    """Every night, as a run like any other: it is seen at work, and another worker takes it over."""
    request_verify(act=Act(actor=NIGHTLY, at=now()))


@app.task(name="revshare.tasks.letters")
def letters() -> None:
    """Every 20 seconds too: writes to contributors about what has happened, and tries again what could not be sent."""
    write_letters()


@worker_ready.connect
def sweep_at_once(**_: Any) -> None:
    """A worker that starts looks for work that was left behind before it waits for the clock."""
    sweep.apply_async(retry=False)
