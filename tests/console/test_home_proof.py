"""A proof that waits for a worker stands on the first page, with the cycle it is about."""

import pytest
from django.test import Client

from revshare.access.operations import create_user
from revshare.runs.operations import start
from tests.stories import Story

pytestmark = pytest.mark.django_db


def test_a_proof_that_waits_is_shown_and_leads_to_its_cycle(story: Story) -> None:
    story.policy()
    story.open("june", "2026-06-01", "2026-07-01")
    start(subject="proof:june", step="prove", act=story.act(), request={"key": "june"})
    client = Client()
    client.force_login(
        create_user(name="olivia", roles=["operator"], contributor_id=None, password="correct horse", act=story.act())
    )
    answer = client.get("/console/")
    assert answer.status_code == 200
    assert "Making the proof of" in answer.content.decode()
    assert client.get("/console/cycle/june/").status_code == 200
