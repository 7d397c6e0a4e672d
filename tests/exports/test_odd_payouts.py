"""Payouts of nothing, and to ids that DuckDB would write otherwise."""

from pathlib import Path

import pytest

from revshare.cells import safe_cell
from revshare.exports.operations import write
from tests.exports.test_from_lake import from_lake
from tests.exports.test_operations import text
from tests.stories import Story


def test_a_payout_of_nothing_is_a_row_too(story: Story) -> None:
    story.models(("m", "ds@1"))
    story.attributions(("ds@1", "a", "ann"), ("ds@1", "b", "ben"))
    story.policy()
    story.sales(("s1", "2026-06-10T00:00:00Z", "m", "USD", "0.000005"))
    cycle = story.calculate("june", "2026-06-01", "2026-07-01")
    assert text("payouts", cycle).splitlines()[1:] == ["ann,USD,1", "ben,USD,0"]


@pytest.mark.parametrize("odd", ["a#1", "=1", "+1", "-1", "@x"])
def test_an_id_that_duckdb_would_write_otherwise_is_written_as_before(story: Story, tmp_path: Path, odd: str) -> None:
    story.models(("m", "ds@1"))
    story.attributions(("ds@1", "a", odd), ("ds@1", "b", "ben"))
    story.policy()
    story.sales(("s1", "2026-06-10T00:00:00Z", "m", "USD", "1"))
    cycle = story.calculate("june", "2026-06-01", "2026-07-01")
    assert from_lake(cycle, tmp_path / "draft.csv") is None
    assert write(kind="payouts", cycle_id=cycle.pk, format="csv", target=tmp_path / "p.csv") == 2
    assert (tmp_path / "p.csv").read_text().splitlines()[1:] == [f"{safe_cell(odd)},USD,100000", "ben,USD,100000"]
