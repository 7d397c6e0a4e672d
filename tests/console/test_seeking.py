"""Lists of bulk records: page after page, back and forth, nothing counted."""

import re
from html import unescape
from typing import Any

import pytest
from django.db import connection
from django.db.models import QuerySet
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from revshare.allocation.models import Allocation
from revshare.console.records import BulkAdmin
from revshare.console.site import site
from revshare.contributors.models import Contributor
from revshare.cycles.models import Cycle
from revshare.ledger.models import Leg
from revshare.manifests.models import Weight
from revshare.sales.models import Sale
from revshare.statements.models import Statement
from tests.console.conftest import SignIn

pytestmark = pytest.mark.django_db
BULK = sorted((model for model, admin in site._registry.items() if isinstance(admin, BulkAdmin)), key=str)


def ids(rows: QuerySet[Any]) -> list[object]:
    return list(rows.order_by("-pk").values_list("pk", flat=True))


def keys(client: Client, url: str) -> list[object]:
    return [row.pk for row in client.get(url).context["cl"].result_list]


def link(client: Client, url: str, rel: str) -> str | None:
    found = re.search(rf'rel="{rel}" href="([^"]+)"', client.get(url).content.decode())
    return url.partition("?")[0] + unescape(found[1]) if found else None


def pages(client: Client, url: str) -> list[list[object]]:
    """The keys of every page; on the way each page's "Previous" must lead back to the one before."""
    found, place = [keys(client, url)], url
    while following := link(client, place, "next"):
        place = following
        found.append(keys(client, place))
        back = link(client, place, "prev")
        assert back
        assert keys(client, back) == found[-2], place
    return found


@pytest.fixture
def short(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(BulkAdmin, "list_per_page", 1)
    monkeypatch.setattr("revshare.console.stages_out.STATEMENTS_OF_LINES", 1)


@pytest.mark.usefixtures("short")
def test_every_record_stands_on_one_page(cycles: dict[str, Cycle], sign_in: SignIn) -> None:
    client = sign_in("olivia")
    may = f"?cycle={cycles['may'].pk}"
    paid = Allocation.objects.filter(bucket="contributor", cycle=cycles["may"])
    for model, query, expected in (
        (Sale, "", ids(Sale.objects.all())),
        (Sale, may, ids(Sale.objects.filter(sale_id="s2"))),
        (Contributor, "", ["ann", "ben"]),
        (Statement, "", ids(Statement.objects.all())),
        (Statement, may, ids(Statement.objects.filter(cycle=cycles["may"]))),
        (Statement, "?currency=EUR", []),
        (Statement, "?q=ann", ids(Statement.objects.filter(contributor="ann"))),
        (Statement, "?q=may-000000002", ids(Statement.objects.filter(number="may-000000002"))),
        (Allocation, may, ids(paid)),
        (Allocation, "?bucket__exact=platform", ids(Allocation.objects.filter(bucket="platform"))),
        (Allocation, "?q=ben", ids(Allocation.objects.filter(contributor="ben"))),
        (Leg, "?q=payable:ben", ids(Leg.objects.filter(account="payable:ben"))),
        (Leg, "?q=sales", ids(Leg.objects.filter(account="sales"))[::-1]),
        (Weight, "", ids(Weight.objects.all())[::-1]),
    ):
        url = reverse(f"admin:revshare_{model._meta.model_name}_changelist") + query
        assert [key for page in pages(client, url) for key in page] == expected, f"{model.__name__} {query}"
    legs = pages(client, reverse("admin:revshare_leg_changelist"))
    assert sorted(key for page in legs for key in page) == sorted(Leg.objects.values_list("id", flat=True))


def test_no_list_counts_sorts_or_skips(cycles: dict[str, Cycle], sign_in: SignIn) -> None:
    client = sign_in("olivia")
    tables = "|".join(model._meta.db_table for model in BULK)
    for model in BULK:
        with CaptureQueriesContext(connection) as asked:
            client.get(reverse(f"admin:revshare_{model._meta.model_name}_changelist"))
        for query in asked.captured_queries:
            assert "OFFSET" not in query["sql"]
            assert not re.search(rf'COUNT\(.*FROM "({tables})"', query["sql"]) or "LIMIT" in query["sql"], query["sql"]


@pytest.mark.parametrize("place", ["after=x", "before=", "after=1&before=2", f"after={10**30}"])
def test_a_place_that_is_none_is_said_to_be_wrong(cycles: dict[str, Cycle], sign_in: SignIn, place: str) -> None:
    answer = sign_in("olivia").get(reverse("admin:revshare_sale_changelist") + f"?{place}")
    assert answer.status_code == 302
    assert answer["Location"].endswith("?e=1")


def test_after_the_last_there_is_nothing(cycles: dict[str, Cycle], sign_in: SignIn) -> None:
    client = sign_in("olivia")
    for model in (Sale, Statement, Allocation, Leg):
        url = reverse(f"admin:revshare_{model._meta.model_name}_changelist")
        assert keys(client, f"{url}?after=0") == []
        assert keys(client, f"{url}?cycle={cycles['june'].pk}&after=5") == []


def test_a_list_is_looked_at_from_either_end(cycles: dict[str, Cycle], sign_in: SignIn) -> None:
    client = sign_in("adam")
    url = reverse("admin:revshare_sale_changelist")
    assert keys(client, f"{url}?turned=1") == keys(client, url)[::-1] != []
    assert "Latest first" in client.get(f"{url}?turned=1").content.decode()
    assert "Oldest first" in client.get(url).content.decode()
