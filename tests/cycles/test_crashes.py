"""Real workers, real kills: after each of them the same digest stands, and everything checks out."""

import os
import shutil
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import pytest

from tests.conftest import World, new_world
from tests.small import finish, write_files

WORKER = (
    sys.executable, "-m", "celery", "-A", "config", "worker", "-B", "--concurrency", "1", "--loglevel", "warning",
    "--without-gossip", "--without-mingle",
)  # fmt: skip
LEASE_SECONDS = "2"
PATIENCE_SECONDS = 60


@contextmanager
def running_worker(world: World) -> Iterator[subprocess.Popen[bytes]]:
    (world.home / "spool").mkdir(exist_ok=True)
    process = world.start(*WORKER, REVSHARE_LEASE_SECONDS=LEASE_SECONDS, REVSHARE_SWEEP_SECONDS="1")
    try:
        yield process
    finally:
        kill(process)


def kill(process: subprocess.Popen[bytes]) -> None:
    """Kills a process and its children at once: no clean-up of any kind runs."""
    with suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)
    process.wait()


def until(world: World, query: str, *, seconds: float = PATIENCE_SECONDS) -> Any:
    """Waits until a query gives a row that is true, and returns it."""
    deadline = time.monotonic() + seconds
    with world.connect() as connection:
        while time.monotonic() < deadline:
            row = connection.execute(query).fetchone()
            if row and row[0]:
                return row[0]
            time.sleep(0.05)
    pytest.fail(f"never came true: {query}\n{(world.home / 'process.log').read_text()[-3000:]}")


