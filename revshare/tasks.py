"""What runs: the steps themselves are in `STEPS`; a worker calls `perform` (`worker_tasks`), and so does a command in
its own process, which gets the same result.

Celery is imported only where something is sent: most commands never send anything, and it takes a while.
"""

import logging
import time
from collections.abc import Callable
from datetime import timedelta
from functools import partial
from typing import Any

import psycopg
from django.conf import settings
from django.db import DatabaseError, InterfaceError, connection, transaction

from revshare.audit_trail.operations import Act
from revshare.clock import now
from revshare.cycles import operations as cycles
from revshare.cycles.queries import find
from revshare.cycles.review import make_review
from revshare.errors import Conflict, Refused
from revshare.files import uploads
from revshare.ingest.operations import ingest
from revshare.mail.operations import queue_new, send_due
from revshare.payouts import operations as payouts
from revshare.payouts.payable import preview
from revshare.progress import Progress, no_progress
from revshare.proofs.models import Commitment
from revshare.proofs.operations import check_published, commit
from revshare.restatements import operations as restatements
from revshare.restatements.rules import Options
from revshare.runs.models import LIVE, Run
from revshare.runs.operations import Lease, LeaseLost, claim, fail, finish, hand_back, lost, start
from revshare.verification.nightly import verify_and_keep

PAYABLE, BATCH = "payable", "payouts"  # subjects, each with a currency
VERIFIED = "verify:all"  # the subject of the runs that verify everything
log = logging.getLogger(__name__)
POLL_SECONDS = 0.2
MOST_ATTEMPTS = 5  # of a run whose connection goes each time: its work may be what ends it
LETTERS_FOR = timedelta(seconds=15)
EXECUTE = "revshare.tasks.execute"  # the name of a worker's task
# A broker that accepts a connection and then says nothing must not hold up a web request.
HINT_OPTIONS = settings.CELERY_BROKER_TRANSPORT_OPTIONS | {"socket_timeout": 3, "socket_connect_timeout": 2}


def _ingest(run: Run, act: Act, lease: Lease) -> dict[str, Any]:
    upload = uploads.get(run.request["upload"])
    report = ingest(
        kind=upload.kind, path=uploads.path_of(upload), act=act, name=upload.name,
        mapping=upload.mapping.name if upload.mapping else "", progress=lease.progress,
    )  # fmt: skip
    uploads.settle(upload=upload, file=report.file)
    return {"file": report.file.pk, "seen_before": report.seen_before, **report.facts}


def _lock(run: Run, act: Act, lease: Lease) -> dict[str, Any]:
    reason = run.request.get("accept_quarantine", "")
    cycle = cycles.lock(key=run.request["key"], act=act, accept_quarantine=reason, progress=lease.progress)
    return {"state": cycle.state, "input_digest": cycle.input_digest}


def _calculate(run: Run, act: Act, lease: Lease) -> dict[str, Any]:
    cycle = cycles.calculate(key=run.request["key"], act=act, progress=lease.progress, still_ours=lease.still_ours)
    if run.request.get("queue"):  # nobody waits for it; submitting makes it where no worker has
        review, _ = start(subject=f"review:{cycle.key}", step="review", act=act, request={"key": cycle.key})
        transaction.on_commit(partial(send, review.pk))
    return {"state": cycle.state, "result_digest": cycle.result_digest}


def _review(run: Run, act: Act, lease: Lease) -> dict[str, Any]:
    review = make_review(key=run.request["key"], act=act)
    return {"findings": review.findings.count()}


def _publish(run: Run, act: Act, lease: Lease) -> dict[str, Any]:
    cycle = cycles.publish(key=run.request["key"], act=act)
    # Nobody waits for the trees over all statements: a worker makes them, now or when one next looks for work. They may
    # be there already, if this was worked on before and nobody heard the end of it.
    if not Commitment.objects.filter(cycle=cycle).exists():
        proof, _ = start(subject=f"proof:{cycle.key}", step="prove", act=act, request={"key": cycle.key})
        if run.request.get("queue"):
            transaction.on_commit(partial(send, proof.pk))
    return {"state": cycle.state, "result_digest": cycle.result_digest}


def _prove(run: Run, act: Act, lease: Lease) -> dict[str, Any]:
    commitment = commit(key=run.request["key"], act=act, progress=lease.progress)
    return {"commitment_sha256": commitment.sha256}


