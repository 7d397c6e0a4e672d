"""What a page of the console costs: at most 15 queries, at most 100 kB of its own over the wire."""

import gzip
import re

import pytest
from django.contrib.staticfiles import finders
from django.core.cache import cache
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from revshare.audit_trail.operations import Act
from revshare.cycles.models import Cycle
from tests.console.conftest import SignIn, take_in

pytestmark = pytest.mark.django_db
MOST_QUERIES = 15
MOST_BYTES = 100_000
PAGES = (
    "", "upload/", "quarantine/", "quarantine/rows/", "suspense/", "work/claims/", "work/consents/", "work/debts/",
    "jobs/", "verification/", "payouts/holds/", "audit/", "search/", "restatements/", "deficits/", "policies/register/", "cycles/open/", "payouts/",
    "downloads/", "cycle/april/", "cycle/june/", "revshare/cycle/", "revshare/event/",
)  # fmt: skip


def test_pages_ask_little_and_weigh_little(cycles: dict[str, Cycle], sign_in: SignIn, act: Act) -> None:
    take_in("q.csv", "sales", b"sale_id,sold_at,stream,model,currency,gross_amount\na,never,generation,m,USD,1\n", act)
    client = sign_in("olivia")
    for path in ("", "cycle/april/"):
        client.get(f"/console/{path}")  # what is kept of a cycle is there
    too_much = {}
    for path in PAGES:
        with CaptureQueriesContext(
            connection,
        ) as asked:
            answer = client.get(f"/console/{path}")
        assert answer.status_code == 200, path
        weight = len(gzip.compress(answer.content)) + own_files(answer.content.decode())
        if len(asked) > MOST_QUERIES or weight > MOST_BYTES:
            too_much[path] = (len(asked), weight)
    assert too_much == {}


def own_files(text: str) -> int:
    """The scripts and styles that a page names, but for the fonts and the frame's own, which are the same everywhere."""
    names = re.findall(r'(?:src|href)="/static/(console/[^"]+\.(?:css|js))"', text)
    return sum(len(gzip.compress(open(str(finders.find(name)), "rb").read())) for name in names)


def test_what_is_seen_for_the_first_time(cycles: dict[str, Cycle], sign_in: SignIn) -> None:
    """A cycle's numbers are added up once, and kept; that takes no more questions than a page has."""
    client: Client = sign_in("olivia")
    for path in ("", *(f"cycle/{key}/" for key in cycles)):
        cache.clear()
        with CaptureQueriesContext(connection) as first:
            client.get(f"/console/{path}")
        with CaptureQueriesContext(connection) as second:
            client.get(f"/console/{path}")
        assert len(second) <= len(first) <= MOST_QUERIES, path
