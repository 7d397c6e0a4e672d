"""Links to downloads: of one person, to one address, for ten minutes; beside the session and the right, never instead."""

import html
import re
from datetime import timedelta
from typing import Any

import pytest
import time_machine
from django.http import HttpRequest

from revshare.clock import now
from revshare.signin.links import LINK_MINUTES, signed
from tests.access.conftest import OWN, Market
from tests.access.routes import ROUTES, TAKES_OUT
from tests.access.test_walk import address
from tests.conftest import ROOT

LINKED = sorted(place for place, route in ROUTES.items() if route.linked)
PAGES = {
    "contributor": ("/statements/", "/account/", "/statements/{number}/", "/statements/{number}/verify/"),
    "operator": ("/console/cycle/2026-04/", "/console/files/{file}/", "/console/quarantine/", "/console/audit/",
                 "/console/downloads/", "/console/work/consents/", "/console/revshare/sale/",
                 "/console/cycle/2026-04/lab/?policy={policy}"),
    "finance": ("/console/payouts/{batch}/",),
}  # fmt: skip


@pytest.fixture
def strict(market: Market, settings: Any, monkeypatch: pytest.MonkeyPatch) -> Market:
    """As outside tests, but without second factors."""
    settings.REVSHARE_STRICT_SIGN_IN = True
    monkeypatch.setattr("revshare.signin.middleware.needs_factor", lambda user: False)
    monkeypatch.setattr("revshare.api.access.needs_factor", lambda user: False)
    monkeypatch.setattr("revshare.signin.step_up.is_fresh_request", lambda request: True)
    return market


def linked(market: Market, who: str, path: str) -> str:
    request = HttpRequest()
    request.user = market.people[who]
    return signed(request, path)


@pytest.mark.parametrize("place", LINKED)
def test_a_download_wants_a_link_of_its_person_to_its_address_of_now(strict: Market, place: str) -> None:
    who = min(ROUTES[place].read or (), key=lambda name: (name not in ("contributor", "operator", "finance"), name))
    client, path = strict.client(who), address(place, strict, OWN)
    good = linked(strict, who, path)
    other = linked(strict, "approver", path)
    of_another_address = good.replace(path, f"{path}x").partition("?")[2]
    altered = good[:-1] + ("A" if good[-1] != "A" else "B")
    for bad in (path, other, f"{path}?{of_another_address.replace(good[-6:], 'aaaaaa')}", altered, f"{path}?link="):
        answer = client.get(bad)
        assert answer.status_code == 404, bad
        assert "follow its link from there" in answer.content.decode(), bad
    with time_machine.travel(now() + timedelta(minutes=LINK_MINUTES, seconds=2)):
        assert client.get(good).status_code == 404
    assert client.get(good).status_code in ROUTES[place].gives


def test_a_link_is_no_right_and_no_session(strict: Market) -> None:
    path = f"/console/payouts/{strict.ids['payouts']}/register.csv"
    assert strict.client("contributor").get(linked(strict, "contributor", path)).status_code == 403
    assert strict.client("anonymous").get(linked(strict, "finance", path)).status_code == 302
    stranger = f"/statements/{strict.numbers[OWN]}.pdf"
    answer = strict.client("other").get(linked(strict, "other", stranger))
    assert answer.status_code == 404
    assert "follow its link" not in answer.content.decode(), "another's statement is not there, link or no link"


def test_what_pages_offer_has_a_good_link(strict: Market) -> None:
    """Every address on these pages that is a download of the table is followed, and answered."""
    patterns = [re.compile("^/" + re.sub(r"<[^>]+>", "[^/?]+", place) + r"\?") for place in LINKED]
    patterns += [
        re.compile(r"^/console/audit/\?(.*&)?format=csv"),
        re.compile(r"^/console/revshare/\w+/\?(.*&)?_export=csv"),
    ]
    names = {"number": strict.numbers[OWN], "file": strict.ids["files"], "batch": strict.ids["payouts"],
             "policy": strict.ids["policies"]}  # fmt: skip
    followed = set()
    for who, pages in PAGES.items():
        client = strict.client(who)
        for page in pages:
            page = page.format(**names)
            body = client.get(page).content.decode()
            for found in map(html.unescape, re.findall(r'href="([^"]+)"', body)):
                where = page.partition("?")[0] + found if found.startswith("?") else found
                kind = next((pattern.pattern for pattern in patterns if pattern.match(where)), None)
                if kind is None or kind in followed:
                    continue
                assert client.get(where).status_code == 200, where
                assert client.get(where.replace("link=", "lino=")).status_code == 404, where
                followed.add(kind)
    assert len(followed) >= 11, followed


def test_the_form_for_consents_has_one(strict: Market) -> None:
    client = strict.client("operator")
    link = re.search(r'name="link" value="([^"]+)"', client.get("/console/downloads/").content.decode())
    assert link
    there = f"/console/downloads/consents/?format=csv&link={link[1]}"
    assert client.get(there).status_code == 200
    assert client.get(there[:-1]).status_code == 404


def test_no_template_leads_to_a_download_without_one() -> None:
    names = 'own-data|statement-(proof|pdf|csv|txt)|admin:(payout-register|restatement-csv|rejects|cycle-difference|export|export-credits|lab-csv)[\x27"]'
    unsigned = re.compile(rf"""{{%\s*url\s+['"]({names})""")
    for path in (ROOT / "revshare").rglob("templates/**/*.html"):
        assert not unsigned.search(path.read_text()), path


def test_a_token_needs_no_link(strict: Market) -> None:
    """A program sends it on purpose, with every request."""
    for who in sorted(TAKES_OUT):
        headers = {"Authorization": f"Token {strict.tokens[who]}"}
        answer = strict.client("anonymous").get("/api/v1/cycles/2026-04/exports/payouts.csv", headers=headers)
        assert answer.status_code == 200, answer.content
