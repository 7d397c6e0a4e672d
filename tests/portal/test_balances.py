"""What a balance is once statements came, in whatever order, and what is said before the first."""

import pytest

from revshare.access.operations import create_user
from tests.portal.conftest import ANN, BEN, PASSWORD, worked_example
from tests.portal.test_pages import sign_in

pytestmark = pytest.mark.django_db


def test_the_balance_is_the_closing_of_the_latest_statement(story, act) -> None:
    worked_example(story)
    story.sales(("s3", "2026-05-11T00:00:00Z", "m", "JPY", "1000"), ("s4", "2026-05-12T00:00:00Z", "m", "EUR", "0.01"))
    story.publish("june", "2026-06-01", "2026-07-01")
    story.publish("may", "2026-05-01", "2026-06-01")  # calculated later: it opens with what June closed with
    create_user(name="ben", roles=["contributor"], contributor_id=BEN, password=PASSWORD, act=act)
    client, _ = sign_in("ben")
    body = client.get("/").content.decode()
    # Ben has a sixth: $1.40 / 6 = 0.233333; then $2.00 / 6 = 0.333333; ¥200 / 6; €0.002 / 6
    cards = body.split('<ul class="cards">')[1].split('<section class="card')[0]
    figures = [part.split("</span>")[0] for part in cards.split('"figure">')[1:]]
    assert sorted(figures) == ["$0.56", "¥33", "€0.000333"]
    assert "exactly $0.566666" in body
    assert "exactly ¥33.333333" in body
    assert "may-00" in cards


def test_somebody_without_a_statement_reads_why(story, act) -> None:
    worked_example(story)
    create_user(name="ann", roles=["contributor"], contributor_id=ANN, password=PASSWORD, act=act)
    body = sign_in("ann")[0].get("/statements/").content.decode()
    assert "No statement yet" in body
    assert "when a payout cycle is published" in body
    assert "<table" not in body
