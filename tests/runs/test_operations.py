"""Runs: one live per subject, one holder of the lease, and a holder who died is replaced."""

import psycopg
import pytest
from django.db import OperationalError, connection, transaction

from revshare import tasks
from revshare.audit_trail.models import Event
from revshare.audit_trail.operations import Act, record
from revshare.errors import Conflict
from revshare.runs.models import Run
from revshare.runs.operations import Lease, LeaseLost, claim, fail, fence, finish, hand_back, lost, start, to_resend

pytestmark = pytest.mark.django_db


def sql(statement: str) -> None:
    with connection.cursor() as cursor:
        cursor.execute(statement)


def test_a_second_request_finds_the_first_run(act: Act) -> None:
    first, new = start(subject="cycle:june", step="lock", act=act)
    assert (new, start(subject="cycle:june", step="lock", act=act)) == (True, (first, False))
    with pytest.raises(Conflict, match="olivia has started to lock it"):
        start(subject="cycle:june", step="calculate", act=act)
    other, new = start(subject="cycle:july", step="lock", act=act)
    assert new
    assert other != first


def test_a_run_that_is_over_makes_room_for_another(act: Act) -> None:
    run, _ = start(subject="cycle:june", step="lock", act=act)
    claimed = claim(run.pk)
    assert claimed is not None
    finish(run=claimed, outcome={"state": "locked"})
    again, new = start(subject="cycle:june", step="calculate", act=act)
    assert new
    assert again.pk != run.pk
    assert Run.objects.get(pk=run.pk).outcome == {"state": "locked"}


def test_only_one_claims_a_run_until_the_lease_ends(act: Act) -> None:
    run, _ = start(subject="cycle:june", step="lock", act=act)
    first = claim(run.pk)
    assert first is not None
    assert claim(run.pk) is None
    Lease(first).still_ours()
    sql("UPDATE runs_run SET lease_until = clock_timestamp() - interval '1 second'")
    assert to_resend() == [run.pk]
    second = claim(run.pk)
    assert second is not None
    assert (second.token, second.attempts) == (first.token + 1, 2)
    with pytest.raises(LeaseLost):
        Lease(first).still_ours()
    fail(run=first, error="too late")  # the one that lost it changes nothing any more
    assert Run.objects.get(pk=run.pk).state == "running"


def _committed(act: Act, name: str) -> None:
    record(act=act, action="test", object=name)
    sql("SET CONSTRAINTS ALL IMMEDIATE")


def test_whoever_lost_the_lease_commits_nothing(act: Act) -> None:
    """The looks that a commit takes, made at once."""
    run, _ = start(subject="cycle:june", step="lock", act=act)
    first = claim(run.pk)
    assert first is not None
    with Lease(first).kept():
        fence()
        record(act=act, action="test", object="first")
        sql("SET CONSTRAINTS ALL IMMEDIATE; SET CONSTRAINTS ALL DEFERRED")
        sql("UPDATE runs_run SET token = token + 1")  # another has claimed it
        with pytest.raises(LeaseLost), transaction.atomic():
            fence()
        with pytest.raises(OperationalError, match="the lease of run"), transaction.atomic():
            _committed(act, "second")
        sql("SET CONSTRAINTS ALL DEFERRED")
    # What is not work on a run needs no lease.
    record(act=act, action="test", object="third")
    sql("SET CONSTRAINTS ALL IMMEDIATE")
    assert list(Event.objects.order_by("seq").values_list("object", flat=True)) == ["first", "third"]


def test_a_lost_connection_hands_the_run_back(act: Act) -> None:
    run, _ = start(subject="cycle:june", step="lock", act=act)
    claimed = claim(run.pk)
    assert claimed is not None
    assert claim(run.pk) is None
    hand_back(run=claimed)
    again = claim(run.pk)
    assert again is not None
    hand_back(run=claimed)  # by whoever lost it: nothing
    assert claim(run.pk) is None


@pytest.mark.parametrize(
    ("cause", "is_lost"),
    [
        (psycopg.errors.AdminShutdown(), True), (psycopg.errors.ConnectionFailure(), True),
        (psycopg.OperationalError("the connection is closed"), True), (psycopg.errors.DiskFull(), False),
        (psycopg.errors.DeadlockDetected(), False), (psycopg.errors.UniqueViolation(), False),
    ],
)  # fmt: skip
def test_which_errors_mean_that_nobody_knows(cause: Exception, is_lost: bool) -> None:
    error = OperationalError()
    error.__cause__ = cause
    assert lost(error) is is_lost
    assert lost(cause) is is_lost  # Django does not wrap what COPY raises


def test_a_connection_that_goes_during_a_copy_hands_the_run_back(act: Act, monkeypatch: pytest.MonkeyPatch) -> None:
    """Nobody knows what was committed before: the run is not called failed."""

    def breaks(*_: object) -> dict[str, object]:
        raise psycopg.errors.AdminShutdown("terminating connection due to administrator command")

    monkeypatch.setitem(tasks.STEPS, "lock", breaks)
    monkeypatch.setattr(connection, "close", lambda: None)  # it is the test's own
    run, _ = start(subject="cycle:june", step="lock", act=act)
    tasks.perform(run.pk)
    run.refresh_from_db()
    assert (run.state, run.error) == ("running", "")
    assert claim(run.pk) is not None


def test_a_run_nobody_picks_up_is_sent_again(act: Act) -> None:
    run, _ = start(subject="cycle:june", step="lock", act=act)
    sql("UPDATE runs_run SET requested_at = clock_timestamp()")
    assert to_resend() == []
    sql("UPDATE runs_run SET requested_at = clock_timestamp() - interval '10 seconds'")
    assert to_resend() == [run.pk]
