"""What stands in the tables, cell by cell."""

import pytest

from revshare.management.bench import tables
from tests.management.bench.results import result


def cells(lines: object) -> list[list[str]]:
    return [[cell.strip() for cell in line.strip("|").split("|")] for line in lines]  # type: ignore[attr-defined]


def test_whole_runs_side_by_side() -> None:
    assert cells(tables.contestants(result()))[2:] == [
        ["revshare", "8.00", "", "1.50", "0.00", "0.10", "512"],
        ["duckdb", "4.00", "2.00 ×", "1.50", "0.00", "0.10", "512"],
    ]


def test_stages_without_what_is_too_short_to_matter() -> None:
    assert cells(tables.stages(result()))[2:] == [
        ["start", "", "", "1.00", "0.50", "0.25", "300"],
        ["attributions", "10,000,000", "3,333,333", "3.00", "0.50", "0.25", "300"],
        ["· read", "", "", "2.90", "0.50", "0.25", "300"],
        ["calculate", "", "", "4.00", "0.50", "0.25", "300"],
        ["· ledger", "3,400,009", "170,000,450", "0.02", "0.50", "0.25", "300"],
    ]


def test_limits_with_goals_missed_met_and_surpassed() -> None:
    assert cells(tables.limits(result()))[2:] == [
        ["attributions", "1,000", "1,000", "1.000", "0.290", "0.29", "0.30", "no", "bare"],
        ["calculate: ledger", "1,000", "1,000", "1.000", "0.500", "0.50", "0.30, beyond 0.45", "beyond", "bare"],
        ["apart", "1,000", "1,000", "1.000", "0.310", "0.31", "0.30", "yes", "bare"],
    ]


def test_every_line_of_a_table_is_as_wide_as_the_others() -> None:
    lines = list(tables.stages(result()))
    assert len({len(line) for line in lines}) == 1
    assert set(lines[1]) == set("| -:")


def test_titles_say_the_size() -> None:
    assert tables.title(result()) == "10M attributions, 1M contributors, 1M sales, CSV: median of 3 runs"
    odd = result(rows=1_234, contributors=1_500, sales=2_500_000, format="parquet", runs=1)
    assert tables.title(odd) == "1,234 attributions, 1.5k contributors, 2.5M sales, Parquet: one run"


@pytest.mark.parametrize(
    ("changed", "said"),
    [
        ({}, "All payouts AGREE byte for byte (revshare, duckdb)."),
        ({"agree": False}, "DISAGREE"),
        ({"agree": False, "failures": ["pandas failed"]}, "FAILED"),
        ({"payouts_sha256": {"2026-06": {"revshare": ["ab"]}}}, "There was nobody to agree with."),
    ],
)
def test_the_verdict(changed: dict[str, object], said: str) -> None:
    assert tables.verdict(result(**changed)) == said


def test_growth_gives_rows_and_seconds_of_every_size() -> None:
    sizes = [
        {"rows": 1_000_000, "contributors": 1000, "sales": 1000},
        {"rows": 10_000_000, "contributors": 1000, "sales": 1000},
    ]
    line = {"name": "lock: weigh", "rows": [1_000_000, 10_000_000], "wall_s": [1.5, 30.0], "exponent": 1.3}
    table = cells(tables.growth({"sizes": sizes, "lines": [line, line | {"exponent": None}]}))
    assert table[0] == ["", "1M: rows", "1M: wall s", "10M: rows", "10M: wall s", "exponent"]
    assert table[2] == ["lock: weigh", "1,000,000", "1.50", "10,000,000", "30.00", "1.30"]
    assert table[3][-1] == ""


def test_each_way_of_sharing_is_held_against_the_plainest() -> None:
    lines = [
        {"method": "asset_count", "amounts": 200_000, "wall_s": 0.4, "cpu_s": 0.5},
        {"method": "directed", "amounts": 250_000, "wall_s": 1.0, "cpu_s": 1.25},
    ]
    assert cells(tables.methods({"lines": lines}))[2:] == [
        ["asset_count", "200,000", "0.400", "0.500", "2.50", "1.00 ×"],
        ["directed", "250,000", "1.000", "1.250", "5.00", "2.50 ×"],
    ]
