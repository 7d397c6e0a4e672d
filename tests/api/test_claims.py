"""Claims through the API: filed, proven and decided by whoever may; what was held is told as it is released."""

from typing import Any

import pytest

from revshare.claims.models import Claim
from tests.api.conftest import CANARY, Shop

pytestmark = pytest.mark.django_db
CLAIM = {"claimant_id": CANARY, "dataset_version": "v1", "asset_id": "a1", "proof": "the raw file"}
WHY = {"reason": "the negative"}


def asked(shop: Shop, who: str, place: str, body: Any, status: int) -> Any:
    answer = shop.call(who, "POST", place, body)
    assert answer.status_code == status, answer.content
    return answer.json()


def test_a_claim_from_filing_to_decision(shop: Shop) -> None:
    filed = asked(shop, "olivia", "claims/", CLAIM, 201)
    assert (filed["state"], filed["steps"]) == ("filed", [])
    place = f"claims/{filed['id']}/"
    asked(shop, "vera", f"{place}uphold", WHY, 409)
    assert asked(shop, "olivia", f"{place}prove", WHY, 200)["state"] == "proven"
    asked(shop, "olivia", f"{place}uphold", WHY, 403)
    decided = asked(shop, "vera", f"{place}uphold", WHY, 200)
    assert decided["released"] == []
    assert [step["action"] for step in decided["claim"]["steps"]] == ["prove", "uphold"]
    listed = shop.call("fay", "GET", "claims/?state=upheld").json()["results"]
    assert [row["id"] for row in listed] == [filed["id"]]
    assert shop.call("fay", "GET", "claims/?state=filed").json()["results"] == []


@pytest.mark.parametrize(
    ("changes", "status"),
    [({"asset_id": "z9"}, 404), ({"claimant_id": "nobody"}, 404), ({"days": 0}, 400), ({"proof": " "}, 422), ({"size": 1}, 400)],
)  # fmt: skip
def test_what_is_wrong_with_a_claim_is_said(shop: Shop, changes: dict[str, Any], status: int) -> None:
    asked(shop, "olivia", "claims/", CLAIM | changes, status)
    assert not Claim.objects.exists()


def test_nothing_held_is_not_released(shop: Shop) -> None:
    answer = asked(shop, "olivia", "held/release", {"contributor_id": "ann", "reason": "came back"}, 422)
    assert answer["code"] == "nothing_held"
