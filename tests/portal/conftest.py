"""Ann, Ben and Cy, made by real operations: one published cycle and one that is only calculated.

They are made once for the tests of a module, and each test sees them as they were made: all of a module's tests that tell
something have the marketplace, or none has.
"""

from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import pytest
from django.test import Client, override_settings

from revshare.access.models import User
from revshare.access.operations import create_user
from revshare.audit_trail.operations import Act
from revshare.contributors.models import Contributor
from revshare.statements.models import Statement
from tests.conftest import AT
from tests.stories import Story

MAY_KEY = "2026 May"
ANN, BEN, CY = "=1+1", "CANARY-ID-BEN", "cy"
NAMES = {ANN: "Ann <b>&amp; Co</b>", BEN: "CANARY-NAME-BEN", CY: "Cy"}
QUICK = ["django.contrib.auth.hashers.MD5PasswordHasher"]
PASSWORD = "correct horse battery"


@dataclass
class Marketplace:
    """Statement numbers by (contributor, cycle); people by name."""

    numbers: dict[tuple[str, str], str] = field(default_factory=dict)
    people: dict[str, User] = field(default_factory=dict)

    def client(self, person: str) -> Client:
        """A browser in which this person is signed in; nobody if the name is not known."""
        client = Client()
        if person in self.people:
            client.force_login(self.people[person])
        return client

    def statement(self, contributor: str, cycle: str) -> Statement:
        return Statement.objects.select_related("cycle__policy", "contributor").get(
            number=self.numbers[contributor, cycle]
        )


def worked_example(story: Any) -> None:
    """Two assets: the first is Ann's, the second belongs to all three. One sale of $10.000003, a share of 20%."""
    story.take("contributors", ("contributor_id", "contributor_name"), list(NAMES.items()))
    story.attributions(("d@1", "a1", ANN), ("d@1", "a2", ANN), ("d@1", "a2", BEN), ("d@1", "a2", CY))
    story.models(("m", "d@1"))
    story.policy()
    story.sales(("s1", "2026-05-10T00:00:00Z", "m", "USD", "10.000003"))
    story.sales(("s2", "2026-06-10T00:00:00Z", "m", "USD", "7.00"))


@pytest.fixture(autouse=True)
def _quick_passwords(settings: Any, no_query_in_a_loop: None) -> None:
    """Slow hashing is Django's business, not ours."""
    settings.PASSWORD_HASHERS = QUICK


@pytest.fixture
def story(request: pytest.FixtureRequest, tmp_path: Path, db: None) -> Story:
    """The marketplace's goes on, where there is one."""
    if "told" in request.fixturenames:
        told = request.getfixturevalue("told")
        return replace(told, folder=tmp_path, policies=dict(told.policies))
    assert not Contributor.objects.exists(), "others of the module have a marketplace"
    request.getfixturevalue("one_duckdb")
    return Story(folder=tmp_path, at=AT)


@pytest.fixture(scope="module")
def _marketplace(told: Story) -> None:
    worked_example(told)
    told.publish("2026 May", "2026-05-01", "2026-06-01", zone="Europe/London")
    told.calculate("2026-06", "2026-06-01", "2026-07-01", zone="Europe/London")
    act = Act(actor="olivia", at=AT)
    with override_settings(PASSWORD_HASHERS=QUICK):
        for name, roles, contributor in (
            ("ann", ["contributor"], ANN), ("ben", ["contributor"], BEN), ("operator", ["operator"], None),
            ("approver", ["approver"], None), ("finance", ["finance"], None), ("both", ["contributor", "operator"], CY),
        ):  # fmt: skip
            create_user(name=name, roles=roles, contributor_id=contributor, password=PASSWORD, act=act)
        User.objects.create_superuser("root", password=PASSWORD)
        User.objects.create_user("nobody", password=PASSWORD)


@pytest.fixture
def marketplace(_marketplace: None, db: None) -> Marketplace:
    """A published cycle with a blank in its key, a calculated one, and somebody for each role."""
    numbers = Statement.objects.values_list("contributor_id", "cycle__key", "number")
    return Marketplace(
        numbers={(contributor, cycle): number for contributor, cycle, number in numbers},
        people={user.username: user for user in User.objects.all()},
    )