def _restate(run: Run, act: Act, lease: Lease) -> dict[str, Any]:
    options = Options.from_json(run.request["options"])
    made = restatements.draft(
        cycle_key=run.request["key"], options=options, act=act, progress=lease.progress, once=True
    )  # fmt: skip
    return {"restatement": made.pk, "key": made.key, "digest": made.digest}


def _verify(run: Run, act: Act, lease: Lease) -> dict[str, Any]:
    verdict = verify_and_keep(run=run, act=act, progress=lease.progress)
    if not verdict.is_clean:
        log.error("verify found %s things that are wrong; the first: %s", verdict.findings_count, verdict.findings[0])
    return {"checks": verdict.checks, "cycles": verdict.cycles, "findings": verdict.findings_count}


def _preview(run: Run, act: Act, lease: Lease) -> dict[str, Any]:
    lease.progress("payable", 0, 0)
    return preview(currency=run.request["currency"], today=act.at.date()).as_json()


def _prepare(run: Run, act: Act, lease: Lease) -> dict[str, Any]:
    batch = payouts.prepare(currency=run.request["currency"], act=act, progress=lease.progress, once=True)
    return {"batch": batch.pk, "payments": batch.payments_count, "total_minor": batch.total_minor}


STEPS: dict[str, Callable[[Run, Act, Lease], dict[str, Any]]] = {
    "ingest": _ingest, "lock": _lock, "calculate": _calculate, "review": _review, "publish": _publish, "prove": _prove,
    "restate": _restate, "verify": _verify, "preview": _preview, "prepare": _prepare,
}  # fmt: skip


def perform(run_id: int, *, progress: Progress = no_progress) -> None:
    """Works on a run if it is to be had. What a person must know of a refusal stands on the run afterwards."""
    run = claim(run_id)
    if run is None:
        return
    lease = Lease(run, watch=progress)
    # The time of the deed is the time it was asked for, so that a restart writes the same.
    act = Act(actor=run.actor, at=run.requested_at, why=run.request.get("why", ""))
    try:
        with lease.kept():
            outcome = STEPS[run.step](run, act, lease)
    except LeaseLost:
        log.warning("run %s was taken over by another process", run_id)
    except Refused as error:
        fail(run=run, error=str(error))
    except (DatabaseError, InterfaceError, psycopg.Error) as error:  # the driver's own: those of a COPY
        _end_of_database(run, lease, error)
    except Exception as error:
        fail(run=run, error=f"Something broke ({type(error).__name__}: {error}). Nothing of it was kept; try again.")
        raise
    else:
        finish(run=run, outcome=outcome)


def _end_of_database(run: Run, lease: Lease, error: Exception) -> None:
    """What becomes of a run that the database ended. If the connection went, nobody knows whether the last transaction
    was committed: the run stays live and is worked on again, which finds done what is done."""
    if lost(error):
        connection.close()
        if run.attempts < MOST_ATTEMPTS:
            log.warning("the connection went while run %s was at work; it goes on: %s", run.pk, error)
            hand_back(run=run)
            return
    elif not lease.is_ours():
        log.warning("run %s was taken over by another process: %s", run.pk, error)
        return
    kept = "What was done before stands" if lost(error) else "Nothing of it was kept"
    fail(run=run, error=f"Something broke ({type(error).__name__}: {error}). {kept}; try again.")
    raise error


def send(run_id: int) -> None:
    """Hints to a worker that there is work. If the broker is down, the sweeper will say it again."""
    from kombu.exceptions import OperationalError

    from config.celery import app

    try:
        with app.connection_for_write(transport_options=HINT_OPTIONS) as broker:
            app.send_task(EXECUTE, args=[run_id], retry=False, connection=broker)
    except (OperationalError, OSError) as error:
        log.warning("the broker is not to be reached (%s); run %s waits for the sweeper", error, run_id)


def request_step(
    *, step: str, subject: str, act: Act, request: dict[str, Any], queue: bool, progress: Progress = no_progress
) -> tuple[Run, bool]:
    """Starts a step as a task of a worker (`queue`) or in this process, which then shows its progress; returns its run
    and whether it is new."""
    if not queue:
        _finish_left_behind(subject)
    run, new = start(subject=subject, step=step, act=act, request=request)
    if queue:
        transaction.on_commit(partial(send, run.pk))
    else:
        perform(run.pk, progress=progress)
    return run, new


