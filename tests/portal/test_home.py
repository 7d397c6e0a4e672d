"""A contributor's first page: balance, what stands between it and payment, earnings over time as picture and table."""

import gzip
import re
from typing import Any

import pytest
from django.test import Client

from revshare.access.operations import create_user
from revshare.payouts.own import own_standings
from revshare.payouts.queries import standings
from revshare.portal.chart import HEIGHT, OTHERS, chart, round_top
from tests.conftest import AT

pytestmark = pytest.mark.django_db
TODAY = AT.date()


def shop(story: Any) -> Client:
    """Ann has two of three assets of `m`, one of two of `n`. A minimum of $50; three months, and a deal in the second."""
    story.take(
        "contributors", ("contributor_id", "contributor_name", "payee_id"), [("ann", "Ann", "iban"), ("ben", "Ben", "")]
    )
    story.attributions(
        ("d@1", "1", "ann"), ("d@1", "2", "ann"), ("d@1", "3", "ben"), ("e@1", "1", "ann"), ("e@1", "2", "ben")
    )
    story.models(("m", "d@1"), ("n", "e@1"))
    story.policy(streams="default data_deal", payout='minimum = {USD = "50.00"}')
    story.sales(("s1", "2026-01-10T00:00:00Z", "m", "USD", "90"), ("s2", "2026-02-10T00:00:00Z", "n", "USD", "10"))
    story.deals(("d1", "2026-02-10T00:00:00Z", "e@1", "USD", "40"))
    story.sales(("s3", "2026-03-10T00:00:00Z", "m", "JPY", "3000"))
    for month in (1, 2, 3):
        story.publish(f"2026-0{month}", f"2026-0{month}-01", f"2026-0{month + 1}-01")
    client = Client()
    client.force_login(
        create_user(name="ann", roles=["contributor"], contributor_id="ann", password="x", act=story.act())
    )
    return client


def test_home_says_what_stands_between_a_balance_and_its_payment(
    story: Any, django_assert_max_num_queries: Any
) -> None:
    """$90 × 20% × 2/3 = 12; $10 × 20% / 2 = 1; $40 × 20% / 2 = 4: 17 of 50. ¥3,000 × 20% × 2/3 = 400, no minimum."""
    client = shop(story)
    with django_assert_max_num_queries(15):
        response = client.get("/")
    body = response.content.decode()
    assert "$33.00 is missing to the minimum payout of $50.00" in body
    assert '<progress max="50000000" value="17000000" aria-label="$17.00 of the minimum payout of $50.00">' in body
    assert "¥400 goes out with the next payments." in body
    assert "For 1 March 2026 to 31 March 2026 you earned ¥400." in body
    assert len(gzip.compress(response.content)) < 100_000
    table = body.split("<details>")[1]
    assert re.findall(r'data-label="Total".*?amount">([^<]+)', table, re.S) == ["$0.00", "$5.00", "$12.00"]
    assert ">n<" in table
    assert "Other sales" in table  # the deal has no model
    by = client.get("/?by=dataset").content.decode()
    assert re.findall(r"<li><svg.*?<bdi>(.*?)</bdi>", by) == ["d@1", "e@1"]
    assert re.findall(r"<li><svg.*?<bdi>(.*?)</bdi>", client.get("/?by=stream").content.decode()) == [
        "Other sales",
        "data_deal",
    ]
    assert "¥400" in client.get("/?currency=JPY").content.decode().split("<details>")[1]
    assert client.get("/?currency=XXX&by=nothing").status_code == 200

    with django_assert_max_num_queries(15):
        page = client.get("/statements/2026-02-000000001/").content.decode()
    assert "−$7.00 against last time" in page  # 5 after 12
    compared = page.split('id="compared"')[1]
    assert re.findall(r'data-label="Difference" class="number">([^<]+)', compared) == ["−$12.00", "$4.00", "$1.00"]
    assert "$1.00 per asset" in page  # 1 for one asset of `e@1`

    # The quick way says the same as the one that reads everybody's balances; also with a hold, and for Ben, who has no payee.
    for name in ("ann", "ben", "nobody"):
        slow = standings(today=TODAY, contributor_ids=[name])
        assert [own.standing for own in own_standings(contributor_id=name, today=TODAY)] == slow
    assert "below_minimum" in [why.code for why in slow_reasons("ann")]


def slow_reasons(name: str) -> list[Any]:
    return [why for item in standings(today=TODAY, contributor_ids=[name]) for why in item.reasons]


def test_a_chart_is_as_high_as_its_highest_column_and_loses_nothing() -> None:
    columns = [{"a": 60, "b": 40}, {}, {"a": 1}, dict.fromkeys("abcdefg", 10)]
    drawn = chart(columns)
    assert drawn.names == ["a", "b", "c", "d", OTHERS]
    assert drawn.highest == 100
    assert [sum(row) for row in drawn.rows] == [100, 0, 1, 70]
    assert drawn.rows[3] == [10, 10, 10, 10, 30]
    first = [block for block in drawn.blocks if block.x < 100]
    assert sorted((block.height, block.y) for block in first) == [(80, 0), (120, 80)]
    assert all(block.y >= 0 and block.y + block.height <= HEIGHT and block.height >= 1 for block in drawn.blocks)
    assert chart([{"a": 1}, {"a": 10**15}]).blocks[0].height == 1
    assert chart([]).blocks == chart([{}]).blocks == []


def test_the_axis_ends_at_a_round_number_whose_half_is_one_too() -> None:
    assert [round_top(highest) for highest in (0, 9, 10, 11, 30, 45, 70, 99, 101)] == [
        10, 10, 10, 20, 40, 50, 80, 100, 200,
    ]  # fmt: skip
    assert round_top(446_130_000) == 500_000_000
    columns = [{"a": 45, "b": 25}, {"a": 8}]
    drawn = chart(columns)
    assert (drawn.highest, drawn.top) == (70, 80)
    assert [(block.column, block.height) for block in drawn.blocks] == [(0, 112), (0, 62), (1, 20)]
