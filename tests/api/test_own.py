"""What contributors do on their pages, through the API; a stranger gets nowhere."""

import io
import zipfile
from typing import Any

import pytest

from revshare.audit_trail.models import Event
from revshare.contributors.models import Contributor
from revshare.mail.models import Message, Preference
from tests.api.conftest import CANARY, Shop
from tests.conftest import AT

pytestmark = pytest.mark.django_db
WHY = {"reason": "the negative"}


def asked(shop: Shop, who: str, place: str, body: Any, status: int) -> Any:
    answer = shop.call(who, "POST", place, body)
    assert answer.status_code == status, answer.content
    return answer.json()


def read(shop: Shop, who: str, place: str) -> Any:
    answer = shop.call(who, "GET", place)
    assert answer.status_code == 200, answer.content
    return answer.json()


def test_balances_and_earnings_are_ones_own(shop: Shop) -> None:
    """$10 × 20% of three assets: two are Ann's, one is Bob's."""
    [ann], [bob] = read(shop, "ann", "own/balances/"), read(shop, "bob", "own/balances/")
    assert (ann["balance_micros"], bob["balance_micros"]) == ("1333333", "666667")
    assert "no_payee" in [why["code"] for why in ann["reasons"]]
    [cycle] = read(shop, "ann", "own/earnings/?currency=USD&by=model")
    assert (cycle["cycle"], cycle["parts"]) == ("2026-04", [{"name": "m1", "amount_micros": "1333333"}])
    assert shop.call("ann", "GET", "own/earnings/").status_code == 400
    assert shop.call("ann", "GET", "own/earnings/?currency=USD&by=luck").status_code == 400


def test_a_claim_is_filed_proven_and_seen_by_its_claimant_alone(shop: Shop) -> None:
    claim = {"dataset_version": "v1", "asset_id": "a3", "proof": "the raw file"}
    filed = asked(shop, "ann", "own/claims/", claim, 201)
    assert (filed["claimant_id"], filed["state"]) == ("ann", "filed")
    asked(shop, "ann", "own/claims/", claim | {"claimant_id": CANARY}, 400)
    place = f"own/claims/{filed['id']}/"
    assert shop.call("bob", "GET", place).status_code == 404
    asked(shop, "bob", f"{place}prove", WHY, 404)
    assert asked(shop, "ann", f"{place}prove", WHY, 200)["state"] == "proven"
    assert [row["id"] for row in read(shop, "ann", "own/claims/")["results"]] == [filed["id"]]
    assert read(shop, "bob", "own/claims/")["results"] == []


def test_letters_keep_what_is_not_said(shop: Shop) -> None:
    assert read(shop, "ann", "own/letters/") == {"language": "", "unwanted": []}
    asked(shop, "ann", "own/letters/", {"language": "ja"}, 200)
    kept = asked(shop, "ann", "own/letters/", {"unwanted": ["statement_published"]}, 200)
    assert kept == {"language": "ja", "unwanted": ["statement_published"]}
    asked(shop, "ann", "own/letters/", {"unwanted": ["security"]}, 400)
    assert Preference.objects.count() == 1


def test_ones_data_comes_whole_and_leaves_a_trace(shop: Shop) -> None:
    answer = shop.call("ann", "GET", "own/data.zip")
    with zipfile.ZipFile(io.BytesIO(answer.content)) as archive:
        assert "1333333" in archive.read("statements.csv").decode()
        assert not any(CANARY in archive.read(name).decode() for name in archive.namelist())
    assert Event.objects.filter(action="data.taken", object="contributor:ann", actor="ann").count() == 1


def test_a_deletion_is_asked_and_decided_by_another(shop: Shop) -> None:
    made = asked(shop, "ann", "own/deletions/", {"text": "I am leaving."}, 201)
    asked(shop, "ann", "own/deletions/", {}, 409)
    assert read(shop, "bob", "own/deletions/")["results"] == []
    [waiting] = read(shop, "vera", "deletions/")["results"]
    assert (waiting["id"], waiting["outcome"]) == (made["id"], "")
    place = f"deletions/{made['id']}/decide"
    asked(shop, "olivia", place, {"outcome": "granted", "reason": "x"}, 403)
    asked(shop, "vera", place, {"outcome": "maybe", "reason": "x"}, 400)
    assert asked(shop, "vera", place, {"outcome": "refused", "reason": "owed money"}, 200)["outcome"] == "refused"
    [seen] = read(shop, "ann", "own/deletions/")["results"]
    assert (seen["outcome"], seen["reason"]) == ("refused", "owed money")
    again = asked(shop, "ann", "own/deletions/", {}, 201)
    asked(shop, "vera", f"deletions/{again['id']}/decide", {"outcome": "granted", "reason": "as asked"}, 200)
    assert Contributor.objects.get(pk="ann").name == ""
    assert shop.call("ann", "GET", "own/letters/").status_code == 401


def test_a_destination_is_told_once_and_masked_for_ever(shop: Shop) -> None:
    asked(shop, "ann", "own/destinations/", {"text": "x"}, 422)
    text = "DE89 3704 0044 0532 0130 00 COBADEFF"
    made = asked(shop, "ann", "own/destinations/", {"text": text}, 201)
    assert text not in str(made)
    [row] = read(shop, "ann", "own/destinations/")["results"]
    assert row["destination"] == made["destination"]
    assert read(shop, "bob", "own/destinations/")["results"] == []
    asked(shop, "ann", "own/destinations/", {"text": text}, 409)
    with zipfile.ZipFile(io.BytesIO(shop.call("ann", "GET", "own/data.zip").content)) as archive:
        told = archive.read("destinations.csv").decode()
    assert row["destination"] in told
    assert text not in told


def test_invitations_and_lost_letters_are_listed_for_staff(shop: Shop) -> None:
    made = asked(shop, "olivia", "invitations/", {"contributor_id": "zed"}, 404)
    assert made["code"] == "not_found"
    assert read(shop, "olivia", "invitations/")["results"] == []
    Message.objects.create(
        kind="security", event="event:1", contributor_id="ann", state="failed", queued_at=AT, due_at=AT, error="refused"
    )
    [lost] = read(shop, "fay", "letters/lost/")["results"]
    assert (lost["contributor_id"], lost["error"]) == ("ann", "refused")


@pytest.mark.parametrize("place", ["balances/", "letters/", "data.zip", "deletions/", "destinations/", "claims/"])
def test_it_is_for_contributors(shop: Shop, place: str) -> None:
    assert shop.call("olivia", "GET", f"own/{place}").status_code == 403
    assert shop.call("", "GET", f"own/{place}").status_code == 401