def _finish_left_behind(subject: str) -> None:
    """Where no worker sweeps, what a dead process left live on a subject would stand in its next step's way. Nothing
    is taken from whoever holds a lease."""
    for run in Run.objects.filter(subject=subject, state=Run.State.RUNNING):
        perform(run.pk)


def request_cycle_step(
    *, step: str, key: str, act: Act, queue: bool, accept_quarantine: str = "", progress: Progress = no_progress
) -> tuple[Run, bool]:
    """The same for lock, calculate and publish of a cycle. Raises at once what the step would be refused for."""
    subject = f"cycle:{key}"
    if not Run.objects.filter(subject=subject, state__in=LIVE).exists():
        cycles.check_step(key=key, step=step, act=act, accept_quarantine=accept_quarantine)
    request = {"key": key, "accept_quarantine": accept_quarantine, "queue": queue}
    return request_step(step=step, subject=subject, act=act, request=request, queue=queue, progress=progress)


def request_restatement(
    *, key: str, options: Options, act: Act, queue: bool, progress: Progress = no_progress
) -> tuple[Run, bool]:  # fmt: skip
    """The same for the draft of a restatement of a cycle. Raises Conflict while another one of it is drafted."""
    restatements.check(cycle_key=key, options=options)
    request = {"key": key, "options": options.as_json()}
    subject = f"restatement:{key}"
    run, new = request_step(step="restate", subject=subject, act=act, request=request, queue=queue, progress=progress)
    if not new and run.request != request:
        raise Conflict(f"{run.actor} has another restatement of cycle {key} drafted (run {run.pk}): wait for it.")
    return run, new


def request_proof(*, key: str, act: Act, progress: Progress = no_progress) -> Run:
    """Has a published cycle commit to its statements in this process, if no worker has. Raises what it is refused
    for."""
    cycle = find(key)
    check_published(cycle)
    subject = f"proof:{key}"
    run, _ = request_step(step="prove", subject=subject, act=act, request={"key": key}, queue=False, progress=progress)
    return run


def again(*, run: Run, act: Act) -> Run:
    """Asks a worker for what a failed run was to do. Raises at once what it would be refused for."""
    if run.state != Run.State.FAILED:
        raise Refused(f"Run {run.pk} is {run.state}: only what failed is tried again.")
    kind, _, key = run.subject.partition(":")
    if kind == "cycle":
        reason = run.request.get("accept_quarantine", "")
        return request_cycle_step(step=run.step, key=key, act=act, queue=True, accept_quarantine=reason)[0]
    return request_step(step=run.step, subject=run.subject, act=act, request=run.request, queue=True)[0]


def request_preview(*, currency: str, act: Act) -> Run:
    """Has a worker work out what is payable in a currency. Raises Refused for what is no currency."""
    return _of_payouts("preview", PAYABLE, currency, act)


def request_batch(*, currency: str, act: Act) -> Run:
    """Has a worker prepare a batch. Raises Refused for what is no currency."""
    return _of_payouts("prepare", BATCH, currency, act)


def _of_payouts(step: str, subject: str, currency: str, act: Act) -> Run:
    payouts.check_currency(currency)
    asked = {"currency": currency}
    run, _ = request_step(step=step, subject=f"{subject}:{currency}", act=act, request=asked, queue=True)
    return run


def request_verify(*, act: Act, queue: bool = True, progress: Progress = no_progress) -> tuple[Run, bool]:
    """Has everything verified and the verdict kept; one that waits or runs already is taken for it."""
    return request_step(step="verify", subject=VERIFIED, act=act, request={}, queue=queue, progress=progress)


def wait(run_id: int, *, watch: Callable[[Run], None], queue: bool) -> Run:
    """Waits until a run is over, showing it to `watch`; takes it over if whoever worked on it died (unless a worker
    will). Returns the finished run."""
    while True:
        run = Run.objects.get(pk=run_id)
        watch(run)
        if not run.live:
            return run
        assert not connection.in_atomic_block, "its end could not be seen"
        time.sleep(POLL_SECONDS)
        if not queue:
            perform(run_id)


def write_letters() -> int:
    """Queues letters about what has happened, and sends what is due for a while. Returns how many went."""
    at = now()
    queue_new(at=at)
    return send_due(at=at, clock=now, until=at + LETTERS_FOR)
