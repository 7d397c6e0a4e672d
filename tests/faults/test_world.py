"""What the world does to a month: full disks, clocks that jump, a deploy in the middle."""

from typing import Any

import pytest

from tests.faults.crew import Crew, differences

RESULTS = ("input", "result", "payouts", "statements", "balances", "register")


# Where the month stops: at the first byte, in files that are handed in, in Parquet files, in the proof's trees.
@pytest.mark.parametrize("free_bytes", [0, 400, *(pytest.param(size, marks=pytest.mark.long) for size in (150, 1000))])
def test_a_full_disk_leaves_no_file_that_is_not_whole(crew: Crew, undisturbed: dict[str, Any], free_bytes: int) -> None:
    done = crew.play(fault={"free_bytes": free_bytes})
    assert done["attempts"] == 2, "the disk was never full"
    assert done["damaged"] == []
    assert done["findings"] == []
    assert differences(done, undisturbed, but=("runs",)) == {}


def test_results_do_not_depend_on_the_clock(crew: Crew, undisturbed: dict[str, Any]) -> None:
    done = crew.play(shift_hours=24 * 4000 + 7, zone="America/St_Johns")
    assert done["findings"] == []
    found = differences(done, undisturbed)
    assert not {*RESULTS} & {*found}, found


def test_a_policy_that_comes_in_the_middle_waits_for_the_next_cycle(crew: Crew, undisturbed: dict[str, Any]) -> None:
    done = crew.play(deploy="lock")
    assert done["findings"] == []
    assert differences(done, undisturbed, but=("events",)) == {}
    assert ["policy.registered", 2] in done["digests"]["events"]
