"""Where the time of a command goes: a clock that is turned by hand, and the command that uses it."""

import contextlib
from pathlib import Path

from revshare.management.timings import StageClock, cpu_seconds
from tests.conftest import World
from tests.small import PERIOD

STEPS = ["open", "lock", "calculate", "submit", "approve", "publish", "export payouts"]
PARTS = {"lock": ["weigh", "digest"], "calculate": ["pools", "ledger", "finish"]}


class Hands:
    """A wall clock and a processor clock; the processor is busy half of the time."""

    def __init__(self) -> None:
        self.now = 100.0

    def clock(self) -> StageClock:
        return StageClock(wall=lambda: self.now, cpu=lambda: self.now / 2)


def test_time_belongs_to_the_stage_that_was_named_last() -> None:
    hands = Hands()
    clock = hands.clock()
    hands.now += 1
    with clock.step("sales"):
        hands.now += 2
        clock.note("read")
        hands.now += 4
        clock.note("read")
        hands.now += 8
        clock.note("store")
        hands.now += 16
    hands.now += 32
    clock.note("after all steps")
    with clock.step("lock"):
        hands.now += 64
    found = [(span.step, span.stage, span.started, span.wall_s, span.cpu_s) for span in clock.spans]
    assert found == [
        ("sales", "", 101.0, 2.0, 1.0), ("sales", "read", 103.0, 12.0, 6.0), ("sales", "store", 115.0, 16.0, 8.0),
        ("lock", "", 163.0, 64.0, 32.0),
    ]  # fmt: skip


def test_a_step_that_fails_is_timed_and_over() -> None:
    hands = Hands()
    clock = hands.clock()
    with contextlib.suppress(ZeroDivisionError), clock.step("sales"):
        hands.now += 3
        raise ZeroDivisionError
    with clock.step("lock"):
        hands.now += 1
    assert [(span.step, span.wall_s) for span in clock.spans] == [("sales", 3.0), ("lock", 1.0)]


def test_cpu_seconds_grow_with_work() -> None:
    before = cpu_seconds()
    sum(number * number for number in range(300_000))
    assert 0.001 < cpu_seconds() - before < 30


def test_a_cycle_tells_the_time_of_every_stage_and_writes_the_exports_asked_for(
    june_copy: World, tmp_path: Path
) -> None:
    out = tmp_path / "out"
    result = june_copy.json(
        "run_cycle", "june", *PERIOD, "--policy", "p", "--prepared-by", "olivia", "--approved-by", "adam", "--timings",
        "--export", out, "--exports", "payouts",
    )  # fmt: skip
    assert [path.name for path in out.iterdir()] == ["payouts.csv"]
    named: dict[str, list[str]] = {}
    for span in result["timings"]:
        assert 0 <= span["wall_s"] < 60
        stages = named.setdefault(span["step"], [])
        if span["stage"] not in (*stages, "done"):
            stages.append(span["stage"])
    assert list(named) == STEPS
    for step, parts in PARTS.items():
        assert [stage for stage in named[step] if stage in parts] == parts
    ends = [span["started"] + span["wall_s"] for span in result["timings"]]
    assert all(end <= span["started"] for end, span in zip(ends, result["timings"][1:], strict=False))


def test_an_export_that_does_not_exist_is_wrong_usage(june_copy: World) -> None:
    done = june_copy.manage("run_cycle", "june", *PERIOD, "--exports", "payouts,wishes", ok=False)
    assert done.returncode == 2
    assert "no export wishes" in done.stderr
