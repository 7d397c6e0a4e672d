"""Every route there is, for everybody, on one's own and on another's object, against the table of INVARIANTS; and
nothing of the canary's in any answer that it is not for."""

import copy
import io
import re
import zipfile
from collections.abc import Iterator
from typing import Any

import pytest
from django.db import transaction
from django.http import HttpResponse
from django.template.base import Template
from django.test import Client
from django.test.utils import _TestState
from django.urls import URLPattern, URLResolver, get_resolver

from revshare.console.site import site
from tests.access.conftest import CANARY, DESTINATION, OWN, Market
from tests.access.routes import EVERYBODY, LISTS, PEOPLE, RECORDS, ROUTES, STAFF, TAKES_OUT, Route
from tests.portal.pdf_text import pdf_text

PARAMETER = re.compile(r"<(?:[a-z_]+:)?([a-z_]+)>")
ACTIONS = {
    "console/cycle/": ("lock", "calculate", "submit", "approve", "publish"),
    "console/payouts/": ("approve", "export", "cancel"), "console/restatements/": ("approve", "post"),
    "console/work/claims/": ("prove", "uphold", "reject"), "console/work/debts/": ("approve", "decline", "write_off"),
}  # fmt: skip
VALUES = {"key": "2026-04", "number": "", "model": "m", "extension": "csv", "format": "csv", "kind": "payouts",
          "content_type_id": "1", "object_id": "1", "language": "es", "form": "html"}  # fmt: skip
RECORD = re.compile(r"^console/revshare/(\w+)/(.*)$")
# Enough for what is the same code forty times over: who looks, and on a few models what nobody may.
FEW = ("anonymous", "contributor", "superuser")
SAMPLED = {"user", "statement", "payment", "sale"}
WITH_FORM = {"user"}  # a superuser gives roles; nothing else in the console can be written


def every_route() -> Iterator[str]:
    """The resolver's patterns as texts, one for each move where the move is part of the address."""

    def walk(patterns: Any, before: str) -> Iterator[str]:
        for item in patterns:
            place = before + str(item.pattern)
            if isinstance(item, URLResolver):
                yield from walk(item.url_patterns, place)
                continue
            assert isinstance(item, URLPattern)
            if place.endswith("<slug:action>/"):
                moves = ACTIONS[place.partition("<")[0]]
                yield from (place.replace("<slug:action>", move) for move in moves)
            else:
                yield place

    return iter(dict.fromkeys(walk(get_resolver().url_patterns, "")))


def route_of(place: str) -> Route | None:
    if match := RECORD.match(place):
        route = RECORDS.get(match[2])
        if route is not None and match[1] in WITH_FORM and "change" in match[2]:
            return Route(read=STAFF, send=frozenset({"superuser"}), gives=(200, 302))
        return route
    return ROUTES.get(place)


def address(place: str, market: Market, owner: str) -> str:
    """A pattern with a real object's id in it; of what contributors have, with the owner's."""

    def fill(match: re.Match[str]) -> str:
        name = match[1]
        if name in ("id", "pk"):
            kinds = [kind for kind in market.ids if f"{kind}/" in place]
            return str(market.ids[kinds[-1]] if kinds else 1)
        if name == "number":
            if "statements" in place:
                return market.numbers[owner]
            return str(market.claims[owner]) if place.startswith("claims/") else "1"
        if name == "token":
            return market.links[place.split("/")[0]]
        if name == "kind" and place.startswith("staff/letters/"):
            return "statement_published"
        return VALUES[name]

    plain = place.replace("(?P<url>.*)$", "nothing-here").replace("^(?P<app_label>revshare)/$", "revshare/")
    return "/" + PARAMETER.sub(fill, plain)


def text_of(answer: Any) -> str:
    """All that can be read in an answer: its headers, its body, what is packed in that."""
    raw = b"".join(answer.streaming_content) if answer.streaming else answer.content
    said = f"{answer.headers!r} {raw.decode('utf-8', errors='replace')}"
    if raw.startswith(b"%PDF"):
        said += pdf_text(raw)
    if raw.startswith(b"PK"):
        packed = zipfile.ZipFile(io.BytesIO(raw))
        said += " ".join(packed.read(name).decode("utf-8", errors="replace") for name in packed.namelist())
    return said


def ask(client: Client, method: str, where: str, *, read: bool = False) -> HttpResponse:
    """Asks, and takes back what came of it; `said` is all that can be read of the answer."""
    body: Any = {"data": b"{}", "content_type": "application/json"} if where.startswith("/api/") else {"data": b""}
    kept = copy.deepcopy(client.cookies) if method == "POST" else client.cookies
    with transaction.atomic():
        answer = client.generic(method, where, **(body if method == "POST" else {}))
        answer.said = text_of(answer) if read else ""
        transaction.set_rollback(method not in ("GET", "HEAD"))
    client.cookies = kept  # who was signed out is not: that was taken back too
    return answer


