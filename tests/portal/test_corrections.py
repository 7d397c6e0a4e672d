"""A statement says what a restatement corrected, line by line, of whose it is."""

from typing import Any

import pytest

from revshare.cycles import operations as cycles
from revshare.restatements import operations as restatements
from revshare.restatements.rules import Options
from revshare.statements.models import Statement
from tests.portal.conftest import ANN, BEN, Marketplace

pytestmark = pytest.mark.django_db


def test_own_lines_before_and_after(marketplace: Marketplace, story: Any) -> None:
    story.policies = {"p": marketplace.statement(ANN, "2026-06").cycle.policy}
    for step, who in (("submit", "olivia"), ("approve", "adam"), ("publish", "adam")):
        getattr(cycles, step)(key="2026-06", act=story.act(who))
    story.sales(("s8", "2026-06-11T00:00:00Z", "m", "USD", "7.00"))
    made = restatements.draft(cycle_key="2026-06", options=Options(late=True), act=story.act())
    restatements.approve(key=made.key, act=story.act("adam"))
    restatements.post(key=made.key, act=story.act("fiona"))
    story.publish("2026-07", "2026-07-01", "2026-08-01", zone="Europe/London")
    for who, before, after, difference in (
        (ANN, "$0.933334", "$1.866667", "$0.933333"), (BEN, "$0.233333", "$0.466667", "$0.233334"),
    ):  # fmt: skip
        number = Statement.objects.get(contributor_id=who, cycle__key="2026-07").number
        page = marketplace.client("ann" if who == ANN else "ben").get(f"/statements/{number}/").content.decode()
        assert "Correction of earlier cycles" in page
        assert "2026-06/1: late sales and refunds" in page
        for exact in (before, after, difference):
            assert exact in page
        assert marketplace.client("ben" if who == ANN else "ann").get(f"/statements/{number}/").status_code == 404
