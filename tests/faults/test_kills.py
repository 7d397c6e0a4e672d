"""kill -9 and lost connections at every commit of a month, and at random moments: each time the month is played to its
end again, everything checks out, and the same numbers stand as if nothing had happened."""

import os
import random
from typing import Any

import pytest

from tests.faults.crew import Crew, differences

SEED = int(os.environ.get("REVSHARE_FAULTS_SEED", "20260701"))
QUICK, LONG = 20, 200


def faults(*, runs: int, commits: int, seconds: float, seed: int) -> list[dict[str, Any]]:
    """Half at commits, spread over the whole month so that no step is left out; half at random moments. One in four is a
    lost connection, the others are kills."""
    chance = random.Random(seed)
    at_commits = runs // 2
    made: list[dict[str, Any]] = []
    for number in range(at_commits):
        place = 1 + (number * commits + chance.randrange(commits)) // at_commits
        made.append({"at": min(place, commits), "when": chance.choice(["before", "after"])})
    made += [{"after_seconds": chance.uniform(0, seconds * 0.95)} for _ in range(runs - at_commits)]
    made = [fault | {"fault": "lost" if number % 4 == 3 else "kill"} for number, fault in enumerate(made)]
    chance.shuffle(made)  # so that a part of them says something of all
    return made


def all_stand(crew: Crew, undisturbed: dict[str, Any], runs: int) -> None:
    commits = len(undisturbed["digests"]["commits"])
    struck = 0
    for fault in faults(runs=runs, commits=commits, seconds=undisturbed["seconds"], seed=SEED):
        done = crew.play(fault=fault)
        said = f"seed {SEED}, {fault}: {done['struck'] or 'over before it struck'}"
        print(f"{said}; {done['attempts']} attempts")
        assert done["findings"] == [], said
        assert differences(done, undisturbed) == {}, said
        struck += bool(done["struck"])
    assert struck > runs * 0.8, "most were over before anything struck: the month is not what is tested"


def test_twenty_kills_leave_the_same_month(crew: Crew, undisturbed: dict[str, Any]) -> None:
    all_stand(crew, undisturbed, QUICK)


@pytest.mark.long
@pytest.mark.timeout(3600)
def test_two_hundred_kills_leave_the_same_month(crew: Crew, undisturbed: dict[str, Any]) -> None:
    all_stand(crew, undisturbed, LONG)
