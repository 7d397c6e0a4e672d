"""The review on the cycle's page: the difference for all, the decision for approvers who did not prepare it."""

from typing import Any

import pytest
from django.test import Client
from django.urls import reverse

from revshare.access.operations import create_user
from revshare.cycles import operations as cycles_operations
from revshare.cycles.models import Cycle
from revshare.reviews.models import Decision
from tests.reviews.conftest import calculate, market, release, sell
from tests.stories import Story

pytestmark = pytest.mark.django_db


@pytest.fixture(scope="module")
def _april(told: Story) -> None:
    market(told)
    for number in (1, 2, 3):
        sell(told, number, ("k1", "m", "60.00"), ("k2", "m", "40.00"))
        release(told, calculate(told, number))
    sell(told, 4, ("k1", "m", "61.00"), ("k2", "m", "1200.00"))
    cycles_operations.submit(key=calculate(told, 4).key, act=told.act())


@pytest.fixture
def stopped(_april: None, db: None) -> Cycle:
    """April has one customer too many, and is in review."""
    return Cycle.objects.get(key="2026-04")


def client(name: str, *roles: str, contributor: str | None = None) -> Client:
    from django.contrib.auth import get_user_model

    from revshare.audit_trail.operations import Act
    from tests.conftest import AT

    users = get_user_model()
    if not users.objects.filter(username=name).exists():
        act = Act(actor="root", at=AT)
        create_user(name=name, roles=list(roles), contributor_id=contributor, password="secret", act=act)
    made = Client()
    made.force_login(users.objects.get(username=name))
    return made


def decide(person: Client, number: int, action: str, reason: str = "it is right") -> Any:
    url = reverse("admin:cycle-finding", args=["2026-04", number])
    return person.post(url, {"action": action, "reason": reason})


def test_an_approver_stops_a_month_and_lets_it_pass(stopped: Cycle) -> None:
    adam = client("adam", "approver")
    page = reverse("admin:cycle", args=["2026-04"])
    text = adam.get(page).content.decode()
    for shown in (
        "4 findings to decide",
        "customer k2",
        "Difference to",
        "4 findings are not overridden",
        "Control totals",
    ):
        assert shown in text, shown
    assert "Approve this result</button>" not in text
    assert decide(adam, 2, "stop", "k2 bought nothing").status_code == 302
    assert "k2 bought nothing" in adam.get(page).content.decode()
    forged = adam.post(reverse("admin:cycle-move", args=["2026-04", "approve"]), {"digest": stopped.result_digest})
    assert forged.status_code == 302
    assert Cycle.objects.get(key="2026-04").state == "in_review"
    for number in (1, 2, 3, 4):
        decide(adam, number, "override")
    assert "Approve this result</button>" in adam.get(page).content.decode()
    adam.post(reverse("admin:cycle-move", args=["2026-04", "approve"]), {"digest": stopped.result_digest})
    assert Cycle.objects.get(key="2026-04").state == "approved"


def test_who_may_not_decide_is_told_so(stopped: Cycle) -> None:
    olivia = client("olivia", "operator", "approver")  # she prepared it
    assert (
        "You prepared this cycle: another person decides"
        in olivia.get(reverse("admin:cycle", args=["2026-04"])).content.decode()
    )
    decide(olivia, 1, "override")
    assert decide(client("fiona", "finance"), 1, "override").status_code == 403
    adam = client("adam", "approver")
    decide(adam, 99, "override")
    decide(adam, 1, "nonsense")
    decide(adam, 1, "override", reason=" ")
    assert Decision.objects.filter(cycle=stopped).count() == 0


def test_the_difference_as_csv(stopped: Cycle) -> None:
    adam = client("adam", "approver")
    answer = adam.get(reverse("admin:cycle-difference", args=["2026-04"]))
    lines = b"".join(answer.streaming_content).decode().splitlines()
    assert lines[0] == "contributor_id,currency,before_micros,after_micros,difference_micros,what"
    assert lines[40] == "c40,USD,975610,12302439,11326829,stayed"  # 40 of 820 parts of 20.00 and of 252.20
    assert len(lines) == 41
    assert client("carl", "contributor", contributor="c01").get(
        reverse("admin:cycle-difference", args=["2026-04"])
    ).status_code == 403  # fmt: skip
