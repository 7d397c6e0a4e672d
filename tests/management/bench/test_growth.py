"""The exponent of growth is the one that the seconds were made with."""

import pytest

from revshare.management.bench import growth, race
from revshare.management.bench.inputs import Size
from revshare.management.bench.race import Plan
from tests.management.bench.results import contestant, result, stage


@pytest.mark.parametrize("power", [0, 0.5, 1, 2])
def test_an_exponent_is_found_again(power: float) -> None:
    points = [(size, 0.003 * size**power) for size in (1_000, 40_000, 7_000_000)]
    assert growth.exponent(points) == pytest.approx(power, abs=1e-9)


def test_noise_does_not_hide_an_exponent() -> None:
    points = [(10**power, 1e-6 * (10**power) * (1.1 if power % 2 else 0.9)) for power in range(3, 8)]
    assert growth.exponent(points) == pytest.approx(1, abs=0.05)


@pytest.mark.parametrize("points", [[(4, 0.1), (4, 0.2)], [(100, 1.0)], [(100, 0.0), (1000, 1.0)], []])
def test_no_exponent_without_two_sizes_that_took_time(points: list[tuple[float, float]]) -> None:
    assert growth.exponent(points) is None


def test_each_stage_is_fitted_against_its_own_rows(monkeypatch: pytest.MonkeyPatch, tmp_path: object) -> None:
    """Ten times the attributions and five times the sales: ten times the seconds of each is 1 for one, more for the
    other."""
    small = result(
        rows=1000, contestants={"duckdb": contestant(1.0, 1.0), "revshare": contestant(1.0, 1.0)},
        stages=[stage("start", 1.0), stage("attributions", 1.0, 1000), stage("sales", 1.0, 100)],
    )  # fmt: skip
    large = result(
        rows=10_000, contestants={"duckdb": contestant(10.0, 10.0), "revshare": contestant(100.0, 1.0)},
        stages=[stage("start", 1.0), stage("attributions", 10.0, 10_000), stage("sales", 10.0, 500)],
    )  # fmt: skip
    asked: list[Plan] = []

    def run(plan: Plan, say: object) -> dict[str, object]:
        asked.append(plan)
        return small if plan.size.rows == 1000 else large

    monkeypatch.setattr(race, "run", run)
    plan = Plan(size=Size(1, 1, 1), format="csv", runs=3, peers=[], work=tmp_path)  # type: ignore[arg-type]
    found = growth.run(plan, [Size(1000, 1, 1), Size(10_000, 1, 1)], lambda text: None)
    assert {line["name"]: line["exponent"] for line in found["lines"]} == {
        "revshare": 2.0, "duckdb": 1.0, "attributions": 1.0, "sales": 1.43,
    }  # fmt: skip
    assert found["lines"][0]["name"] == "revshare"
    assert [plan.runs for plan in asked] == [1, 1]