@pytest.fixture(scope="module")
def undisturbed(june: World, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """The result of the same month when nothing goes wrong."""
    with new_world(june.name, tmp_path_factory.mktemp("undisturbed") / "world") as made:
        shutil.copytree(june.home, made.home, dirs_exist_ok=True)
        return finish(made)


def blocked_on(table: str) -> str:
    """Whether somebody waits to write to a table."""
    return (
        "SELECT count(*) FROM pg_locks l JOIN pg_class c ON c.oid = l.relation JOIN pg_database d ON d.oid = l.database "
        f"WHERE d.datname = current_database() AND c.relname = '{table}' AND NOT l.granted"
    )


# Where the worker is held fast, by a lock on what it is about to write, when it is killed.
STAGES = {
    "lock": ("lock", "cycles_window"),
    "pools": ("calculate", "pools_pool"),
    "allocation": ("calculate", "ledger_pool_control"),
    "ledger": ("calculate", "ledger_leg"),
    "publish": ("publish", "audit_event"),
}
QUICK = ("ledger",)  # tests/faults kill in all of them, and at every other boundary


@pytest.mark.parametrize(
    "stage", [stage if stage in QUICK else pytest.param(stage, marks=pytest.mark.long) for stage in STAGES]
)
def test_a_worker_killed_in_any_stage_leaves_the_same_result(
    june_copy: World, undisturbed: dict[str, Any], stage: str
) -> None:
    world = june_copy
    step, table = STAGES[stage]
    earlier = ("lock", "calculate", "submit", "approve", "publish")
    for action in earlier[: earlier.index(step)]:
        world.manage("cycle", action, "june", "--by", "adam" if action == "approve" else "olivia")
    by = "adam" if step == "publish" else "olivia"
    with world.connect_as_owner() as obstacle:
        obstacle.execute(f"BEGIN; LOCK TABLE {table} IN EXCLUSIVE MODE")  # readers pass, writers wait
        with running_worker(world) as worker:
            command = world.start(sys.executable, "manage.py", "cycle", step, "june", "--by", by, "--queue")
            until(world, blocked_on(table))
            kill(worker)
        obstacle.execute("ROLLBACK")
    with running_worker(world):
        assert command.wait(PATIENCE_SECONDS) == 0, (world.home / "process.log").read_text()[-3000:]
    assert world.rows("SELECT attempts FROM runs_run WHERE step = %s", step) == [(2,)]
    result = finish(world)
    assert (result["state"], result["result_digest"]) == ("published", undisturbed["result_digest"])
    assert result["input_digest"] == undisturbed["input_digest"]
    assert world.json("verify")["clean"] is True


def test_two_operators_who_start_the_same_step_make_one_run(june_copy: World) -> None:
    world = june_copy
    world.manage("cycle", "lock", "june", "--by", "olivia")
    with world.connect_as_owner() as obstacle:
        obstacle.execute("BEGIN; LOCK TABLE pools_pool IN EXCLUSIVE MODE")
        both = [
            world.start(sys.executable, "manage.py", "cycle", "calculate", "june", "--by", name)
            for name in ("olivia", "oscar")
        ]
        until(world, "SELECT count(*) FROM runs_run WHERE state = 'running'")
        time.sleep(2)  # long enough for the second to have come as far
        obstacle.execute("ROLLBACK")
    assert [process.wait(PATIENCE_SECONDS) for process in both] == [0, 0]
    assert world.rows("SELECT step, state, attempts FROM runs_run WHERE step = 'calculate'") == [
        ("calculate", "done", 1)
    ]
    assert world.rows("SELECT count(*) FROM audit_event WHERE action = 'cycle.calculate'") == [(1,)]


def test_the_sweeper_finds_work_that_the_broker_lost(june_copy: World) -> None:
    world = june_copy
    command = world.start(
        sys.executable, "manage.py", "cycle", "lock", "june", "--by", "olivia", "--queue",
        REDIS_URL="unix:///nowhere/broker.sock",
    )  # fmt: skip
    until(world, "SELECT count(*) FROM runs_run WHERE state = 'queued'")
    with running_worker(world):
        assert command.wait(PATIENCE_SECONDS) == 0
    assert world.rows("SELECT state FROM cycles_cycle") == [("locked",)]


def test_a_sale_that_comes_while_a_cycle_locks_is_in_it_or_in_the_next_one(june_copy: World, tmp_path: Path) -> None:
    """The race of the lock against the intake: whatever the order, no sale is lost and none counts twice."""
    world = june_copy
    lines = "".join(f"x{i},2026-06-15T00:00:00Z,generation,m,USD,1.00,\n" for i in range(2000))
    path = tmp_path / "more.csv"
    path.write_text("sale_id,sold_at,stream,model,currency,gross_amount,refund_of\n" + lines)
    started = threading.Barrier(2)
    done: list[subprocess.CompletedProcess[str]] = []

    def run(*args: str | Path) -> None:
        started.wait()
        done.append(world.manage(*args, ok=False))

    threads = [
        threading.Thread(target=run, args=("ingest", "sales", path)),
        threading.Thread(target=run, args=("cycle", "lock", "june", "--by", "olivia")),
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert [process.returncode for process in done] == [0, 0]
    world.manage("cycle", "calculate", "june", "--by", "olivia")
    world.manage(
        "run_cycle", "july", "--start", "2026-07-01", "--end", "2026-08-01", "--timezone", "UTC", "--policy", "p"
    )
    assert world.rows("SELECT count(*), count(cycle_id), count(DISTINCT sale_id) FROM audit.sale") == [
        (2003, 2003, 2003)
    ]
    assert world.rows("SELECT sum(net)::bigint FROM audit.pool") == [(2_100_000_000,)]
    assert world.json("verify")["clean"] is True


def test_an_ingest_killed_on_the_way_leaves_nothing_and_can_be_run_again(world: World, tmp_path: Path) -> None:
    write_files(tmp_path / "in")
    with world.connect_as_owner() as obstacle:
        obstacle.execute("BEGIN; LOCK TABLE sales_sale IN EXCLUSIVE MODE")
        process = world.start(sys.executable, "manage.py", "ingest", "sales", str(tmp_path / "in" / "sales.csv"))
        until(world, blocked_on("sales_sale_0"))
        kill(process)
        obstacle.execute("ROLLBACK")
    until(world, "SELECT count(*) = 1 FROM pg_stat_activity WHERE datname = current_database()")
    assert world.rows("SELECT (SELECT count(*) FROM files_file), (SELECT count(*) FROM sales_sale)") == [(0, 0)]
    assert world.json("ingest", "sales", tmp_path / "in" / "sales.csv")["accepted"] == 3
