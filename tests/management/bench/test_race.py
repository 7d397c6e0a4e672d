"""Who agrees with whom, medians, goals, and how the command ends."""

import json
from pathlib import Path
from typing import Any

import pytest
from django.core.management import call_command

from revshare.errors import Refused
from revshare.management.bench import limits, peers, race, stages
from revshare.management.bench.inputs import Size
from revshare.management.bench.instance import Prepared
from revshare.management.bench.limits import LIMITS, Limit, Reached
from revshare.management.bench.measured import Measured
from revshare.management.bench.product import FIRST, SECOND, CycleRun
from revshare.management.bench.race import Plan, Race
from revshare.management.bench.sampler import Sample, Samples
from revshare.management.bench.stages import Stage, stages_of
from tests.management.bench.results import result

MEMORY = Samples([Sample(10.0, 100, 0.0), Sample(12.0, 700, 1.0), Sample(20.0, 300, 5.0)])


def measured(wall_s: float = 10.0, exit: int = 0) -> Measured:
    return Measured(
        started=10.0, wall_s=wall_s, cpu_s=4.0, services_cpu_s=5.0, other_cpu_s=0.0, peak_bytes=700, exit=exit, out="",
        err="gone wrong", samples=MEMORY,
    )  # fmt: skip


@pytest.fixture
def contest(tmp_path: Path) -> Race:
    plan = Plan(size=Size(1, 1, 1), format="csv", runs=1, peers=[], work=tmp_path)
    return Race(plan, lambda text: None)


def wrote(folder: Path, text: str) -> Path:
    folder.mkdir(exist_ok=True)
    (folder / "payouts.csv").write_text(text)
    return folder


WALLS = {"revshare": (9.0, 30.0, 10.0), "duckdb": (4.0, 10.0, 5.0)}


def test_the_same_bytes_agree(contest: Race, tmp_path: Path) -> None:
    for who in ("revshare", "duckdb"):
        assert contest.note(who, FIRST, measured(), wrote(tmp_path / who, "a,USD,1\n"))
    assert contest.note("revshare", SECOND, measured(), wrote(tmp_path / "other", "a,USD,2\n"))
    assert race._agree(contest)


@pytest.mark.parametrize("who", ["duckdb", "revshare"])
def test_other_bytes_disagree_be_they_anothers_or_ones_own(contest: Race, tmp_path: Path, who: str) -> None:
    contest.note("revshare", FIRST, measured(), wrote(tmp_path / "a", "a,USD,1\n"))
    contest.note(who, FIRST, measured(), wrote(tmp_path / "b", "a,USD,2\n"))
    assert not race._agree(contest)


@pytest.mark.parametrize(("exit", "text"), [(1, "a,USD,1\n"), (0, "")])
def test_who_fails_or_writes_nothing_does_not_agree(contest: Race, tmp_path: Path, exit: int, text: str) -> None:
    out = wrote(tmp_path / "a", text) if text else tmp_path
    assert not contest.note("duckdb", FIRST, measured(exit=exit), out)
    assert not race._agree(contest)
    assert contest.failures == [f"duckdb failed on 2026-06: exit {exit}: gone wrong"]


def test_medians_and_ratios_of_who_ran_in_the_same_turn(contest: Race) -> None:
    contest.measured = {who: list(map(measured, walls)) for who, walls in WALLS.items()}
    table = race._contestants(contest)
    assert (table["revshare"]["wall_s"], table["revshare"]["product_ratio"]) == (10.0, 1.0)
    assert (table["duckdb"]["wall_s"], table["duckdb"]["product_ratio"]) == (5.0, 2.25)
    assert table["duckdb"]["every_product_ratio"] == [2.25, 3.0, 2.0]
    assert table["revshare"]["every_wall_s"] == [9.0, 30.0, 10.0]
    del contest.measured["revshare"]  # it failed each time
    assert race._contestants(contest)["duckdb"]["product_ratio"] is None


