"""The nightly verification: a run whose verdict is kept, shown, and loud where something is wrong."""

from datetime import timedelta
from typing import Any

import pytest
from django.db import connection
from django.test import Client

from config.celery import app
from revshare.access.operations import create_user
from revshare.audit_trail.models import Event
from revshare.clock import now
from revshare.continuity.models import Restoration
from revshare.runs.models import Run
from revshare.runs.operations import start
from revshare.tasks import VERIFIED, perform
from revshare.verification.models import StoredVerdict
from revshare.verification.nightly import verify_and_keep
from tests.ownership import owner
from tests.stories import Story

pytestmark = pytest.mark.django_db


def verified(story: Story, *, hours_ago: int = 0) -> StoredVerdict:
    """As a worker does it."""
    story.at = now() - timedelta(hours=hours_ago)
    run, _ = start(subject=VERIFIED, step="verify", act=story.act("nightly"))
    perform(run.pk)
    run.refresh_from_db()
    assert (run.state, run.error) == ("done", "")
    return StoredVerdict.objects.get(run=run)


def health() -> tuple[int, dict[str, Any]]:
    answer = Client().get("/health")
    return answer.status_code, answer.json()


def home(story: Story) -> str:
    client = Client()
    client.force_login(
        create_user(name="olga", roles=["operator"], contributor_id=None, password="correct horse", act=story.act())
    )
    answer = client.get("/console/")
    assert answer.status_code == 200
    return answer.content.decode()


def a_month(story: Story) -> None:
    story.models(("m", "ds@1"))
    story.attributions(("ds@1", "a1", "ann"))
    story.policy()
    story.sales(("s1", "2026-01-10T00:00:00Z", "m", "USD", "100.00"))
    story.publish("jan", "2026-01-01", "2026-02-01")


def test_a_clean_night_is_kept_and_shown(story: Story) -> None:
    assert health() == (200, {"well": True, "wrong": [], "reconciled": True, "verified": None})
    a_month(story)
    verdict = verified(story)
    assert (verdict.is_clean, verdict.cycles, verdict.asked_by) == (True, 1, "nightly")
    status, said = health()
    assert (status, said["wrong"], said["verified"]["clean"]) == (200, [], True)
    assert "1 cycle computed again" in home(story)
    assert verify_and_keep(run=verdict.run, act=story.act(), progress=lambda *_: None) == verdict  # delivered again


def test_a_night_that_finds_something_is_loud(story: Story, caplog: pytest.LogCaptureFixture) -> None:
    a_month(story)
    with owner(), connection.cursor() as cursor:
        cursor.execute("SET CONSTRAINTS ALL IMMEDIATE")
        cursor.execute("ALTER TABLE audit_event DISABLE TRIGGER USER")
        cursor.execute("UPDATE audit_event SET actor = 'mallory' WHERE seq = 2")
        cursor.execute("ALTER TABLE audit_event ENABLE ALWAYS TRIGGER audit_event_no_change")
    verdict = verified(story)
    assert verdict.findings_count > 0
    event = Event.objects.get(action="instance.not_clean")
    assert event.detail["first"] == verdict.findings[0]
    assert "verify found" in caplog.text
    assert health()[0] == 503
    assert health()[1]["wrong"] == ["not_clean"]
    assert "Not in order" in home(story)


def test_nights_without_a_worker_are_told(story: Story) -> None:
    verified(story, hours_ago=47)
    assert health()[0] == 200
    verified(story, hours_ago=49)
    status, said = health()
    assert (status, said["wrong"]) == (503, ["not_verified_lately"])


def test_a_restored_instance_says_that_it_is_closed(story: Story) -> None:
    Restoration.objects.create(restored_at=story.at, restored_by="olivia")
    assert health() == (503, {"well": False, "wrong": ["not_reconciled"], "reconciled": False, "verified": None})
    assert "Closed: nothing is published or paid" in home(story)


def test_a_run_that_verifies_stands_on_the_first_page(story: Story) -> None:
    start(subject=VERIFIED, step="verify", act=story.act("nightly"))
    assert "Verifying" in home(story)


def test_beat_asks_for_it_every_night() -> None:
    entry = app.conf.beat_schedule["verify"]
    assert (entry["task"], entry["schedule"].hour, entry["schedule"].minute) == ("revshare.tasks.verify", {3}, {0})
    app.loader.import_default_modules()
    assert "revshare.tasks.verify" in app.tasks
    assert "sweep" in app.conf.beat_schedule


def test_one_that_waits_is_taken_for_the_next(story: Story) -> None:
    for _ in range(2):
        start(subject=VERIFIED, step="verify", act=story.act("nightly"))
    assert Run.objects.filter(subject=VERIFIED).count() == 1
