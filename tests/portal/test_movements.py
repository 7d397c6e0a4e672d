"""A payment and its return on the page, as PDF, as CSV, as canonical text, by the API and in the console: with earnings
on the same statement, and alone."""

import csv
import hashlib
import io
from typing import Any

import pytest
from django.urls import reverse

from revshare.cycles import operations as cycles
from revshare.ledger.operations import reverse as reverse_journal
from revshare.statements.models import Statement
from tests.portal.conftest import ANN, Marketplace
from tests.portal.pdf_text import pdf_text

pytestmark = pytest.mark.django_db


@pytest.fixture
def paid(marketplace: Marketplace, story: Any) -> Marketplace:
    """June is published; Ann is then paid a dollar, in half of July nothing is sold, and in the other the dollar comes back."""
    story.policies = {"p": marketplace.statement(ANN, "2026-06").cycle.policy}
    cycles.submit(key="2026-06", act=story.act())
    cycles.approve(key="2026-06", act=story.act("adam"))
    cycles.publish(key="2026-06", act=story.act("adam"))
    journal = story.move("payment", "pay-7", (f"payable:{ANN}", "USD", "D", 1_000_000), ("bank", "USD", "C", 1_000_000))
    story.publish("early", "2026-07-01", "2026-07-15", zone="Europe/London")
    reverse_journal(journal=journal, act=story.act("fiona"), kind="returned", key="pay-7")
    story.sales(("s3", "2026-07-20T00:00:00Z", "m", "USD", "7.00"))
    story.publish("late", "2026-07-15", "2026-08-01", zone="Europe/London")
    return marketplace


def number(cycle: str) -> str:
    return Statement.objects.get(contributor_id=ANN, cycle__key=cycle).number


@pytest.mark.parametrize(("cycle", "line", "words", "amount", "exact"), [
    ("early", 1, "Paid out", -1_000_000, "−$1.00"), ("late", 2, "Payment returned by the bank", 1_000_000, "$1.00"),
])  # fmt: skip
def test_a_movement_is_told_in_every_form(
    paid: Marketplace, cycle: str, line: int, words: str, amount: int, exact: str
) -> None:
    client, place = paid.client("ann"), f"/statements/{number(cycle)}"
    page = client.get(f"{place}/").content.decode()
    assert f"{line}. {words}" in page
    assert "pay-7" in page
    assert exact in page
    assert words in pdf_text(client.get(f"{place}.pdf").content)
    rows = list(csv.DictReader(io.StringIO(client.get(f"{place}.csv").content.decode())))
    moved = [row for row in rows if row["reference"]]
    assert [(row["line"], row["amount_micros"], row["rule"]) for row in moved] == [(str(line), str(amount), words)]
    assert sum(int(row["amount_micros"]) for row in rows[:-1]) == int(rows[-1]["amount_micros"])
    text = client.get(f"{place}.txt").content
    assert hashlib.sha256(text).hexdigest() == Statement.objects.get(number=number(cycle)).content_sha256
    told = client.get(f"/api/v1{place}/").json()
    assert [(item["number"], item["words"], item["amount_micros"]) for item in told["movements"]] == [
        (line, words, str(amount))
    ]
    assert told["paid_micros"] == str(-amount)


def test_the_console_shows_them(paid: Marketplace) -> None:
    statement = Statement.objects.get(number=number("early"))
    page = paid.client("finance").get(reverse("admin:revshare_statement_change", args=[statement.pk])).content.decode()
    assert "Paid out" in page
    legs = paid.client("finance").get(
        reverse("admin:revshare_leg_changelist") + f"?q=payable:{ANN}".replace("+", "%2B")
    )
    assert {leg.side for leg in legs.context["cl"].result_list} == {"C", "D"}
