"""People of every role, their browsers without a browser, and a marketplace with something in every stage.

It is made once for the tests of a module, and each test sees it as it was made: all of a module's tests have its cycles, or
none has.
"""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from django.core.cache import cache
from django.test import Client, override_settings

from revshare.access.models import User
from revshare.access.operations import create_user
from revshare.audit_trail.operations import Act
from revshare.cycles.models import Cycle
from revshare.files import uploads
from revshare.files.models import QuarantinedRow
from revshare.files.quarantine import dismiss
from revshare.runs.models import Run
from revshare.tasks import perform, request_step
from tests.conftest import AT
from tests.stories import Story

ROLES = {
    "olivia": ["operator"], "adam": ["approver"], "fiona": ["finance"], "both": ["approver", "operator"],
    "carl": ["contributor"],
}  # fmt: skip
QUICK = ["django.contrib.auth.hashers.MD5PasswordHasher"]
SignIn = Callable[[str], Client]


@pytest.fixture(autouse=True)
def _quick(settings: Any, no_query_in_a_loop: None) -> None:
    settings.PASSWORD_HASHERS = QUICK


@pytest.fixture(autouse=True)
def _forgetful() -> None:
    """Ids start anew in every test's database; what is kept of another test's cycle must not be shown."""
    cache.clear()


@pytest.fixture(scope="module")
def _market(told: Story) -> None:
    told.take("contributors", ("contributor_id", "contributor_name", "email"), [
        ("ann", "Ann", "ann@example.org"), ("ben", "Ben", ""), ("x", "Xaver", "not an address"),
    ])  # fmt: skip
    told.models(("m", "ds@1"))
    told.attributions(("ds@1", "1", "ann"), ("ds@1", "2", "ann"), ("ds@1", "3", "ann"), ("ds@1", "4", "ben"))
    told.sales(
        ("s1", "2026-04-10T00:00:00Z", "m", "USD", "100.00"), ("s2", "2026-05-10T00:00:00Z", "m", "USD", "50.00"),
        ("s3", "2026-06-10T00:00:00Z", "m", "USD", "10.00"),
    )  # fmt: skip
    told.policy()
    with override_settings(PASSWORD_HASHERS=QUICK):
        for name, roles in ROLES.items():
            contributor, act = "ann" if "contributor" in roles else None, Act(actor="olivia", at=AT, why="test")
            create_user(name=name, roles=roles, contributor_id=contributor, password="secret", act=act)
    User.objects.create(username="root", is_superuser=True, is_staff=True)
    User.objects.create(username="nobody", is_staff=True)  # staff by Django's flag alone: no role


@pytest.fixture(scope="module")
def _cycles(_market: None, told: Story) -> None:
    act = told.act("oscar", why="they know")
    dismiss(file_id=QuarantinedRow.objects.get().file_id, act=act)
    told.publish("april", "2026-04-01", "2026-05-01")
    told.calculate("may", "2026-05-01", "2026-06-01")
    told.open("june", "2026-06-01", "2026-07-01")


@pytest.fixture
def market(_market: None, told: Story, tmp_path: Path, request: pytest.FixtureRequest, db: None) -> Story:
    """Ann holds three of four assets, Ben one; a policy; sales of three months, and somebody for each role."""
    assert "cycles" in request.fixturenames or not Cycle.objects.exists(), "others of the module have cycles"
    return replace(told, folder=tmp_path, policies=dict(told.policies))


@pytest.fixture
def cycles(_cycles: None, market: Story) -> dict[str, Cycle]:
    """april is published (by others than the people here), may is calculated, june is open."""
    return {key: Cycle.objects.get(key=key) for key in ("april", "may", "june")}


@pytest.fixture
def people(market: Story) -> None:
    """Those of `market`: one for each role, and two who have none."""


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
