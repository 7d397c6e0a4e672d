"""What a contributor is told besides the balance: reserve, advance, overpayment; and on the statement what is left."""

from typing import Any

import pytest
from django.test import Client
from django.urls import reverse

from revshare.access.operations import create_user
from revshare.statements.queries import by_number, explain
from tests.recoupments.stories import CAP, RESERVE, M, advance, month, shop
from tests.stories import Story


@pytest.fixture
def ann(story: Story) -> Client:
    shop(story, CAP, RESERVE)
    client = Client()
    client.force_login(
        create_user(name="ann", roles=["contributor"], contributor_id="ann", password="x", act=story.act())
    )
    return client


def page(client: Client) -> str:
    return " ".join(client.get("/").content.decode().split())


def test_debts_and_reserves_are_told_by_what_is_published(story: Story, ann: Client, no_query_in_a_loop: Any) -> None:
    month(story, 1)
    assert "1.50 is yours and held in reserve" in page(ann).replace("$", "").replace("USD", "").replace("\xa0", "")
    assert "You had an advance" not in page(ann)
    debt = advance(story, "ann", 5 * M)
    month(story, 2)
    told = page(ann).replace("$", "").replace("USD", "").replace("\xa0", "")
    assert "You had an advance of 5.00: 1.25 is left." in told
    assert "3.00 is yours and held in reserve" in told
    statement = by_number("2026-02-000000001").select_related("cycle__policy").get()
    words = {line.kind: line.words for line in explain(statement).content.movements}
    assert words["recoupment"] == (f"Taken back of what is owed: 3.75 of advance {debt.pk}, of which 1.25 USD is left")
    assert words["reserve"] == "Held in reserve"
    body = ann.get(reverse("statement", args=["2026-02-000000001"])).content.decode()
    assert "of which 1.25 USD is left" in body
    story.sales(("s3", "2026-03-10T00:00:00Z", "m", "USD", "100"))
    story.calculate("2026-03", "2026-03-01", "2026-04-01")  # takes the rest, and nobody may see it yet
    assert "1.25" in page(ann)
