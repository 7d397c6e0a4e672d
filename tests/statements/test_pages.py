"""Pages of statements against the naive way: sort all of them, then count off."""

from typing import Any

import pytest
from django.db.models import QuerySet

from revshare.allocation.models import Allocation
from revshare.cycles.models import Cycle
from revshare.ledger.models import Leg
from revshare.ledger.pages import contributor_legs, entry_legs, find_leg
from revshare.statements.models import Statement
from revshare.statements.pages import Range, find_id, find_line, find_number, lines_at, place, statements_at

pytestmark = pytest.mark.django_db
PEOPLE = [f"p{number}" for number in range(7)]


@pytest.fixture
def cycles(story: Any) -> list[Cycle]:
    """Three cycles: of 7 people in CHF and USD, of 3 in USD, of none, and of 7 in EUR."""
    story.attributions(*(("all@1", f"a{at}", who) for at, who in enumerate(PEOPLE)))
    story.attributions(*(("few@1", f"b{at}", who) for at, who in enumerate(PEOPLE[:3])))
    story.models(("all", "all@1"), ("few", "few@1"))
    story.policy()
    story.sales(
        ("s1", "2026-01-10T00:00:00Z", "all", "USD", "70.00"), ("s2", "2026-01-10T00:00:00Z", "all", "CHF", "7.00"),
        ("s3", "2026-02-10T00:00:00Z", "few", "USD", "3.00"), ("s4", "2026-04-10T00:00:00Z", "all", "EUR", "0.00"),
        ("s5", "2026-04-10T00:00:00Z", "few", "EUR", "1.00"),
    )  # fmt: skip
    return [
        story.calculate(f"2026-{month:02d}", f"2026-{month:02d}-01", f"2026-{month + 1:02d}-01")
        for month in range(1, 5)
    ]


def naive(cycle: Cycle | None, currency: str) -> list[int]:
    rows: QuerySet[Statement] = Statement.objects.order_by("-id")
    if cycle:
        rows = rows.filter(cycle=cycle)
    if currency:
        rows = rows.filter(currency=currency)
    return list(rows.values_list("id", flat=True))


def check_pages(all_ids: list[int], only: dict[str, Any], size: int) -> None:
    for at in range(len(all_ids) + 1):
        page = place(**only, after=all_ids[at - 1]) if at else place(**only)
        assert [statement.pk for statement in statements_at(page)] == all_ids[at : at + size]
        assert (page.newer, page.older) == (at > 0, at + size < len(all_ids))
    for at in range(len(all_ids)):
        page = place(**only, before=all_ids[at])
        assert [statement.pk for statement in statements_at(page)] == all_ids[max(at - size, 0) : at]
        assert (page.newer, page.older) == (at - size > 0, True)


def test_pages_in_both_directions_are_those_of_counting_off(cycles: list[Cycle]) -> None:
    for cycle in (None, *cycles):
        for currency in ("", "CHF", "USD", "EUR", "JPY"):
            for size in (1, 3, 5, 100):
                only: dict[str, Any] = {"size": size, "currency": currency, "cycle_id": cycle.pk if cycle else None}
                check_pages(naive(cycle, currency), only, size)


def test_a_place_that_is_no_statement_is_between_its_neighbours(cycles: list[Cycle]) -> None:
    first, second, *_ = cycles
    page = place(size=3, after=second.pk * 10**9)
    assert page.ranges == (Range(first.pk, "USD", 12, 14, 14),)
    assert (page.newer, page.older) == (True, True)


def test_lines_and_legs_of_a_page_are_those_of_its_statements(cycles: list[Cycle]) -> None:
    last = cycles[3]
    page = place(size=5, cycle_id=last.pk)
    lines = lines_at(page)
    assert [(line.contributor_id, line.pool.model) for line in lines] == [
        ("p6", "all"), ("p5", "all"), ("p4", "all"), ("p3", "all"), ("p2", "all"), ("p2", "few"),
    ]  # fmt: skip
    assert [find_line(line.pk) for line in lines] == lines
    rest = Allocation.objects.exclude(bucket="contributor")
    assert rest
    assert {find_line(line.pk) for line in rest} == set(rest)
    first = cycles[0]
    legs = entry_legs(cycle_id=first.pk, first=6, last=9)
    naive_legs = Leg.objects.filter(journal__cycle=first, account__startswith="payable:", id__gt=0).order_by("-id")
    assert legs == [leg for leg in naive_legs if 6 <= leg.pk % 10**9 <= 9]
    assert [(leg.account, leg.currency) for leg in legs] == [
        ("payable:p1", "USD"), ("payable:p0", "USD"), ("payable:p6", "CHF"), ("payable:p5", "CHF"),
    ]  # fmt: skip
    assert contributor_legs("payable:p1") == list(Leg.objects.filter(account="payable:p1").order_by("-id"))


def test_each_is_found_by_what_names_it(cycles: list[Cycle]) -> None:
    for statement in Statement.objects.all():
        assert find_number(statement.number) == statement
        assert find_id(statement.pk) == statement
    for leg in Leg.objects.all():
        assert find_leg(leg.pk) == leg
    for number in ("", "-", "2026-01", "2026-01-000000099", "2026-01-00000001", "2026-03-000000001", "x-000000001"):
        assert find_number(number) is None
    assert find_id(7) is None
    assert find_leg(-(10**9)) is None
    assert find_line(10**15 + 1) is None
