"""Random sales of two streams with reserves of their own, and splits: what is held of whom is what a slow twin says."""

from collections import defaultdict
from datetime import UTC, datetime
from fractions import Fraction
from math import floor
from typing import Any

import pytest
from django.db import transaction
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.examples import examples
from tests.recoupments.stories import clean, month, shop
from tests.stories import Story, statements

NAMES = ("agnes", "ann", "ben")
HEADER = ("contributor_id", "payee_id", "share", "start", "end", "reason")
DEALS = '[streams.data_deal]\ncontributor_share = "20%"\npooling = "per_model"\nallocation = "asset_count"\n'


def shared(pool: int) -> dict[str, int]:
    """Ann has three assets, Ben has one; the odd micro to the larger remainder, Ann's first."""
    found = {"ann": pool * 3 // 4, "ben": pool // 4}
    order = sorted(found, key=lambda name: (-(pool * {"ann": 3, "ben": 1}[name] % 4), name))
    for name in order[: pool - sum(found.values())]:
        found[name] += 1
    return found


def divided(whole: int, parts: dict[str, int]) -> dict[str, int]:
    """By largest remainder, out of a million."""
    quotas = {name: Fraction(whole * part, 10**6) for name, part in parts.items()}
    found = {name: floor(quota) for name, quota in quotas.items()}
    for name in sorted(parts, key=lambda n: (found[n] - quotas[n], n))[: whole - sum(found.values())]:
        found[name] += 1
    return found


def twin(sold: tuple[int, int], splits: dict[str, dict[str, int]], general: int, own: int) -> dict[str, int]:
    """What is held of each."""
    earned = [shared(micros // 5) for micros in sold]  # of all streams, of data deals
    base: dict[tuple[str, int], int] = defaultdict(int)
    for giver in ("ann", "ben"):
        amounts = [of[giver] for of in earned]
        given = splits.get(giver, {})
        sides = divided(sum(amounts), given | {giver: 10**6 - sum(given.values())})
        for name, micros in sides.items():
            first = floor(Fraction(micros * amounts[0], sum(amounts) or 1))
            base[name, 0] += first
            base[name, 1] += micros - first
    return {
        name: floor(base[name, 0] * Fraction(general, 100)) + floor(base[name, 1] * Fraction(own, 100))
        for name in NAMES
    }


@pytest.mark.usefixtures("one_duckdb")
@settings(
    max_examples=examples(quick=2, long=40), deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(
    sold=st.tuples(st.integers(0, 400), st.integers(0, 400)),
    splits=st.dictionaries(
        st.sampled_from(["ann", "ben"]),
        st.dictionaries(st.sampled_from(NAMES), st.integers(1, 500_000), min_size=1, max_size=2), max_size=2,
    ),
    general=st.integers(0, 100), own=st.integers(0, 100),
)  # fmt: skip
def test_random_reserves_are_what_the_slow_twin_says(
    story: Story, sold: tuple[int, int], splits: dict[str, dict[str, int]], general: int, own: int
) -> None:
    splits = {giver: {payee: n for payee, n in parts.items() if payee != giver} for giver, parts in splits.items()}
    with transaction.atomic():
        story.at = datetime(2025, 12, 31, tzinfo=UTC)
        shop(
            story, f'[reserve]\nshare = "{general}%"\ncycles = 1\n', DEALS,
            f'[streams.data_deal.reserve]\nshare = "{own}%"\ncycles = 2\n',
        )  # fmt: skip
        rows: list[Any] = [
            (giver, payee, f"0.{millionths:06d}", "2026-01-01", "", "agency")
            for giver, parts in splits.items() for payee, millionths in parts.items()
        ]  # fmt: skip
        if rows:
            story.take("splits", HEADER, rows)
        story.deals(("d1", "2026-01-10T00:00:00Z", "ds@1", "USD", f"0.{sold[1]:06d}"))
        found = statements(month(story, 1, sold=f"0.{sold[0]:06d}"))
        held = {name: found[f"{name} USD"][4] if f"{name} USD" in found else 0 for name in NAMES}
        assert held == twin(sold, splits, general, own)
        clean()
        month(story, 2, sold="")
        last = statements(month(story, 3, sold=""))
        assert sum(row[4] for row in last.values()) <= 0
        clean()
        transaction.set_rollback(True)
