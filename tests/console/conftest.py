"""People of every role, their browsers without a browser, and a marketplace with something in every stage."""

from collections.abc import Callable
from typing import Any

import pytest
from django.core.cache import cache
from django.test import Client

from revshare.access.models import User
from revshare.access.operations import create_user
from revshare.audit_trail.operations import Act
from revshare.cycles.models import Cycle
from revshare.files import uploads
from revshare.files.models import QuarantinedRow
from revshare.files.quarantine import dismiss
from revshare.runs.models import Run
from revshare.tasks import perform, request_step
from tests.stories import Story

ROLES = {
    "olivia": ["operator"], "adam": ["approver"], "fiona": ["finance"], "both": ["approver", "operator"],
    "carl": ["contributor"],
}  # fmt: skip
SignIn = Callable[[str], Client]


@pytest.fixture(autouse=True)
def _quick(settings: Any, no_query_in_a_loop: None) -> None:
    settings.PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]


@pytest.fixture(autouse=True)
def _forgetful() -> None:
    """Ids start anew in every test's database; what is kept of another test's cycle must not be shown."""
    cache.clear()


@pytest.fixture
def market(story: Story, act: Act) -> Story:
    """Ann holds three of four assets, Ben one; a policy; one cycle published, one calculated, one open."""
    story.take("contributors", ("contributor_id", "contributor_name", "email"), [
        ("ann", "Ann", "ann@example.org"), ("ben", "Ben", ""), ("x", "Xaver", "not an address"),
    ])  # fmt: skip
    story.models(("m", "ds@1"))
    story.attributions(("ds@1", "1", "ann"), ("ds@1", "2", "ann"), ("ds@1", "3", "ann"), ("ds@1", "4", "ben"))
    story.sales(
        ("s1", "2026-04-10T00:00:00Z", "m", "USD", "100.00"), ("s2", "2026-05-10T00:00:00Z", "m", "USD", "50.00"),
        ("s3", "2026-06-10T00:00:00Z", "m", "USD", "10.00"),
    )  # fmt: skip
    story.policy()
    return story


@pytest.fixture
def cycles(market: Story, people: None) -> dict[str, Cycle]:
    """april is published (by others than the people here), may is calculated, june is open."""
    act = market.act("oscar", why="they know")
    dismiss(file_id=QuarantinedRow.objects.get().file_id, act=act)
    return {
        "april": market.publish("april", "2026-04-01", "2026-05-01"),
        "may": market.calculate("may", "2026-05-01", "2026-06-01"),
        "june": market.open("june", "2026-06-01", "2026-07-01"),
    }


@pytest.fixture
def people(market: Story, act: Act) -> None:
    for name, roles in ROLES.items():
        contributor = "ann" if "contributor" in roles else None
        create_user(name=name, roles=roles, contributor_id=contributor, password="secret", act=act)
    User.objects.create(username="root", is_superuser=True, is_staff=True)
    User.objects.create(username="nobody", is_staff=True)  # staff by Django's flag alone: no role


@pytest.fixture
def sign_in(people: None) -> SignIn:
    def client(name: str) -> Client:
        client = Client()
        client.force_login(User.objects.get(username=name))
        return client

    return client


def take_in(name: str, kind: str, content: bytes, act: Act) -> tuple[Any, Run]:
    """An upload that a worker has been at."""
    upload = uploads.receive(kind=kind, name=name, chunks=[content], act=act)
    run, _ = request_step(
        step="ingest", subject=f"upload:{upload.pk}", act=act, request={"upload": upload.pk}, queue=True
    )
    perform(run.pk)
    upload.refresh_from_db()
    run.refresh_from_db()
    return upload, run
