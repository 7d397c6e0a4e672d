"""Where one's works stand, and opting them out: through the pages and the API, one's own only."""

import json
import re

import pytest
from django.core.cache import cache
from django.core.management import call_command

from revshare.audit_trail.models import Event
from revshare.consents.models import Consent
from revshare.files.models import IngestedFile
from tests.portal.conftest import ANN, BEN, Marketplace

pytestmark = pytest.mark.django_db
PLACES = ("/works/", "/decisions/", "/decisions/new/")


@pytest.fixture(autouse=True)
def _no_attempts() -> None:
    cache.clear()


def body(marketplace: Marketplace, place: str, person: str = "ann") -> str:
    response = marketplace.client(person).get(place)
    assert response.status_code == 200
    return re.sub(r"\s+", " ", response.content.decode())


def test_a_contributor_sees_where_their_own_works_stand(marketplace: Marketplace, story) -> None:
    story.attributions(("e@1", "a9", ANN), ("e@1", "z", BEN))
    page = body(marketplace, "/works/")
    assert "2 of your assets, frozen on 30 June 2026; models trained on it: <bdi>m</bdi>" in page
    assert "1 of your assets, not frozen yet" in page
    rows = re.findall(r'scope="row"><bdi>(.*?)</bdi>.*?data-label="Dataset version"><bdi>(.*?)</bdi>', page)
    assert rows == [("a1", "d@1"), ("a2", "d@1"), ("a9", "e@1")]
    assert BEN not in page
    assert [a for a, _ in re.findall(r'scope="row"><bdi>(.*?)</bdi>()', body(marketplace, "/works/?search=a9"))] == [
        "a9"
    ]
    assert "has an id that begins so" in body(marketplace, "/works/?search=nothing")


def test_nobody_else_gets_in(marketplace: Marketplace) -> None:
    for place in PLACES:
        assert marketplace.client("stranger").get(place).headers["Location"] == f"/sign-in/?next={place}"
        for person in ("operator", "approver", "finance", "root", "nobody"):
            assert marketplace.client(person).get(place).status_code == 403, (place, person)
            assert marketplace.client(person).post(place, {"decision": "opt_out"}).status_code in (403, 405)
    assert marketplace.client("ann").post("/works/").status_code == 405
    assert not Consent.objects.exists()


def test_what_an_opt_out_does_is_said_before_and_stays_on_record_after(marketplace: Marketplace, story) -> None:
    story.attributions(("e@1", "a2", ANN))
    before = body(marketplace, "/decisions/new/?decision=opt_out&asset_id=a2")
    bound, stay = before.split("Not frozen yet")[1].split("Frozen already")
    assert "<bdi>e@1</bdi>: 1 of your assets" in bound
    assert "<bdi>d@1</bdi>: 1 of your assets, frozen on 30 June 2026; models trained on it: <bdi>m</bdi>" in stay
    assert "Money that is earned already stays as it is" in before
    assert not Consent.objects.exists()
    client = marketplace.client("ann")
    done = client.post("/decisions/new/", {"decision": "opt_out", "asset_id": "a2", "scope": ""})
    assert (done.status_code, done.headers["Location"]) == (302, "/decisions/")
    made = Consent.objects.get()
    assert (made.contributor_id, made.asset_id, made.decision, made.source) == (ANN, "a2", "opt_out", "portal: ann")
    assert IngestedFile.objects.get(kind="consents").pk == made.file_id
    assert Event.objects.get(action="consent.decided").actor == "ann"
    after = body(marketplace, "/decisions/")
    assert "opted out" in after
    assert "portal: ann" in after
    works = body(marketplace, "/works/")
    assert re.findall(r'data-label="Opted out before">(\w+)', works) == ["no", "no", "yes"]  # a1 d@1, a2 d@1, a2 e@1
    assert "portal: ann" not in body(marketplace, "/decisions/", "ben")


def test_a_decision_that_cannot_be_made_says_why(marketplace: Marketplace) -> None:
    for wrong in (
        {"decision": "opt_out", "scope": "x" * 201},
        {"decision": "maybe"},
        {"decision": "opt_in", "asset_id": "a\0"},
    ):
        response = marketplace.client("ann").post("/decisions/new/", wrong)
        assert response.status_code == 422
        assert "Nothing was decided" in response.content.decode()
    assert not Consent.objects.exists()


def test_decisions_come_in_pages(marketplace: Marketplace, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("revshare.portal.consents.PAGE_SIZE", 1)
    client = marketplace.client("ann")
    for decision in ("opt_out", "opt_in"):
        client.post("/decisions/new/", {"decision": decision})
    first = body(marketplace, "/decisions/")
    assert "opted in" in first.split("<tbody")[1]
    older = re.search(r'href="(\?before=\d+)">Earlier', first)
    assert older
    assert "opted out" in body(marketplace, f"/decisions/{older[1]}").split("<tbody")[1]
    for nonsense in ("x", "9" * 40, "-1"):
        assert "opted in" in body(marketplace, f"/decisions/?before={nonsense}")


def test_the_api_says_and_does_the_same(marketplace: Marketplace, story) -> None:
    story.attributions(("e@1", "a2", ANN))
    client = marketplace.client("ann")
    works = client.get("/api/v1/assets/").json()
    assert [(row["asset_id"], row["dataset_version"], row["opted_out"]) for row in works["results"]] == [
        ("a1", "d@1", False), ("a2", "d@1", False), ("a2", "e@1", False),
    ]  # fmt: skip
    asked = client.get("/api/v1/consents/consequences?asset_id=a2").json()
    assert [row["dataset_version"] for row in asked["stay"]] == ["d@1"]
    assert [row["dataset_version"] for row in asked["bound"]] == ["e@1"]
    given = json.dumps({"decision": "opt_out", "scope": "e@1"})
    made = client.post("/api/v1/consents/", given, content_type="application/json")
    assert (made.status_code, made.json()["source"]) == (201, "api: ann")
    assert [row["opted_out"] for row in client.get("/api/v1/assets/").json()["results"]] == [False, False, True]
    # Another's: nothing, whoever they are; staff see anybody's.
    ben = marketplace.client("ben")
    for place in ("assets/", "consents/"):
        assert ben.get(f"/api/v1/{place}?contributor=%3D1%2B1").json()["results"] == []
        assert marketplace.client("finance").get(f"/api/v1/{place}?contributor=%3D1%2B1").json()["results"]
    assert ben.get("/api/v1/consents/").json()["results"] == []
    assert len(marketplace.client("finance").get("/api/v1/consents/").json()["results"]) == 1


def test_pages_of_the_api_go_on(marketplace: Marketplace, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("revshare.api.consents.PAGE_SIZE", 1)
    client, place, seen = marketplace.client("ann"), "/api/v1/assets/", []
    while place:
        page = client.get(place).json()
        seen += [row["asset_id"] for row in page["results"]]
        place = page["next"] or ""
    assert seen == ["a1", "a2"]


def test_the_command_says_it_too(marketplace: Marketplace, capsys: pytest.CaptureFixture[str]) -> None:
    call_command("assets", BEN, "--json")
    told = json.loads(capsys.readouterr().out.splitlines()[-1])
    assert [(row["dataset_version"], row["assets"], row["models"]) for row in told["versions"]] == [("d@1", 1, ["m"])]
    assert [(row["asset_id"], row["opted_out"]) for row in told["assets"]] == [("a2", False)]
    assert told["more"] is False
