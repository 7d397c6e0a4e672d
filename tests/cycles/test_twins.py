"""The whole calculation against a slow twin: one loop over Python objects, in fractions, on random small marketplaces."""

from collections import defaultdict
from fractions import Fraction
from typing import Any

import pytest
from django.db import transaction
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from revshare.allocation.models import Allocation
from revshare.cycles.models import Cycle
from revshare.statements.models import Statement
from revshare.statements.queries import explain
from revshare.statements.rules import content_sha256
from revshare.verification.operations import verify
from tests.examples import examples
from tests.stories import Story

MODELS = ("m1", "m2", "unknown")
MONTHS = ("2026-01", "2026-02", "2026-03")
sale = st.tuples(
    st.sampled_from(MONTHS), st.sampled_from(MODELS), st.sampled_from(["USD", "EUR"]), st.integers(-400_000, 900_000)
)
asset = st.tuples(st.sampled_from(["d1", "d2", "d3"]), st.sets(st.sampled_from("abcdefgh"), min_size=1, max_size=5))
TRAINED = {"m1": ["d1"], "m2": ["d1", "d2"]}


def split(pool: int, weights: dict[str, Fraction]) -> dict[str, int]:
    total = sum(weights.values())
    quotas = {person: pool * held / total for person, held in weights.items()}
    paid = {person: int(quota) for person, quota in quotas.items()}
    by_remainder = sorted(quotas, key=lambda person: (int(quotas[person]) - quotas[person], person))
    for person in by_remainder[: pool - sum(paid.values())]:
        paid[person] += 1
    return paid


def twin(assets: list[Any], sales: list[Any], pooling: str, share: Fraction) -> dict[tuple[str, str, str], int]:
    """(month, contributor or <bucket>, currency): micros. Follows the rule, not the product."""
    units: dict[str, dict[str, Fraction]] = defaultdict(lambda: defaultdict(Fraction))
    for version, people in assets:
        for person in people:
            units[version][person] += Fraction(1, len(people))
    carried: dict[tuple[str, str], int] = defaultdict(int)
    result: dict[tuple[str, str, str], int] = defaultdict(int)
    for month in MONTHS:
        nets = {key: 0 for key, amount in carried.items() if amount}
        for when, model, currency, amount in sales:
            placed = model in TRAINED and all(version in units for version in TRAINED[model])
            if when == month:
                key = ("", currency) if pooling == "single" and placed else (model, currency)
                nets[key] = nets.get(key, 0) + amount
        for (model, currency), net in nets.items():
            base = net + carried.pop((model, currency), 0)
            if base < 0:
                carried[model, currency] = base
            pool = int(base * share) if base > 0 else 0  # int() of a positive fraction is its floor
            result[month, "<platform>", currency] += max(base, 0) - pool
            result[month, "<carried>", currency] += min(base, 0)
            named = (
                TRAINED.get(model, []) if model else sorted({v for vs in TRAINED.values() for v in vs if v in units})
            )
            known = bool(named) and all(version in units for version in named)
            weights: dict[str, Fraction] = defaultdict(Fraction)
            for version in named if known else []:
                for person, held in units[version].items():
                    weights[person] += held
            if not weights:
                result[month, "<suspense>", currency] += pool
                continue
            for person, amount in split(pool, weights).items():
                result[month, person, currency] += amount
    return {key: amount for key, amount in result.items() if amount}


@pytest.mark.usefixtures("one_duckdb")
@settings(
    max_examples=examples(quick=4, long=25), deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(
    assets=st.lists(asset, max_size=7), sales=st.lists(sale, max_size=10), pooling=st.sampled_from(["single", "per_model"]),
    percent=st.sampled_from(["20%", "33.333333%", "100%", "0%"]),
)  # fmt: skip
def test_three_months_are_what_the_slow_twin_says(
    story: Story, assets: list[Any], sales: list[Any], pooling: str, percent: str
) -> None:
    with transaction.atomic():
        story.policy(pooling=pooling, share=percent)
        story.models(*[(model, version) for model, versions in TRAINED.items() for version in versions])
        story.attributions(*[(v, f"x{n}", person) for n, (v, people) in enumerate(assets) for person in people])
        story.sales(
            *[(f"s{n}", f"{month}-15T00:00:00Z", model, currency, f"{'-' if micros < 0 else ''}0.{abs(micros):06d}")
              for n, (month, model, currency, micros) in enumerate(sales)]
        )  # fmt: skip
        for number, month in enumerate(MONTHS, 1):
            story.calculate(month, f"{month}-01", f"2026-0{number + 1}-01")
        actual: dict[tuple[str, str, str], int] = defaultdict(int)
        for row in Allocation.objects.select_related("cycle"):
            actual[row.cycle.key, row.contributor_id or f"<{row.bucket}>", row.currency] += row.amount_micros
        share = Fraction(percent.rstrip("%")) / 100
        assert {key: amount for key, amount in actual.items() if amount} == twin(assets, sales, pooling, share)
        for statement in Statement.objects.select_related("cycle__policy"):
            assert content_sha256(explain(statement).content) == statement.content_sha256
        assert verify(cycles=list(Cycle.objects.all())).findings == []
        transaction.set_rollback(True)
