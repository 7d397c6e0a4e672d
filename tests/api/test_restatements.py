"""Void files and restatements through the API: drafted, approved and posted by whoever may."""

from pathlib import Path
from typing import Any

import pytest

from revshare.files.models import IngestedFile, Void
from revshare.tasks import perform
from tests.api.conftest import CANARY, Shop, content
from tests.conftest import AT
from tests.stories import Story

pytestmark = pytest.mark.django_db


def asked(shop: Shop, who: str, place: str, body: Any, status: int) -> Any:
    answer = shop.call(who, "POST", place, body)
    assert answer.status_code == status, answer.content
    return answer.json()


def drafted_by_a_worker(shop: Shop, body: Any) -> Any:
    """Olivia asks for a draft, twice; a worker makes one."""
    started = asked(shop, "olivia", "restatements/", body, 202)
    busy = asked(shop, "olivia", "restatements/", body, 409)
    assert (busy["code"], busy["run"]) == ("busy", started["run"])
    assert asked(shop, "olivia", "restatements/", {"cycle": "2026-04", "late": True}, 409)["code"] == "conflict"
    perform(started["run"])
    run = shop.call("olivia", "GET", f"runs/{started['run']}/").json()
    assert (run["state"], run["error"]) == ("done", "")
    return shop.call("olivia", "GET", f"restatements/{run['outcome']['restatement']}/").json()


@pytest.fixture
def voided(shop: Shop) -> int:
    """The shop's sales are void: April, 10.00 USD of which 20% were shared over three assets, is closed with them."""
    file = IngestedFile.objects.get(kind="sales").pk
    asked(shop, "olivia", f"files/{file}/quarantine/dismiss", {"reason": "nobody knows it"}, 200)
    told = asked(shop, "olivia", f"files/{file}/void", {"reason": "in cents"}, 200)
    assert told["cycles"] == ["2026-04", "2026-05"]
    return int(file)


def test_a_cycle_is_restated_by_three_people(shop: Shop, voided: int) -> None:
    drafted = drafted_by_a_worker(shop, {"cycle": "2026-04", "void": [voided]})
    assert (drafted["key"], drafted["state"]) == ("2026-04/1", "draft")
    assert drafted["words"] == f"file {voided} void"
    totals = {row["bucket"]: (row["old_micros"], row["difference_micros"]) for row in drafted["totals"]}
    assert totals == {
        "contributor": ("2000000", "-2000000"), "platform": ("8000000", "-8000000"), "sales": ("-10000000", "10000000"),
        "carried": ("0", "0"), "suspense": ("0", "0"),
    }  # fmt: skip
    place = f"restatements/{drafted['id']}/"
    lines = shop.call("fay", "GET", f"{place}lines/?bucket=contributor").json()["results"]
    assert {line["contributor_id"]: line["difference_micros"] for line in lines} == {
        "ann": "-1333333",
        CANARY: "-666667",
    }
    seen = {"digest": drafted["digest"]}
    asked(shop, "fay", f"{place}post", {}, 409)
    asked(shop, "vera", f"{place}approve", {"digest": "0" * 64}, 409)
    assert asked(shop, "vera", f"{place}approve", seen, 200)["state"] == "approved"
    posted = asked(shop, "fay", f"{place}post", {}, 200)
    assert (posted["state"], posted["approved_by"], posted["posted_by"]) == ("posted", "vera", "fay")
    assert asked(shop, "fay", f"{place}post", {}, 200)["journal"] == posted["journal"]
    listed = shop.call("vera", "GET", "restatements/?cycle=2026-04").json()["results"]
    assert [row["state"] for row in listed] == ["posted"]
    assert shop.call("vera", "GET", "restatements/?cycle=2026-05").json()["results"] == []
    rows = content(shop.call("fay", "GET", f"{place}lines.csv")).splitlines()
    assert rows[0].startswith("bucket,contributor_id,currency,table,model")
    assert "contributor,ann,USD,default,m1,,,,1333333,0,-1333333" in rows


def test_who_may_not(shop: Shop, voided: int) -> None:
    file = IngestedFile.objects.exclude(kind="sales").first()
    assert file is not None
    for who in ("vera", "fay", "ann"):
        asked(shop, who, f"files/{voided}/void", {"reason": "again"}, 403)
        asked(shop, who, "restatements/", {"cycle": "2026-04", "late": True}, 403)
    drafted = drafted_by_a_worker(shop, {"cycle": "2026-04", "void": [voided]})
    place = f"restatements/{drafted['id']}/"
    for who in ("olivia", "fay", "ann"):
        asked(shop, who, f"{place}approve", {"digest": drafted["digest"]}, 403)
    asked(shop, "vera", f"{place}post", {}, 403)
    for address in ("restatements/", place, f"{place}lines/", f"{place}lines.csv"):
        assert shop.call("ann", "GET", address).status_code == 403
        assert shop.call("", "GET", address).status_code == 401


def test_a_late_sale_is_chosen(shop: Shop, tmp_path: Path) -> None:
    Story(tmp_path, AT).sales(
        ("l1", "2026-04-20T00:00:00Z", "m1", "USD", "20.00"), ("l2", "2026-04-20T00:00:00Z", "m1", "USD", "5.00")
    )  # fmt: skip
    body = {"cycle": "2026-04", "late_sales": ["l1"]}
    run = asked(shop, "olivia", "restatements/", body, 202)["run"]
    perform(run)
    outcome = shop.call("olivia", "GET", f"runs/{run}/").json()["outcome"]
    drafted = shop.call("olivia", "GET", f"restatements/{outcome['restatement']}/").json()
    assert drafted["words"] == "late sale l1"
    totals = {row["bucket"]: row["difference_micros"] for row in drafted["totals"]}
    assert (totals["sales"], totals["contributor"]) == ("-20000000", "4000000")


@pytest.mark.parametrize(
    ("body", "status"),
    [({"cycle": "2026-04"}, 422), ({"cycle": "2026-05", "late": True}, 422), ({"cycle": "x", "late": True}, 404),
     ({"cycle": "2026-04", "void": [999]}, 422), ({"cycle": "2026-04", "policy": "none"}, 404),
     ({"cycle": "2026-04", "late_files": [999]}, 404), ({"cycle": "2026-04", "late_files": [1], "late": True}, 422),
     ({"cycle": "2026-04", "late_sales": "s1"}, 400), ({"cycle": "2026-04", "late_sales": ["s"] * 1001}, 400),
     ({"cycle": "2026-04", "manifests": {"v1": "v9"}}, 404), ({"cycle": "2026-04", "size": 1}, 400)],
)  # fmt: skip
def test_what_is_wrong_with_a_draft_is_said(shop: Shop, body: dict[str, Any], status: int) -> None:
    asked(shop, "olivia", "restatements/", body, status)


def test_a_file_is_void_once_and_for_one_reason(shop: Shop, voided: int) -> None:
    asked(shop, "olivia", f"files/{voided}/void", {"reason": "in cents"}, 200)
    asked(shop, "olivia", f"files/{voided}/void", {"reason": "another"}, 409)
    asked(shop, "olivia", f"files/{IngestedFile.objects.get(kind='models').pk}/void", {"reason": "wrong"}, 422)
    asked(shop, "olivia", "files/9999/void", {"reason": "wrong"}, 404)
    assert Void.objects.count() == 1
