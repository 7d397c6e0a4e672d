"""A worker that stood still until its lease was over, and woke up: it commits nothing more. And workers and operators who
do the same thing at the same time: it is done once."""

from typing import Any

import pytest

from tests.faults.crew import Crew, differences


def commit_of(undisturbed: dict[str, Any], label: str, which: int = -1) -> int:
    """The number of a commit of the month."""
    return [place for place, found in enumerate(undisturbed["digests"]["commits"], 1) if found == label][which]


LONG = [pytest.param(stage, marks=pytest.mark.long) for stage in ("files", "lock", "prove")]


@pytest.mark.parametrize("stage", ["calculate", "publish", *LONG])
def test_a_worker_that_lost_its_lease_cannot_commit(crew: Crew, undisturbed: dict[str, Any], stage: str) -> None:
    """It stands right before the commit of its work, which another has taken over. (Where it looks at its lease before
    the commit, it stands before that: once it has looked, nobody can take the run over until it has committed.)"""
    what = "fence" if stage == "calculate" else "COMMIT"
    at = commit_of(undisturbed, f"{stage} {what}")
    done = crew.play(fault={"fault": "stop", "at": at, "when": "before", "wake": "when taken"})
    assert done["struck"] == f"stop before commit {at}: {stage} {what}"
    assert "taken over by another process" in done["log"]
    assert done["findings"] == []
    assert differences(done, undisturbed) == {}


def test_a_worker_that_wakes_up_when_all_is_done_changes_nothing(crew: Crew, undisturbed: dict[str, Any]) -> None:
    """It stands between having claimed the run and its work: there is no transaction of its own that others wait for."""
    at = commit_of(undisturbed, "calculate UPDATE runs_run SET", 0)
    done = crew.play(fault={"fault": "stop", "at": at, "when": "after", "wake": "at the end"})
    assert done["findings"] == []
    assert differences(done, undisturbed) == {}


def test_two_who_do_everything_at_once_do_it_once(crew: Crew, undisturbed: dict[str, Any]) -> None:
    done = crew.play(together=2)
    assert done["findings"] == []
    assert differences(done, undisturbed, but=("events",)) == {}
    assert once(done) == once(undisturbed)


def once(done: dict[str, Any]) -> list[list[Any]]:
    """What may happen once only. Bytes handed in twice are two uploads of one file."""
    return [event for event in done["digests"]["events"] if event[0] != "file.uploaded"]


def test_tasks_delivered_again_change_nothing(crew: Crew, undisturbed: dict[str, Any]) -> None:
    done = crew.play(again=True)
    assert done["findings"] == []
    assert differences(done, undisturbed) == {}
