"""Thirteen real months against payouts that an independent program computed in exact fractions."""

import csv
import gzip
from collections import defaultdict
from datetime import date
from typing import Any

from django.db import transaction

from revshare.cycles.models import Cycle
from revshare.exports.operations import csv_blocks
from revshare.ingest.operations import find_files, ingest
from revshare.verification.operations import verify
from tests.conftest import FIXTURES
from tests.stories import Story

EXPECTED = {"single": "expected_payouts.csv.gz", "per_model": "expected_payouts_by_model.csv.gz"}


def expected_payouts(name: str) -> dict[str, dict[tuple[str, str], int]]:
    """Month: {(currency, contributor): micros}; where a month has several pools, their sum."""
    months: dict[str, dict[tuple[str, str], int]] = defaultdict(lambda: defaultdict(int))
    with gzip.open(FIXTURES / "year" / name, "rt", encoding="utf-8") as file:
        for row in csv.DictReader(file):
            months[row["period"]][row["currency"], row["contributor_id"]] += int(row["amount_micros"])
    return months


def as_export(month: dict[tuple[str, str], int]) -> bytes:
    lines = [f"{contributor},{currency},{amount}\n" for (currency, contributor), amount in sorted(month.items())]
    return ("contributor_id,currency,amount_micros\n" + "".join(lines)).encode()


def test_every_payout_of_thirteen_months_is_the_expected_one(story: Story) -> None:
    """With one pool over everything, and with a pool per model, over the same files."""
    for kind, path in find_files(FIXTURES / "tate"):
        ingest(kind=kind, path=FIXTURES / "year" / path.name if kind == "sales" else path, act=story.act())
    for pooling, name in EXPECTED.items():
        with transaction.atomic():
            story.policy(name=pooling, pooling=pooling)
            months(story, pooling, expected_payouts(name))
            transaction.set_rollback(True)


def months(story: Story, policy: str, expected: dict[str, dict[tuple[str, str], int]]) -> None:
    assert len(expected) == 13
    for month in expected:
        start = date.fromisoformat(f"{month}-01")
        end = date(start.year + start.month // 12, start.month % 12 + 1, 1)
        cycle = story.calculate(month, str(start), str(end), zone="Europe/London", policy=policy)
        assert b"".join(csv_blocks(kind="payouts", cycle_id=cycle.pk)) == as_export(expected[month]), month
    verdict = verify(cycles=list(Cycle.objects.filter(key__in=["2010-12", "2011-11"])))
    assert verdict.findings == []


def test_november_in_one_pool(story: Story) -> None:
    """The figures that the README and the demo show."""
    from revshare.cycles.summary import summarise
    from revshare.policies.operations import register

    for kind, path in find_files(FIXTURES / "tate"):
        report = ingest(kind=kind, path=path, act=story.act())
        assert report.file.rows_quarantined == 0, kind
    story.policies["fund"], _ = register(content=(FIXTURES / "tate" / "policy.toml").read_bytes(), act=story.act())
    cycle = story.calculate("2011-11", "2011-11-01", "2011-12-01", zone="Europe/London", policy="fund")
    summary = summarise(cycle)
    (pool,) = summary.pools
    totals: tuple[Any, ...] = (
        pool.pool.net_micros,
        pool.pool.distributable_micros,
        pool.contributors,
        pool.allocated_micros,
    )
    assert totals == (1_479_800_250_000, 295_960_050_000, 3_393, 295_960_050_000)
    assert pool.residue_micros == 1_986  # totals.json of the independent program: leftover_micros_by_remainder
    assert (summary.largest[0].name, summary.largest[0].amount_micros) == (
        "Turner, Joseph Mallord William", 168_110_714_219,
    )  # fmt: skip
    assert summary.numbers.trial_balance == {"GBP": 0}
