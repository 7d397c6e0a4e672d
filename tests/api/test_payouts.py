"""A payment from the draft to the register by the API: two people, one digest."""

import csv
import io
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from revshare.audit_trail.operations import Act
from revshare.ingest.operations import ingest
from revshare.payouts import payable
from revshare.tasks import perform
from tests.api.conftest import Shop
from tests.conftest import AT


@pytest.fixture
def payees(tmp_path: Path) -> Callable[[], Any]:
    """Tells of Ann's payee."""
    path = tmp_path / "payees.csv"
    path.write_text("contributor_id,contributor_name,payee_id\nann,Ann,P-ann\n")
    return lambda: ingest(kind="contributors", path=path, act=Act(actor="olivia", at=AT))


def test_a_batch_goes_its_way(shop: Shop, payees: Callable[[], Any]) -> None:
    before = shop.call("fay", "GET", "payouts/why?contributor=ann").json()
    # Of 10 dollars in April a fifth is shared; two of three assets are Ann's.
    assert [(item["balance_micros"], item["payable"], [why["code"] for why in item["reasons"]]) for item in before] == [
        ("1333333", "0.00", ["no_payee"]),
    ]  # fmt: skip
    payees()
    made = shop.call("fay", "POST", "payouts/", {"currency": "USD"})
    assert made.status_code == 201
    batch = made.json()
    assert (batch["state"], batch["payments"], batch["total"]) == ("draft", 1, "1.33")
    place = f"payouts/{batch['id']}/"
    listed = shop.call("vera", "GET", f"{place}payments/").json()["results"]
    assert [(item["contributor_id"], item["amount"], item["state"]) for item in listed] == [("ann", "1.33", "live")]
    assert shop.call("fay", "GET", f"{place}register.csv").status_code == 409
    assert shop.call("vera", "POST", f"{place}approve", {"digest": "0" * 64}).status_code == 409
    approved = shop.call("vera", "POST", f"{place}approve", {"digest": batch["digest"]})
    assert (approved.status_code, approved.json()["approved_by"]) == (200, "vera")
    assert shop.call("fay", "POST", f"{place}export", {}).json()["state"] == "exported"
    assert shop.call("fay", "POST", f"{place}cancel", {}).status_code == 409
    register = shop.call("fay", "GET", f"{place}register.csv")
    rows = list(csv.DictReader(io.StringIO(register.content.decode())))
    assert [(row["contributor_id"], row["payee"], row["amount"]) for row in rows] == [("ann", "P-ann", "1.33")]
    assert shop.call("fay", "GET", "payouts/?state=exported").json()["results"][0]["id"] == batch["id"]
    assert shop.call("fay", "GET", "payouts/?state=draft").json()["results"] == []


def test_a_hold_is_placed_and_released_with_reasons(shop: Shop, payees: Callable[[], Any]) -> None:
    payees()
    held = shop.call("fay", "POST", "payouts/holds/", {"contributor_id": "ann", "reason": "in court"})
    assert held.status_code == 201
    assert shop.call("fay", "POST", "payouts/", {"currency": "USD"}).json()["code"] == "nothing_payable"
    assert shop.call("fay", "POST", f"payouts/holds/{held.json()['id']}/release", {}).status_code == 400
    released = shop.call("fay", "POST", f"payouts/holds/{held.json()['id']}/release", {"reason": "settled"})
    assert (released.status_code, released.json()["released_by"]) == (200, "fay")
    assert shop.call("fay", "POST", "payouts/", {"currency": "USD"}).status_code == 201


def test_where_accounts_are_many_a_worker_prepares_the_batch(
    shop: Shop, payees: Callable[[], Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    payees()
    monkeypatch.setattr(payable, "AT_ONCE", 0)
    asked = shop.call("fay", "POST", "payouts/", {"currency": "USD"})
    assert (asked.status_code, asked.json()["currency"]) == (202, "USD")
    run = asked.json()["run"]
    assert asked.headers["Location"].endswith(f"/api/v1/runs/{run}/")
    assert shop.call("fay", "POST", "payouts/", {"currency": "USD"}).json()["run"] == run
    assert shop.call("fay", "GET", "payouts/").json()["results"] == []
    perform(run)
    batch = shop.call("fay", "GET", f"runs/{run}/").json()["outcome"]["batch"]
    assert shop.call("fay", "GET", f"payouts/{batch}/").json()["total"] == "1.33"
    assert shop.call("fay", "POST", "payouts/", {"currency": "XXX"}).status_code == 422
