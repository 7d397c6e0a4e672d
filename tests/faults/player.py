"""A program that plays the month in processes of its own and breaks them: forked from one that has loaded everything, so
that a kill costs a second and not the start of Python. It reads jobs, one JSON object a line, and answers each with
what came of it.

A job names an instance (`home`, `database`, `database_url`) and may have: `fault`, what befalls the first process
(`striking`); `together`, how many play at once; `shift_hours` and `zone`, where the clock is; `deploy`, a step before
which another version of the policy is registered; `again`, to deliver every run once more at the end.
"""

import contextlib
import faulthandler
import json
import os
import signal
import sys
import time
import traceback
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any

import django

from tests.faults.striking import Commits, disturb, fill_disk, until_claimed_again, until_said, until_stopped

ATTEMPTS = 6
LEASE_SECONDS = 1
PATIENCE_SECONDS = 100
HANGS_SECONDS = 150  # after which a process ends by itself and says where it stood


def settle_in(job: dict[str, Any]) -> None:
    """Makes this forked process one of the job's instance."""
    from django.conf import settings
    from django.db import connections

    connections.settings["default"]["NAME"] = job["database"]
    settings.REVSHARE_HOME = Path(job["home"])
    settings.REVSHARE_LEASE_SECONDS = LEASE_SECONDS
    output = os.open(log_of(job), os.O_WRONLY | os.O_CREAT | os.O_APPEND)
    for descriptor in (1, 2):
        os.dup2(output, descriptor)


def log_of(job: dict[str, Any]) -> Path:
    return Path(job["home"], "process.log")


def forked(job: dict[str, Any], work: Callable[[], None]) -> int:
    """Starts `work` in a process of its own; returns its id."""
    pid = os.fork()
    if pid:
        return pid
    code = 1
    try:
        settle_in(job)
        faulthandler.dump_traceback_later(HANGS_SECONDS, exit=True, file=sys.stderr)
        work()
        code = 0
    except BaseException:
        with contextlib.suppress(OSError):
            traceback.print_exc()
    finally:
        os._exit(code)


def play(job: dict[str, Any], fault: dict[str, Any]) -> None:
    from tests.faults import month

    month.AT += timedelta(hours=job.get("shift_hours", 0))
    if "zone" in job:
        os.environ["TZ"] = job["zone"]
        time.tzset()
    if "free_bytes" in fault:
        fill_disk(fault["free_bytes"])
    commits = Commits(job, fault)
    commits.install()

    def now_at(stage: str) -> None:
        commits.now_at(stage)
        if stage == job.get("deploy"):
            month.another_policy()

    month.play(now_at)
    if job.get("again"):
        month.deliver_again()
    Path(job["home"], "digests.json").write_text(json.dumps(month.digests() | {"commits": commits.labels}))


def check(job: dict[str, Any]) -> None:
    from revshare.cycles.models import Cycle
    from revshare.verification.operations import verify

    findings = verify(cycles=list(Cycle.objects.select_related("policy"))).findings
    Path(job["home"], "findings.json").write_text(json.dumps([str(finding) for finding in findings]))


def ended_well(pid: int) -> bool:
    return os.waitpid(pid, 0)[1] == 0


def attempt(job: dict[str, Any], fault: dict[str, Any]) -> bool:
    """One process plays, or several at once; returns whether all came to the end."""
    pid = forked(job, lambda: play(job, fault))
    if fault.get("fault") == "stop":
        return overtaken(job, pid, wake=fault["wake"])
    others = [forked(job, lambda: play(job, {})) for _ in range(job.get("together", 1) - 1)]
    if "after_seconds" in fault:
        disturb(job, pid, fault)
    ends = [ended_well(each) for each in (pid, *others)]
    return all(ends)


def overtaken(job: dict[str, Any], pid: int, *, wake: str) -> bool:
    """The first process stands still until its lease is over and another has taken its run, or come to the end; then it
    wakes up. Of one that is refused what it was about to commit, no more is wanted."""
    until_stopped(pid)
    time.sleep(LEASE_SECONDS + 0.2)
    other = forked(job, lambda: play(job, {}))
    if wake == "at the end":
        return ended_well(other) & woken(pid)
    until_claimed_again(job, PATIENCE_SECONDS)
    os.kill(pid, signal.SIGCONT)
    until_said(job, "taken over by another process", PATIENCE_SECONDS)
    os.kill(pid, signal.SIGKILL)
    os.waitpid(pid, 0)
    return ended_well(other)


def woken(pid: int) -> bool:
    os.kill(pid, signal.SIGCONT)
    return ended_well(pid)


def damaged(job: dict[str, Any]) -> list[str]:
    """Files that somebody could take for whole ones and are not: by their names, or exports that were never finished."""
    from revshare.lake import sha256_of

    home = Path(job["home"])
    named = [*home.glob("lake/*/*.parquet"), *(path for path in home.glob("exchange/*") if len(path.name) == 64)]
    return [
        *(str(path) for path in named if sha256_of(path) != path.name.partition(".")[0]),
        *(str(path) for path in home.glob("out/*.csv") if not path.read_text().endswith("\n")),
        *(str(path) for path in home.glob("out/*.part")),
    ]


def run(job: dict[str, Any]) -> dict[str, Any]:
    fault = job["fault"]
    began = time.monotonic()
    finished = attempt(job, fault)
    seconds, attempts, left = time.monotonic() - began, 1, damaged(job)
    while not finished and attempts < ATTEMPTS:
        if attempts > 1:
            time.sleep(LEASE_SECONDS)  # what the dead one held is held for so long, and refused to whoever asks
        attempts += 1
        finished = attempt(job | {"together": 1}, {})
    if not finished or not ended_well(forked(job, lambda: check(job))):
        return {"finished": False, "log": log_of(job).read_text()[-6000:]}
    home = Path(job["home"])
    said = home / "struck"
    return {
        "finished": True, "attempts": attempts, "seconds": seconds, "damaged": left,
        "struck": said.read_text() if said.exists() else "", "log": log_of(job).read_text(),
        "findings": json.loads((home / "findings.json").read_text()),
        "digests": json.loads((home / "digests.json").read_text()),
    }  # fmt: skip


def main() -> None:
    faulthandler.enable()
    answers = os.fdopen(os.dup(1), "w", buffering=1)
    os.dup2(2, 1)  # what others print is no answer
    django.setup()
    from tests.faults import month  # noqa: F401  loaded once, for all that are forked

    with contextlib.suppress(BrokenPipeError):
        for line in sys.stdin:
            answers.write(json.dumps(run(json.loads(line))) + "\n")


if __name__ == "__main__":
    main()
