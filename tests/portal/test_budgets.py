"""What each page may cost: 15 queries, 100 kB with all that it loads, compressed. Times are in docs/performance.md."""

import gzip
import re
from typing import Any

import pytest
from django.contrib.staticfiles import finders
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from revshare.claims.operations import file_claim
from revshare.cycles import operations as cycles
from revshare.mail.letters import unsubscribe_path
from revshare.portal import proofs, views
from revshare.portal.guard import page_of
from revshare.proofs.operations import commit
from tests.portal.conftest import ANN, BEN, MAY_KEY, Marketplace

pytestmark = pytest.mark.django_db
MOST_QUERIES, MOST_BYTES = 15, 100_000
ASSET = re.compile(r'(?:href|src)="/static/([^"?]+)"')


def cost(client: Client, place: str) -> tuple[int, int, int]:
    """Status, queries, compressed bytes of a page with its styles and scripts."""
    with CaptureQueriesContext(connection) as asked:
        answer = client.get(place)
    size = len(gzip.compress(answer.content))
    for name in set(ASSET.findall(answer.content.decode())):
        found = finders.find(name)
        assert isinstance(found, str), name
        with open(found, "rb") as file:
            size += len(gzip.compress(file.read()))
    return answer.status_code, len(asked), size


def test_every_page_of_a_contributor_keeps_its_budget(marketplace: Marketplace, story: Any) -> None:
    act = story.act("ann")
    claim = file_claim(claimant_id=ANN, dataset_version="d@1", asset_id="a2", proof="mine", act=act)
    number = marketplace.numbers[ANN, MAY_KEY]
    places = [
        "/", "/statements/", f"/statements/{number}/", f"/statements/{number}/verify/", "/works/", "/decisions/",
        "/decisions/new/?decision=opt_out", "/claims/", "/claims/new/", f"/claims/{claim.pk}/", "/account/",
        "/account/delete/", "/destination/", "/account/two-factor/", "/account/sessions/", "/account/tokens/",
        "/account/password/", "/published/", "/verify/", unsubscribe_path(ANN, "action_needed"),
    ]  # fmt: skip
    client, too_much = marketplace.client("ann"), []
    for place in places:
        status, queries, size = cost(client, place)
        if status != 200 or queries > MOST_QUERIES or size > MOST_BYTES:
            too_much.append((place, status, queries, size))
    assert too_much == []


def test_a_statement_of_many_lines_comes_in_pages(
    marketplace: Marketplace, monkeypatch: pytest.MonkeyPatch, story: Any
) -> None:
    """Ben's share of three models: three lines, two to a page; opening and closing stand on each."""
    story.models(*((f"n{at}", "d@1") for at in range(3)))
    story.sales(*((f"n{at}", "2026-07-10T00:00:00Z", f"n{at}", "USD", "9") for at in range(3)))
    cycles.submit(key="2026-06", act=story.act())
    cycles.approve(key="2026-06", act=story.act("adam"))
    cycles.publish(key="2026-06", act=story.act("adam"))
    story.publish("july", "2026-07-01", "2026-08-01")
    monkeypatch.setattr(views, "LINES", 2)
    monkeypatch.setattr(views, "SENTENCES", 1)
    client = marketplace.client("ben")
    [number] = re.findall(r'href="/statements/(july-\d+)/"', client.get("/statements/").content.decode())[:1]
    seen = []
    for page in ("", "2", "99", "x"):
        body = client.get(f"/statements/{number}/?lines={page}").content.decode()
        account = body.split('id="account"')[1].split("</table>")[0]
        seen.append(re.findall(r'scope="row">(\d)\. <bdi>', account))
        assert account.count("Closing balance") == 1
        assert BEN in body
    assert seen == [["1", "2"], ["3"], ["3"], ["1", "2"]]
    assert "The other lines stand in the table below." in body
    assert "Page 1 of 2, 3 lines in all" in body

    commit(key="july", act=story.act())
    monkeypatch.setattr(proofs, "POOLS", 2)
    first, second = (client.get(f"/published/july/?pools={page}").content.decode() for page in "12")
    assert [re.findall(r"<bdi>Model (n\d)</bdi>", body) for body in (first, second)] == [["n0", "n1"], ["n2"]]
    assert "$27.00 in sales" in first.replace("\n", " ")
    assert "$27.00 in sales" in second.replace("\n", " ")


def test_pages_that_there_are_not_are_the_first_or_the_last() -> None:
    assert [page_of(asked, 120, 50) for asked in ("", "2", "0", "99", "9" * 40, "x", "²")] == [
        (1, 3), (2, 3), (1, 3), (3, 3), (3, 3), (1, 3), (1, 3),
    ]  # fmt: skip
    assert page_of("1", 0, 50) == (1, 1)