def span(step: str, stage: str, started: float, wall_s: float) -> dict[str, Any]:
    return {"step": step, "stage": stage, "started": started, "wall_s": wall_s, "cpu_s": wall_s / 2}


def test_stages_are_steps_and_their_parts_and_what_is_left() -> None:
    spans = [
        span("sales", "", 11.0, 0.5), span("sales", "read", 11.5, 1.0), span("sales", "done", 12.5, 0.0),
        span("sales", "read", 12.5, 1.5), span("lock", "", 14.0, 4.0),
    ]  # fmt: skip
    found = {stage.name: stage for stage in stages_of(spans, measured(), {"sales": 9})}
    assert list(found) == ["start", "sales", "sales: read", "lock"]
    assert {name: stage.wall_s for name, stage in found.items()} == {
        "start": 3.0, "sales": 3.0, "sales: read": 2.5, "lock": 4.0,
    }  # fmt: skip
    assert found["start"].cpu_s == pytest.approx(0.5)
    assert (found["sales"].rows, found["lock"].rows) == (9, None)
    assert (found["sales: read"].peak_bytes, found["start"].peak_bytes, found["lock"].peak_bytes) == (700, 100, None)
    assert found["lock"].services_cpu_s == pytest.approx(2.0)
    assert sum(found[name].wall_s for name in ("start", "sales", "lock")) == 10.0


def test_medians_of_stages_do_without_what_nobody_saw() -> None:
    runs = [[Stage("sales", wall_s, 1.0, 1.0, peak, rows=100)] for wall_s, peak in ((1.0, 5), (4.0, None), (2.0, 7))]
    (line,) = stages.medians(runs)
    assert (line["wall_s"], line["peak_bytes"], line["rows_per_s"]) == (2.0, 6, 50)


@pytest.mark.parametrize(
    ("product_s", "met", "beyond"), [(10.0, True, True), (11.0, True, False), (14.9, True, False), (15.1, False, False)]
)
def test_a_goal_is_a_share_of_the_limits_speed(product_s: float, met: bool, beyond: bool) -> None:
    limit = Limit("ledger", ("ledger",), "bare", "bare COPY", goal=0.3, beyond=0.45)
    (line,) = limits.judge([[Reached(limit, 7, 4.5, product_s)]])
    assert (line["met"], line["met_beyond"]) == (met, beyond)


def test_a_limit_without_its_stage_is_refused(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Stages get other names; a comparison with nothing must not look like a triumph."""
    monkeypatch.setattr(limits, "_run", lambda script, words: {"rows": 1, "wall_s": 0.5})
    monkeypatch.setattr(Prepared, "settle", lambda instance: None)
    instance = Prepared(env={}, database_url="", owner_url="", services=[])
    cycle = CycleRun(measured(), [Stage("attributions", 1.0, 1.0, 1.0, None), Stage("sales", 2.0, 1.0, 1.0, None)])
    with pytest.raises(Refused, match="no time of calculate: post, calculate: check"):
        limits.measure_limits(instance, cycle, data=tmp_path, format="csv", out=tmp_path / "out")


def test_every_limit_has_its_script() -> None:
    for limit in LIMITS:
        assert (peers.ROOT / "bench" / "limits" / f"{limit.script}.py").exists()


@pytest.mark.parametrize(("agree", "code"), [(True, 0), (False, 1)])
def test_the_command_ends_as_the_race_did(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str], agree: bool, code: int
) -> None:
    monkeypatch.setattr(race, "run", lambda plan, say: result(agree=agree))
    ended = 0
    try:
        call_command("bench", "--work", str(tmp_path), "--json", "--no-methods")
    except SystemExit as error:
        ended = int(str(error.code))
    assert ended == code
    out, err = capsys.readouterr()
    assert json.loads(out.splitlines()[-1])["agree"] is agree
    assert ("AGREE byte for byte" if agree else "DISAGREE") in err


def test_a_peer_that_does_not_exist_is_refused(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit, match="1"):
        call_command("bench", "--work", str(tmp_path), "--peers", "duckdb,abacus")
    assert "no peer called 'abacus'" in capsys.readouterr().err
