"""A contributor's claims: filed with what they do said before, or refused with a reason; proven in time; seen by nobody
else. One world for all of it: it takes longer to make than to use."""

from datetime import timedelta
from typing import Any

import pytest
import time_machine

from revshare.audit_trail.models import Event
from revshare.claims.models import Claim
from tests.portal.conftest import ANN, Marketplace

pytestmark = pytest.mark.django_db
ON_BENS = {"dataset_version": "d@1", "asset_id": "a2", "proof": "I took it in 2019."}


def test_a_claim_is_filed_proven_and_seen_by_its_claimant_alone(marketplace: Marketplace, monkeypatch: Any) -> None:
    ann, ben = marketplace.client("ann"), marketplace.client("ben")
    assert "No claim yet" in ann.get("/claims/").content.decode()
    assert "held for everybody, until the claim is decided" in ann.get("/claims/new/").content.decode()
    for wrong, words in (
        ({"asset_id": "none"}, "no such work"),
        ({"proof": " "}, "Name the dataset version and the work"),
        ({"asset_id": "a\x002"}, "cannot be shown"),
    ):
        response = ann.post("/claims/new/", ON_BENS | wrong)
        assert response.status_code == 422
        assert words in response.content.decode()
    assert not Claim.objects.exists()
    filed = ann.post("/claims/new/", ON_BENS)
    claim = Claim.objects.get()
    assert filed.headers["Location"] == f"/claims/{claim.pk}/"
    assert (claim.claimant_id, claim.filed_by) == (ANN, "ann")
    place = f"/claims/{claim.pk}/"
    page = ann.get(place).content.decode()
    assert "filed, the full proof is awaited" in page
    assert "I took it in 2019." in page
    assert ben.get(place).status_code == ben.post(place, {"evidence": "mine"}).status_code == 404
    assert f"/claims/{claim.pk}/" not in ben.get("/claims/").content.decode()
    for person in ("operator", "nobody"):
        assert marketplace.client(person).get("/claims/").status_code == 403
    assert "a claim on this work is open already" in ben.post("/claims/new/", ON_BENS).content.decode().lower()
    assert ann.post(place, {"evidence": ""}).status_code == 422
    with time_machine.travel(claim.due_at + timedelta(minutes=1)):
        late = marketplace.client("ann")
        assert "The deadline has passed" in late.get(place).content.decode()
        assert late.post(place, {"evidence": "here"}).status_code == 422
    monkeypatch.setattr("revshare.portal.claims.MOST_OPEN", 1)
    assert "Too many claims" in ann.post("/claims/new/", ON_BENS | {"asset_id": "a1"}).content.decode()
    assert ann.post(place, {"evidence": "the raw file"}).status_code == 302
    assert "proof is there, a decision is awaited" in ann.get(place).content.decode()
    assert ann.post(place, {"evidence": "again"}).status_code == 422
    assert [event.actor for event in Event.objects.filter(action__startswith="claim.")] == ["ann", "ann"]
