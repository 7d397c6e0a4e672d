"""Runs: one live per subject, one holder of the lease, and a holder who died is replaced."""

import pytest
from django.db import connection

from revshare.audit_trail.operations import Act
from revshare.errors import Conflict
from revshare.runs.models import Run
from revshare.runs.operations import Lease, LeaseLost, claim, fail, finish, start, to_resend

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


def test_a_run_nobody_picks_up_is_sent_again(act: Act) -> None:
    run, _ = start(subject="cycle:june", step="lock", act=act)
    sql("UPDATE runs_run SET requested_at = clock_timestamp()")
    assert to_resend() == []
    sql("UPDATE runs_run SET requested_at = clock_timestamp() - interval '10 seconds'")
    assert to_resend() == [run.pk]
