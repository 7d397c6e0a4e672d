"""The lab over the API: policies by name and as text, beside the cycle's own; and policies in plain language."""

from typing import Any

import pytest

from revshare.audit_trail.models import Event
from revshare.policies.models import Policy
from tests.api.conftest import CANARY, POLICY, Shop, content

DRAFT = POLICY.format(version="draft").replace("20%", "50%")


def test_a_draft_beside_the_cycles_own_policy(shop: Shop) -> None:
    """10 USD over two assets of Ann's and one of Bob's."""
    answer = shop.call("fay", "POST", "cycles/2026-04/lab", {"texts": [DRAFT]})
    assert answer.status_code == 200
    told: dict[str, Any] = answer.json()
    policy = Policy.objects.get()
    assert [(p["name"], p["registered"]) for p in told["policies"]] == [("fund@1", True), ("fund@draft", False)]
    assert told["policies"][0]["sha256"] == policy.sha256
    assert told["policies"][1]["sentences"]["default"][0] == "Contributors get 50% of sales less refunds."
    assert told["policies"][1]["pools"][0]["rule"] == (
        "50% of net sales × (your assets ÷ all assets in the model's dataset versions)"
    )
    (table,) = told["currencies"]
    own, draft = table["columns"]
    assert (own["total_micros"], own["platform_micros"], own["shift"]) == ("2000000", "8000000", None)
    assert (draft["total_micros"], draft["platform_micros"], draft["contributors"]) == ("5000000", "5000000", 2)
    assert (draft["gini"], draft["top_hundredth"], draft["median_micros"]) == ("0.166667", "0.666667", "1666667")
    assert draft["shift"]["winners"] == 2
    assert draft["gains"][0] == {
        "contributor_id": "ann", "name": "Ann", "before_micros": "1333333", "after_micros": "3333333",
        "difference_micros": "2000000",
    }  # fmt: skip
    assert Policy.objects.count() == 1
    assert not Event.objects.filter(action__contains="lab").exists()


def test_csv_of_registered_policies_by_name(shop: Shop) -> None:
    shop.call("olivia", "POST", "policies/", DRAFT.encode(), "text/plain")
    answer = shop.call("fay", "POST", "cycles/2026-04/lab.csv", {"policies": ["fund@draft"]})
    assert answer["Content-Type"] == "text/csv; charset=utf-8"
    assert content(answer) == (
        "contributor_id,currency,fund@1_micros,fund@draft_micros,difference_micros\n"
        f"ann,USD,1333333,3333333,2000000\n{CANARY},USD,666667,1666667,1000000\n"
    )


@pytest.mark.parametrize(
    ("body", "status", "said"),
    [
        ({"policies": ["nothing"]}, 404, "There is no policy 'nothing'."),
        ({"policies": ["fund"]}, 422, "fund@1 is there twice"),
        ({"texts": ["no policy"]}, 422, "not valid TOML"),
        ({"texts": [DRAFT.replace("default", "data_deal")]}, 422, "no rule for the stream generation"),
        ({"policies": "fund"}, 400, "list"),
        ({"policy": ["fund"]}, 400, "no such field"),
        ({"texts": [DRAFT] * 8}, 400, "7"),
    ],
)
def test_what_is_wrong_is_said(shop: Shop, body: dict[str, Any], status: int, said: str) -> None:
    answer = shop.call("fay", "POST", "cycles/2026-04/lab", body)
    assert answer.status_code == status, content(answer)
    assert said in content(answer)


def test_a_policy_is_told_in_plain_language(shop: Shop) -> None:
    policy = Policy.objects.get()
    told = shop.call("fay", "GET", f"policies/{policy.pk}/").json()
    assert told["sha256"] == policy.sha256
    assert told["sentences"]["default"][0] == "Contributors get 20% of sales less refunds."
    assert told["sentences"]["eligibility"][0] == "Assets made by a machine earn nothing."
