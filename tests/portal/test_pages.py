"""Sign-in, home, the list and what it explains, the error pages."""

import re
from urllib.parse import quote, unquote

import pytest
from django.test import Client
from django.urls import reverse

from revshare.cycles import operations as cycles
from revshare.statements.queries import published_for
from tests.portal.conftest import ANN, BEN, PASSWORD, Marketplace

pytestmark = pytest.mark.django_db


def sign_in(person: str, **more: str) -> tuple[Client, str]:
    client = Client()
    response = client.post("/sign-in/", {"username": person, "password": PASSWORD, **more})
    assert response.status_code == 302
    return client, response.headers["Location"]


def test_home_sends_everybody_to_their_own_place(marketplace: Marketplace) -> None:
    for person, place in (
        ("stranger", "/sign-in/?next=/"), ("operator", "/console/"), ("approver", "/console/"),
        ("finance", "/console/"), ("root", "/console/"), ("both", "/console/"),
    ):  # fmt: skip
        assert marketplace.client(person).get("/").headers["Location"] == place, person
    assert "Your earnings" in marketplace.client("ann").get("/").content.decode()
    assert marketplace.client("nobody").get("/").status_code == 403


def test_sign_in_and_out(marketplace: Marketplace) -> None:
    client, place = sign_in("ann")
    assert place == "/"
    assert client.get("/statements/").status_code == 200
    assert client.get("/sign-in/").headers["Location"] == "/"
    assert client.get("/sign-out/").status_code == 405
    assert client.post("/sign-out/").headers["Location"] == "/sign-in/"
    assert client.get("/statements/").status_code == 302


def test_next_leads_only_into_this_site(marketplace: Marketplace) -> None:
    page = reverse("statement", args=[marketplace.numbers[ANN, "2026 May"]])
    assert sign_in("ann", next=page)[1] == page
    for outside in ("https://evil.example/", "//evil.example/", "\\\\evil.example", "javascript:alert(1)"):
        assert sign_in("ann", next=outside)[1] == "/"


def test_a_wrong_password_says_so_and_keeps_the_name(marketplace: Marketplace) -> None:
    response = Client().post("/sign-in/", {"username": "ann", "password": "wrong"})
    body = response.content.decode()
    assert response.status_code == 200
    assert "There is a problem" in body
    assert 'value="ann"' in body
    assert "wrong" not in body
    assert "There is a problem" in Client().post("/sign-in/", {}).content.decode()


def test_sign_in_needs_its_token(marketplace: Marketplace) -> None:
    response = Client(enforce_csrf_checks=True).post("/sign-in/", {"username": "ann", "password": PASSWORD})
    assert response.status_code == 403
    assert "This form is out of date" in response.content.decode()


def test_error_pages_are_ours(marketplace: Marketplace, settings) -> None:
    missing = marketplace.client("ann").get("/nothing-here/")
    assert missing.status_code == 404
    assert "There is no such page" in missing.content.decode()
    refused = marketplace.client("nobody").get("/statements/")
    assert refused.status_code == 403
    assert "You may not do this" in refused.content.decode()
    settings.MIDDLEWARE = [name for name in settings.MIDDLEWARE if "auth.middleware" not in name]
    broken = Client(raise_request_exception=False).get("/statements/")
    assert broken.status_code == 500
    assert "Something went wrong on our side" in broken.content.decode()
    assert "Traceback" not in broken.content.decode()


def test_pages_hold_browsers_to_no_script_and_nothing_from_elsewhere(marketplace: Marketplace) -> None:
    for person, where in (("stranger", "/sign-in/"), ("ann", "/statements/")):
        response = marketplace.client(person).get(where)
        body = response.content.decode()
        policy = response.headers["Content-Security-Policy"]
        assert {"default-src 'none'", "script-src 'self'", "style-src 'self'"} <= set(policy.split("; "))
        scripts = re.findall(r"<script[^>]*>", body)
        assert all('src="/static/' in tag or 'type="application/json"' in tag for tag in scripts)
        assert bool(scripts) == (person == "stranger"), "only signing in has one, for passkeys"
        assert "style=" not in body
        assert "http://" not in body
        assert "https://" not in body


def test_many_statements_come_in_pages(marketplace: Marketplace, monkeypatch: pytest.MonkeyPatch, story) -> None:
    story.sales(("s9", "2026-05-11T00:00:00Z", "m", "EUR", "10"), ("s8", "2026-05-11T00:00:00Z", "m", "CHF", "10"))
    monkeypatch.setattr("revshare.portal.views.PAGE_SIZE", 1)
    story.calculate("late", "2026-07-01", "2026-08-01")
    client = marketplace.client("ann")
    for key in ("2026-06", "late"):
        cycles.submit(key=key, act=story.act())
        cycles.approve(key=key, act=story.act("adam"))
        cycles.publish(key=key, act=story.act("adam"))
    place, seen = "/statements/", []
    while place:
        body = client.get(place).content.decode()
        [number] = re.findall(r'<th role="rowheader" scope="row" class="whole"><a href="/statements/([^/]+)/">', body)
        seen.append(unquote(number))
        if len(seen) > 1:
            newer = re.search(r'rel="prev" href="([^"]+)">Newer statements', body)
            assert newer
            before = client.get(f"/statements/{newer[1]}").content.decode()
            assert f'href="/statements/{quote(seen[-2])}/"' in before.split("<tbody")[1]
        older = re.search(r'rel="next" href="([^"]+)">Older statements', body)
        place = f"/statements/{older[1]}" if older else ""
    rows = published_for(ANN)
    assert seen == [row.number for row in rows]
    assert len(seen) == 4

    def shown(asked: str) -> str:
        """The list and the ways on; the foot's languages have the address of the page, and links of downloads the
        second in which they were signed."""
        body = client.get(f"/statements/{asked}").content.decode().split("<tbody")[1].partition("<footer")[0]
        return re.sub(r'link=[^"]+', "", body)

    for nonsense in ("?after=nonsense", "?before=%00", f"?after={quote(marketplace.numbers[BEN, '2026 May'])}"):
        assert shown(nonsense) == shown("")


def test_a_page_of_statements_asks_little(marketplace: Marketplace, django_assert_max_num_queries) -> None:
    client = marketplace.client("ann")
    with django_assert_max_num_queries(8):
        client.get("/statements/")
    page = reverse("statement", args=[marketplace.numbers[ANN, "2026 May"]])
    with django_assert_max_num_queries(15):
        assert client.get(page).status_code == 200
