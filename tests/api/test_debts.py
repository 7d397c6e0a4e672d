"""Debts over the API: asked for, granted by another, read with their steps and what was taken back."""

from typing import Any

from revshare.recoupments.models import Debt
from tests.api.conftest import Shop


def test_an_advance_from_asking_to_writing_off(shop: Shop) -> None:
    ask: dict[str, Any] = {"contributor_id": "ann", "currency": "USD", "amount": "5.00", "reason": "a camera"}
    for wrong in (
        {"amount": "-5"},
        {"amount": 5.0},
        {"currency": "usd"},
        {"reason": ""},
        {"starts_on": "soon"},
        {"more": 1},
    ):
        assert shop.call("fay", "POST", "debts/advances", ask | wrong).status_code == 400
    for wrong in ({"currency": "XYZ"}, {"amount": "0"}):
        assert shop.call("fay", "POST", "debts/advances", ask | wrong).status_code == 422
    made = shop.call("fay", "POST", "debts/advances", ask)
    assert made.status_code == 201
    number = made.json()["id"]
    assert (made.json()["state"], made.json()["left_micros"]) == ("asked", "0")
    granted = shop.call("vera", "POST", f"debts/{number}/approve", {"reason": "agreed"}).json()
    assert (granted["state"], granted["left_micros"], granted["recouped"]) == ("booked", "5000000", [])
    assert shop.call("vera", "POST", f"debts/{number}/decline", {"reason": "no"}).status_code == 409
    listed = shop.call("olivia", "GET", "debts/?state=booked&kind=advance").json()["results"]
    assert [row["id"] for row in listed] == [number]
    assert shop.call("olivia", "GET", "debts/?state=asked").json()["results"] == []
    shop.call("fay", "POST", "debts/overpayments", {"contributor_id": "ann", "currency": "USD", "reason": "x"})
    assert Debt.objects.count() == 1  # the account is not below zero
    steps = shop.call("fay", "GET", f"debts/{number}/").json()["steps"]
    assert [(step["action"], step["by"]) for step in steps] == [("book", "vera")]


def test_who_is_paid_in_what(shop: Shop) -> None:
    body = {"contributor_id": "ann", "currency": "EUR", "reason": "a letter"}
    made = shop.call("fay", "POST", "payouts/currencies/", body).json()
    assert (made["currency"], made["asked_for"], made["set_by"]) == ("EUR", "a letter", "fay")
    assert shop.call("olivia", "GET", "payouts/currencies/").json()["results"] == [made]
    [account] = shop.call("fay", "GET", "payouts/why?contributor=ann").json()
    assert (account["pays_in"], account["notes"]) == ("EUR", [])
    assert "rate_missing" in [why["code"] for why in account["reasons"]]