def is_sent_to_sign_in(answer: HttpResponse) -> bool:
    return answer.status_code == 302 and answer.headers["Location"].startswith(("/sign-in/", "/console/login/"))


def problem(answer: Any, *, who: str, where: str, method: str, route: Route, others: bool) -> str:
    """What is not as the table says; empty if all is."""
    status, allowed = answer.status_code, route.read if method == "GET" else route.send
    if status >= 500:
        return "" if status in route.gives else "breaks"
    if allowed is None:
        ends = (405, 404) if who != "anonymous" else (401, 302, 404, 405)
        return "" if status in (*ends, 403) else "is answered although there is no such method"
    if who == "anonymous" and who not in allowed:
        fits = status == 401 if where.startswith("/api/") else is_sent_to_sign_in(answer)
        return "" if fits else "is not asked to sign in"
    if others and who in ("contributor", "both") and who not in STAFF:
        return "" if status == 404 else "is not 404 for another's object"
    if route.private and who in allowed and who != ("other" if others else "contributor"):
        return "" if status == 404 else "is not 404 for another's object"
    if who not in allowed and not (route.own and who == "other"):
        return "" if status == 403 else "is not 403"
    if route.own and who == "other":
        return "" if status == (200 if others else 404) else "is not as for another's object"
    if status in (401, 403) or (is_sent_to_sign_in(answer) and "anonymous" not in allowed):
        return "is kept from one who may"
    return "" if method != "GET" or status in route.gives else f"is none of {route.gives}"


@pytest.fixture(autouse=True)
def _plain_rendering(monkeypatch: pytest.MonkeyPatch) -> None:
    """Without the copies of every context that the test client keeps: nobody looks at them here."""
    monkeypatch.setattr(Template, "_render", _TestState.saved_data.template_render)


def test_every_route_is_known() -> None:
    unknown = [place for place in every_route() if route_of(place) is None]
    assert unknown == [], "say in tests/access/routes.py who may use it"
    gone = set(ROUTES) - set(every_route())
    assert gone == set()


@pytest.mark.timeout(600)  # half a minute on a machine of its own
def test_everybody_gets_what_the_table_says_and_nothing_of_anothers(market: Market) -> None:
    clients = {who: market.client(who) for who in PEOPLE}
    wrong, asked = [], 0
    for place in every_route():
        route = route_of(place)
        assert route is not None
        record = RECORD.match(place)
        if record and record[1] not in SAMPLED and record[2] not in ("", "<path:object_id>/change/"):
            continue
        for owner in (OWN, CANARY) if route.own or route.private else (OWN,):
            where = address(place, market, owner)
            for method in ("GET", "POST"):
                for who in FEW if record and record[1] not in SAMPLED else PEOPLE:
                    there_is = route.read if method == "GET" else route.send
                    if there_is is None and who not in ("contributor", "superuser"):
                        continue  # two are enough to see that there is no such method
                    answer = ask(clients[who], method, where, read=who != "both")
                    asked += 1
                    found = problem(
                        answer, who=who, where=where, method=method, route=route, others=owner == CANARY
                    )  # fmt: skip
                    if found:
                        wrong.append(f"{method} {where} as {who}: {answer.status_code}, {found}")
                    if who in ("anonymous", "contributor"):
                        leaks = [secret for secret in market.secrets if secret in answer.said.replace(where, "")]
                        wrong += [f"{method} {where} as {who}: shows {secret}" for secret in leaks]
                    if DESTINATION in answer.said:
                        wrong.append(f"{method} {where} as {who}: shows where money goes")
                    if who == "anonymous":
                        clients[who] = Client()
    assert wrong == [], f"{len(wrong)} of {asked}:\n" + "\n".join(wrong)
    assert asked > 1_200


def test_other_methods_write_nothing(market: Market) -> None:
    wrong, client = [], market.client("superuser")
    for place in every_route():
        where = address(place, market, OWN)
        for method in ("PUT", "DELETE"):
            status = ask(client, method, where).status_code
            if status not in (302, 403, 404, 405):
                wrong.append(f"{method} {where}: {status}")
    assert wrong == []


def test_lists_as_files_are_for_those_who_take_out(market: Market) -> None:
    for page in LISTS:
        got = {who: market.client(who).get(f"/console/{page}?_export=csv").status_code for who in sorted(STAFF)}
        assert got == {who: 200 if who in TAKES_OUT else 403 for who in STAFF}, page


def test_superusers_have_no_form_and_no_bulk_action_on_what_is_posted(market: Market, rf: Any) -> None:
    request = rf.get("/")
    request.user = market.people["superuser"]
    for model, records in site._registry.items():
        assert not records.has_add_permission(request), model
        assert not records.has_delete_permission(request), model
        assert records.get_actions(request) == {}, model
        assert records.has_change_permission(request) == (model._meta.model_name in WITH_FORM), model


def test_the_people_of_the_walk_are_those_of_the_table() -> None:
    assert set(PEOPLE) == EVERYBODY | {"anonymous"}
