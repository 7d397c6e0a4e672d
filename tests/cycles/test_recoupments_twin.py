"""Random months of sales, corrections, advances and caps: debts, reserves and balances are what a slow twin says, and
nothing is ever taken beyond the cap or the debt."""

from collections import defaultdict
from datetime import UTC, date, datetime, timedelta
from fractions import Fraction
from typing import Any

import pytest
from django.db import transaction
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from revshare.recoupments.models import Debt
from revshare.recoupments.queries import with_state
from tests.examples import examples
from tests.recoupments.stories import advance, clean, month, shop
from tests.stories import Story, statements

M = 1_000_000
MONTHS = (1, 2, 3, 4)
NAMES = ("ann", "ben")
event = st.tuples(
    st.sampled_from(MONTHS), st.sampled_from(["correction", "advance"]), st.sampled_from(NAMES), st.integers(1, 90)
)
terms = st.tuples(
    st.integers(0, 100), st.sampled_from([None, 0, 3, 20]), st.sampled_from([0, 20, 40]), st.integers(0, 50),
    st.integers(1, 3),
)  # fmt: skip


def twin(rules: Any, sold: list[int], events: list[Any]) -> tuple[dict[Any, int], list[tuple[str, int, int]]]:
    """(closing balance by month and name; whose debt, how much, what is left). Micro by micro, month by month."""
    cap, at_most, notice, kept_share, kept_for = rules
    balance: dict[str, int] = defaultdict(int)
    debts: list[dict[str, Any]] = []
    reserves: dict[int, dict[str, int]] = {}
    closing = {}
    for number, micros in zip(MONTHS, sold, strict=True):
        end = date(2026, number + 1, 1)
        own = [item for item in events if item[0] == number]
        for _, kind, name, amount in own:
            balance[name] += amount if kind == "advance" else -amount
            if kind == "advance":  # on the fifth of this month, before which nobody knew of it
                debts.append({"name": name, "left": amount, "from": date(2026, number, 5), "all": amount})
        due = [debt for debt in debts if debt["from"] < end]
        came_back = reserves.get(number - kept_for, {})
        for name, amount in came_back.items():
            balance[name] += amount
        for name in NAMES:
            if balance[name] < 0:
                owed = -balance[name]
                debts.append({"name": name, "left": owed, "from": end + timedelta(days=notice), "all": owed})
                balance[name] = 0
        pool = micros // 5
        shares = {"ann": pool * 3 // 4, "ben": pool // 4}
        if sum(shares.values()) < pool:  # the odd micros: to the larger remainder, ann's first
            order = sorted(NAMES, key=lambda name: (-(pool * {"ann": 3, "ben": 1}[name] % 4), name))
            for name in order[: pool - sum(shares.values())]:
                shares[name] += 1
        reserves[number] = {}
        for name in NAMES:
            earned = shares[name]
            reserve = int(Fraction(kept_share, 100) * earned)
            reserves[number][name] = reserve
            budget = min(int(Fraction(cap, 100) * earned), earned if at_most is None else at_most, earned - reserve)
            budget += came_back.get(name, 0)
            balance[name] += earned - reserve
            while budget and (open_ones := [debt for debt in due if debt["name"] == name and debt["left"]]):
                open_ones[0]["left"] -= 1
                balance[name] -= 1
                budget -= 1
            closing[number, name] = balance[name]
    return closing, [(debt["name"], debt["all"], debt["left"]) for debt in debts]


@pytest.mark.usefixtures("one_duckdb")
@settings(
    max_examples=examples(quick=2, long=12), deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(
    rules=terms, sold=st.lists(st.integers(0, 900), min_size=4, max_size=4), events=st.lists(event, max_size=7),
)  # fmt: skip
def test_random_debts_are_what_the_slow_twin_says(story: Story, rules: Any, sold: list[int], events: list[Any]) -> None:
    cap, at_most, notice, kept_share, kept_for = rules
    limit = "" if at_most is None else f'at_most = {{USD = "0.{at_most:06d}"}}\n'
    with transaction.atomic():
        story.at = datetime(2025, 12, 31, tzinfo=UTC)
        shop(
            story, f'[recoupment]\ncap = "{cap}%"\nnotice_days = {notice}\n{limit}',
            f'[reserve]\nshare = "{kept_share}%"\ncycles = {kept_for}\n',
        )  # fmt: skip
        actual: dict[Any, int] = defaultdict(int)
        for number, micros in zip(MONTHS, sold, strict=True):
            story.at = datetime(2026, number, 5, 12, tzinfo=UTC)
            for place, (when, kind, name, amount) in enumerate(events):
                if when == number and kind == "advance":
                    advance(story, name, amount)
                elif when == number:
                    legs = ((f"payable:{name}", "USD", "D", amount), ("platform", "USD", "C", amount))
                    story.move("correction", f"c{place}", *legs)
            rows = statements(month(story, number, sold=f"0.{micros:06d}" if micros else ""))
            for name in NAMES:
                before = actual[number - 1, name]
                actual[number, name] = rows[f"{name} USD"][-1] if f"{name} USD" in rows else before
        closing, debts = twin(rules, sold, events)
        assert {at: actual[at] for at in closing} == closing
        stored: Any = with_state().order_by("pk")
        assert [(debt.contributor_id, debt.amount_micros, debt.left_micros) for debt in stored] == debts
        assert all(0 <= debt.left_micros <= debt.amount_micros for debt in stored)
        assert Debt.objects.count() == len(debts)
        clean()
        transaction.set_rollback(True)
