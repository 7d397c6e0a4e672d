"""Who may does not, where it is their own money or their own work (I29)."""

import json
from typing import Any

import pytest
from django.test import Client

from revshare.access.operations import create_user
from revshare.access.tokens import make_token
from revshare.audit_trail.models import Event
from revshare.audit_trail.operations import Act
from revshare.clock import now
from tests.access.conftest import CANARY, OWN, PASSWORD, Market

pytestmark = pytest.mark.django_db


def call(market: Market, who: str, method: str, path: str, **body: Any) -> Any:
    headers = {"Authorization": f"Token {market.tokens[who]}"}
    return Client().generic(method, f"/api/v1/{path}", json.dumps(body).encode(), "application/json", headers=headers)


def approver_who_is(market: Market, contributor: str) -> str:
    """A token of somebody who approves and is also a contributor."""
    act = Act(actor="test", at=now())
    user = create_user(
        name="judge", roles=["approver", "contributor"], contributor_id=contributor, password=PASSWORD, act=act
    )
    market.tokens["judge"] = make_token(user=user, act=act)[1]
    return "judge"


def test_nobody_decides_on_their_own_claim(market: Market) -> None:
    judge = approver_who_is(market, CANARY)
    claim = f"claims/{market.ids['claims']}"
    for action in ("uphold", "reject"):
        refused = call(market, judge, "POST", f"{claim}/{action}", reason="mine")
        assert (refused.status_code, refused.json()["code"]) == (403, "not_allowed")
    assert call(market, "approver", "GET", f"{claim}/").json()["state"] == "filed"


def test_nobody_decides_on_their_own_advance(market: Market) -> None:
    judge = approver_who_is(market, CANARY)
    debt = f"debts/{market.ids['debts']}"
    refused = call(market, judge, "POST", f"{debt}/approve", reason="mine")
    assert (refused.status_code, refused.json()["code"]) == (403, "not_allowed")


def test_where_money_goes_is_masked_for_finance_and_for_nobody_else(market: Market) -> None:
    listed = call(market, "finance", "GET", f"payouts/destinations/?contributor={OWN}").json()["results"]
    assert [(row["contributor_id"], row["destination"]) for row in listed] == [(OWN, "… ann")]
    for who in ("operator", "approver", "contributor", "other"):
        assert call(market, who, "GET", "payouts/destinations/").status_code == 403


def test_superusers_look_by_the_api_as_in_the_console_and_leave_a_trace(market: Market) -> None:
    number = market.numbers[OWN]
    assert call(market, "superuser", "GET", f"statements/{number}/").status_code == 200
    assert Event.objects.filter(action="statement.read", actor="superuser", object=f"statement:{number}").count() == 1
    assert call(market, "superuser", "GET", "cycles/").status_code == 200
    assert call(market, "superuser", "POST", "cycles/2026-05/submit").status_code == 403


def test_an_export_by_the_api_is_on_record_too(market: Market) -> None:
    assert call(market, "operator", "GET", "cycles/2026-04/exports/statements.csv").status_code == 200
    event = Event.objects.get(action="cycle.exported")
    assert (event.actor, event.object, event.detail["kind"]) == ("operator", "cycle:2026-04", "statements")
