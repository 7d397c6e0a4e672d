"""A run that somebody stops: its worker finds out at the next progress, and cannot end it any more."""

import pytest

from revshare.audit_trail.operations import Act
from revshare.errors import Conflict, NotFound
from revshare.runs.models import Run
from revshare.runs.operations import Lease, LeaseLost, claim, finish, start, stop

pytestmark = pytest.mark.django_db


def test_a_stopped_run_is_given_up_at_the_next_progress(act: Act) -> None:
    run, _ = start(subject="upload:1", step="ingest", act=act)
    claimed = claim(run.pk)
    assert claimed is not None
    lease = Lease(claimed)
    lease._write(("read", 1, 2))
    lease.progress("read", 1, 2)
    stop(run_id=run.pk, act=act)
    lease._write(("read", 2, 2))
    with pytest.raises(LeaseLost, match="was stopped"):
        lease.progress("read", 2, 2)
    finish(run=claimed, outcome={})
    run.refresh_from_db()
    assert (run.state, run.error, run.progress_done) == ("failed", "olivia stopped it.", 1)
    with pytest.raises(Conflict, match="is over"):
        stop(run_id=run.pk, act=act)
    with pytest.raises(NotFound):
        stop(run_id=run.pk + 1, act=act)
    assert start(subject="upload:1", step="ingest", act=act)[1], "it can be asked for again"
    assert Run.objects.count() == 2
