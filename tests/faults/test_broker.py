"""The broker forgets everything, or is gone for a while: requests are accepted all the same, and what was asked for is done
within a minute of there being a broker and a worker."""

import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import redis

from config.embedded.broker import Broker
from config.embedded.layout import Layout
from tests.conftest import World
from tests.cycles.test_crashes import running_worker, until

WITHIN_SECONDS = 60


@pytest.fixture
def broker(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Broker]:
    """One of its own: the tests' broker serves others too."""
    monkeypatch.delenv("REDIS_URL")
    layout = Layout.of(tmp_path / "broker")
    layout.make_home()
    made = Broker(layout)
    made.start()
    yield made
    made.stop()
    layout.remove_sockets()


def asked(world: World, step: str) -> subprocess.Popen[bytes]:
    """Somebody asks a worker for a step, and it is accepted."""
    command = world.start(sys.executable, "manage.py", "cycle", step, "june", "--by", "olivia", "--queue")
    until(world, f"SELECT count(*) FROM runs_run WHERE step = '{step}'", seconds=WITHIN_SECONDS)
    return command


def done_in_time(command: subprocess.Popen[bytes], since: float) -> Any:
    return command.wait(WITHIN_SECONDS - (time.monotonic() - since))


@pytest.mark.timeout(600)
def test_what_the_broker_forgets_is_sent_again(june_copy: World, broker: Broker) -> None:
    world = june_copy
    world.env["REDIS_URL"] = broker.url
    locking = asked(world, "lock")
    client = redis.Redis.from_url(broker.url)
    client.flushall()
    assert client.dbsize() == 0
    with running_worker(world):
        assert done_in_time(locking, time.monotonic()) == 0
        # Away while a worker waits for it, and while somebody asks.
        broker.stop()
        calculating = asked(world, "calculate")
        assert world.rows("SELECT state FROM runs_run WHERE step = 'calculate'") == [("queued",)]
        broker.start()
        assert done_in_time(calculating, time.monotonic()) == 0
    assert world.rows("SELECT state FROM cycles_cycle") == [("calculated",)]
    assert world.rows("SELECT step, state, attempts FROM runs_run ORDER BY id") == [
        ("lock", "done", 1), ("calculate", "done", 1), ("review", "done", 1)
    ]  # fmt: skip
