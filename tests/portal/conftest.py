"""Ann, Ben and Cy, made by real operations: one published cycle and one that is only calculated."""

from dataclasses import dataclass, field
from typing import Any

import pytest
from django.test import Client

from revshare.access.models import User
from revshare.access.operations import create_user
from revshare.audit_trail.operations import Act
from revshare.statements.models import Statement
from tests.conftest import AT

MAY_KEY = "2026 May"
ANN, BEN, CY = "=1+1", "CANARY-ID-BEN", "cy"
NAMES = {ANN: "Ann <b>&amp; Co</b>", BEN: "CANARY-NAME-BEN", CY: "Cy"}
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
    settings.PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]


@pytest.fixture
def marketplace(story: Any) -> Marketplace:
    """A published cycle with a blank in its key, a calculated one, and somebody for each role."""
    worked_example(story)
    story.publish("2026 May", "2026-05-01", "2026-06-01", zone="Europe/London")
    story.calculate("2026-06", "2026-06-01", "2026-07-01", zone="Europe/London")
    made = Marketplace()
    for number, contributor, cycle in Statement.objects.values_list("number", "contributor_id", "cycle__key"):
        made.numbers[contributor, cycle] = number
    act = Act(actor="olivia", at=AT)
    for name, roles, contributor in (
        ("ann", ["contributor"], ANN), ("ben", ["contributor"], BEN), ("operator", ["operator"], None),
        ("approver", ["approver"], None), ("finance", ["finance"], None), ("both", ["contributor", "operator"], CY),
    ):  # fmt: skip
        made.people[name] = create_user(name=name, roles=roles, contributor_id=contributor, password=PASSWORD, act=act)
    made.people["root"] = User.objects.create_superuser("root", password=PASSWORD)
    made.people["nobody"] = User.objects.create_user("nobody", password=PASSWORD)
    return made
