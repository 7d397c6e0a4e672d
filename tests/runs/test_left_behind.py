"""A process that died after its work was committed and before it could say so, where no worker sweeps: the next step finds
the run over and goes on."""

import pytest
from django.db import connection

from revshare.cycles import operations as cycles
from revshare.cycles.models import Cycle
from revshare.errors import Conflict
from revshare.runs.models import Run
from revshare.runs.operations import claim, start
from revshare.tasks import request_cycle_step
from tests.stories import Story

pytestmark = pytest.mark.django_db


def test_what_a_dead_process_left_behind_does_not_stand_in_the_way(story: Story) -> None:
    story.models(("m", "ds@1"))
    story.attributions(("ds@1", "a1", "ann"))
    story.policy()
    story.open("jan", "2026-01-01", "2026-02-01")
    left, _ = start(subject="cycle:jan", step="lock", act=story.act(), request={"key": "jan"})
    assert claim(left.pk) is not None
    cycles.lock(key="jan", act=story.act())  # and here it died
    with pytest.raises(Conflict, match="has started to lock it"):  # its lease holds: it may still be at work
        request_cycle_step(step="calculate", key="jan", act=story.act(), queue=False)
    with connection.cursor() as cursor:
        cursor.execute("UPDATE runs_run SET lease_until = clock_timestamp() - interval '1 second'")
    run, new = request_cycle_step(step="calculate", key="jan", act=story.act(), queue=False)
    assert new
    assert Run.objects.get(pk=run.pk).state == "done"
    assert Run.objects.get(pk=left.pk).state == "done"
    assert Cycle.objects.get(key="jan").state == "calculated"
