"""The API's pages of statements: every one once, from either end, with filters."""

from typing import Any

import pytest

from revshare.statements.models import Statement
from tests.api.conftest import CANARY, Shop

pytestmark = pytest.mark.django_db


def walk(shop: Shop, who: str, query: str, link: str) -> list[list[str]]:
    """The numbers on each page, following `next` or `previous` from the page under `query`."""
    place: str | None = f"statements/?{query}"
    pages = []
    while place:
        answer = shop.call(who, "GET", place)
        assert answer.status_code == 200, answer.content
        body: dict[str, Any] = answer.json()
        pages.append([row["number"] for row in body["results"]])
        place = body[link] and body[link].partition("/api/v1/")[2]
    return pages


def last_place(shop: Shop, who: str, query: str) -> str:
    place = f"statements/?{query}"
    while following := shop.call(who, "GET", place).json()["next"]:
        place = following.partition("/api/v1/")[2]
    return place.partition("?")[2]


@pytest.mark.parametrize("who", ["olivia", "vera", "ann", "bob"])
@pytest.mark.parametrize(
    "chosen", ["", "cycle=2026-04", "cycle=2026-06", "currency=USD", "currency=EUR", "contributor=ann"]
)
def test_pages_hold_every_statement_once(shop: Shop, who: str, chosen: str) -> None:
    rows = Statement.objects.order_by("-id")
    own = {"ann": "ann", "bob": CANARY}.get(who)
    if own:
        rows = rows.filter(contributor_id=own, cycle__state="published")
    for name, column in (("cycle", "cycle__key"), ("currency", "currency"), ("contributor", "contributor_id")):
        if chosen.startswith(name):
            rows = rows.filter(**{column: chosen.partition("=")[2]})
    expected = [row.number for row in rows]
    for size in (1, 3):
        pages = [expected[at : at + size] for at in range(0, len(expected), size)] or [[]]
        assert walk(shop, who, f"{chosen}&limit={size}", "next") == pages
        backwards = walk(shop, who, last_place(shop, who, f"{chosen}&limit={size}"), "previous")
        assert [number for page in reversed(backwards) for number in page] == expected


def test_a_page_asks_as_often_however_long_it_is(shop: Shop, django_assert_max_num_queries: Any) -> None:
    for query in ("", "limit=1", "limit=500", "cycle=2026-04"):
        with django_assert_max_num_queries(6):
            shop.call("vera", "GET", f"statements/?{query}")
