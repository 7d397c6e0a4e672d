"""The API as it runs: a real web server, a real worker, a real broker and database; and what it says when they are
not there."""

import json
import os
import signal
import socket
import subprocess
import sys
import threading
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from django.test import Client

from revshare.api import health
from revshare.api.health import Check
from tests.api.conftest import PASSWORD, write_folder
from tests.conftest import World

PREPARE = f"""
from revshare.access.operations import create_user
from revshare.audit_trail.operations import Act
from revshare.clock import now
for name, role in (("olivia", "operator"), ("vera", "approver")):
    create_user(name=name, roles=[role], contributor_id=None, password={PASSWORD!r}, act=Act(actor="test", at=now()))
"""
CONTRIBUTOR = f"""
from revshare.access.operations import create_user
from revshare.audit_trail.operations import Act
from revshare.clock import now
act = Act(actor="test", at=now())
create_user(name="ann", roles=["contributor"], contributor_id="ann", password={PASSWORD!r}, act=act)
"""


@dataclass
class Answer:
    status: int
    text: str
    seconds: float

    @property
    def json(self) -> dict[str, Any]:
        found: dict[str, Any] = json.loads(self.text)
        return found


@dataclass
class Server:
    """A web server on a port of its own."""

    port: int
    token: str = ""

    def call(self, method: str, path: str, body: Any = None, content_type: str = "application/json") -> Answer:
        data = body if isinstance(body, bytes) else None if body is None else json.dumps(body).encode()
        request = urllib.request.Request(f"http://127.0.0.1:{self.port}{path}", data=data, method=method)
        if data is not None:
            request.add_header("Content-Type", content_type)
        if self.token:
            request.add_header("Authorization", f"Token {self.token}")
        started = time.monotonic()
        try:
            with urllib.request.urlopen(request, timeout=20) as answer:
                return Answer(answer.status, answer.read().decode(), time.monotonic() - started)
        except urllib.error.HTTPError as error:
            return Answer(error.code, error.read().decode(), time.monotonic() - started)

    def signed_in(self, name: str) -> "Server":
        got = self.call("POST", "/api/v1/token/", {"name": name, "password": PASSWORD})
        assert got.status == 200, got
        return Server(self.port, got.json["token"])

    def upload(self, kind: str, path: Path) -> dict[str, Any]:
        body = (
            f'--cut\r\nContent-Disposition: form-data; name="kind"\r\n\r\n{kind}\r\n--cut\r\nContent-Disposition: '
            f'form-data; name="file"; filename="{path.name}"\r\n\r\n'
        ).encode() + path.read_bytes() + b"\r\n--cut--\r\n"  # fmt: skip
        got = self.call("POST", "/api/v1/uploads/", body, "multipart/form-data; boundary=cut")
        assert got.status == 202, got
        return got.json

    def finished(self, run: int) -> dict[str, Any]:
        """Polls a run until it is over."""
        for _ in range(300):
            seen = self.call("GET", f"/api/v1/runs/{run}/").json
            if seen["state"] in ("done", "failed"):
                return seen
            time.sleep(0.1)
        raise AssertionError(f"run {run} does not end: {seen}")

    def step(self, action: str, body: dict[str, Any] | None = None) -> dict[str, Any]:
        got = self.call("POST", f"/api/v1/cycles/2026-04/{action}", body or {})
        assert got.status == 202, got
        seen = self.finished(got.json["run"])
        assert seen["state"] == "done", seen
        return seen


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def stop(process: subprocess.Popen[bytes]) -> None:
    os.killpg(process.pid, signal.SIGCONT)
    os.killpg(process.pid, signal.SIGTERM)
    try:
        process.wait(10)
    except subprocess.TimeoutExpired:
        os.killpg(process.pid, signal.SIGKILL)


@contextmanager
def serving(world: World, *, workers: int = 1, **env: str) -> Iterator[Server]:
    port = free_port()
    process = world.start(
        sys.executable, "-m", "gunicorn", "config.wsgi", "-b", f"127.0.0.1:{port}", "-w", str(workers), **env
    )
    try:
        yield Server(port)
    finally:
        stop(process)


def until_up(server: Server) -> None:
    for _ in range(200):
        try:
            answer = server.call("GET", "/healthz")
        except OSError:
            time.sleep(0.1)
        else:
            assert (answer.status, answer.text) == (200, "ok")
            return
    raise AssertionError("the server does not start")


@contextmanager
def working(world: World) -> Iterator[subprocess.Popen[bytes]]:
    process = world.start(
        sys.executable, "-m", "celery", "-A", "config", "worker", "--pool", "prefork", "-c", "1", "-B", "-l", "warning"
    )
    try:
        yield process
    finally:
        stop(process)


def test_a_whole_cycle_through_the_api(world: World, tmp_path: Path) -> None:
    folder = write_folder(tmp_path / "shop")
    with serving(world, workers=2) as nobody, working(world) as worker:
        world.manage("shell", "-c", PREPARE)
        until_up(nobody)
        assert nobody.call("GET", "/readyz").json["ready"]
        operator, approver = nobody.signed_in("olivia"), nobody.signed_in("vera")
        uploads = {kind: operator.upload(kind, folder / f"{kind}.csv") for kind in ("contributors", "models")}
        for kind, started in uploads.items():
            assert operator.finished(started["run"])["state"] == "done", kind
        ann = world.start(sys.executable, "manage.py", "shell", "-c", CONTRIBUTOR)
        for kind in ("attributions", "sales"):
            started = operator.upload(kind, folder / f"{kind}.csv")
            assert operator.finished(started["run"])["state"] == "done", kind
        sales = operator.call("GET", f"/api/v1/uploads/{started['upload']}/").json["file"]
        totals = sales["totals"]
        assert (totals["rows_in"], totals["accepted"], totals["quarantined"], totals["open"]) == (3, 2, 1, 1)
        assert (totals["sum_in_micros"], totals["sum_accepted_micros"]) == ("29000000", "30000000")
        assert sales["unknown_columns"] == ["shoe_size"]
        again = operator.finished(operator.upload("sales", folder / "sales.csv")["run"])
        assert (again["outcome"]["seen_before"], again["outcome"]["file"]) == (True, sales["id"])
        _open_and_lock(operator, folder)
        _calculate_at_once(operator, worker)
        _release(operator, approver)
        assert ann.wait(30) == 0
        _read(nobody.signed_in("ann"))


def _open_and_lock(operator: Server, folder: Path) -> None:
    policy = operator.call("POST", "/api/v1/policies/", (folder / "policy.toml").read_bytes(), "text/plain")
    assert policy.status == 201
    cycle = {"key": "2026-04", "start": "2026-04-01", "end": "2026-05-01", "timezone": "UTC", "policy": "fund@1"}
    assert operator.call("POST", "/api/v1/cycles/", cycle).status == 201
    refused = operator.call("POST", "/api/v1/cycles/2026-04/lock", {})
    assert (refused.status, refused.json["code"]) == (422, "quarantine_open")
    assert operator.step("lock", {"accept_quarantine": "its sale is lost"})["outcome"]["input_digest"]


def _calculate_at_once(operator: Server, worker: subprocess.Popen[bytes]) -> None:
    """Two who press the button at the same time make one run: one wins, the other gets 409 and the same id."""
    os.killpg(worker.pid, signal.SIGSTOP)  # so that the first is certainly not over when the second asks
    with ThreadPoolExecutor(2) as two:
        asked = list(two.map(lambda _: operator.call("POST", "/api/v1/cycles/2026-04/calculate", {}), range(2)))
    os.killpg(worker.pid, signal.SIGCONT)
    assert sorted(answer.status for answer in asked) == [202, 409]
    run = asked[0].json["run"]
    assert asked[1].json["run"] == run
    assert operator.finished(run)["state"] == "done"
    done = operator.call("POST", "/api/v1/cycles/2026-04/calculate", {})
    assert (done.status, done.json["run"]) == (200, run)
    runs = operator.call("GET", "/api/v1/runs/?subject=cycle:2026-04").json["results"]
    assert [item["step"] for item in runs] == ["calculate", "lock"]


def _release(operator: Server, approver: Server) -> None:
    cycle = operator.call("POST", "/api/v1/cycles/2026-04/submit", {}).json
    assert (cycle["state"], cycle["next_action"]) == ("in_review", "approve")
    pool = cycle["pools"][0]
    assert (pool["net_micros"], pool["distributable_micros"]) == ("10000000", "2000000")
    assert (pool["platform_micros"], pool["denominator_ticks"]) == ("8000000", str(3 * 720720))
    assert approver.call("POST", "/api/v1/cycles/2026-04/approve", {"digest": "f" * 64}).status == 409
    approved = approver.call("POST", "/api/v1/cycles/2026-04/approve", {"digest": cycle["result_digest"]})
    assert (approved.status, approved.json["next_action"]) == (200, "publish")
    approver.step("publish")
    csv = approver.call("GET", "/api/v1/cycles/2026-04/exports/payouts.csv").text
    assert csv == "contributor_id,currency,amount_micros\nann,USD,1333333\ncanary-7f3e,USD,666667\n"


def _read(contributor: Server) -> None:
    [row] = contributor.call("GET", "/api/v1/statements/").json["results"]
    statement = contributor.call("GET", f"/api/v1/statements/{row['number']}/").json
    assert (statement["state"], statement["closing_micros"]) == ("published", "1333333")
    assert statement["canonical_sha256"] == statement["content_sha256"]
    [line] = statement["lines"]
    assert (line["numerator_ticks"], line["denominator_ticks"]) == (str(2 * 720720), str(3 * 720720))
    assert (line["pool_micros"], line["share"]) == ("2000000", "20%")
    assert statement["pdf"].endswith(f"/statements/{row['number']}.pdf")


def test_readyz_names_what_is_down_within_two_seconds(world: World, tmp_path: Path) -> None:
    dead = f"127.0.0.1:{free_port()}"
    folder = write_folder(tmp_path / "shop")
    with socket.socket() as silent:
        silent.bind(("127.0.0.1", 0))
        silent.listen()  # takes connections and never says a word
        mute = f"redis://:secret@127.0.0.1:{silent.getsockname()[1]}/0"
        with (
            serving(world, REDIS_URL=f"redis://:secret@{dead}/0") as no_broker,
            serving(world, DATABASE_URL=f"postgresql://user:secret@{dead}/none", REDIS_URL=mute) as nothing,
        ):
            world.manage("shell", "-c", PREPARE)
            for server, down in ((no_broker, ["broker"]), (nothing, ["database", "broker"])):
                until_up(server)
                for _ in range(2):
                    answer = server.call("GET", "/readyz")
                    assert (answer.status, answer.json["down"]) == (503, down)
                    assert answer.seconds < 2
                    assert "secret" not in answer.text
            assert nothing.call("GET", "/healthz").seconds < 1
            nothing.token = "0" * 40
            unavailable = nothing.call("GET", "/api/v1/cycles/")
            assert (unavailable.status, unavailable.json["code"]) == (503, "unavailable")
            # Requests are taken while the broker is down; the sweeper hands them on later.
            assert no_broker.signed_in("olivia").upload("sales", folder / "sales.csv")["run"]


@pytest.mark.django_db
def test_a_database_of_an_older_version_is_not_ready(monkeypatch: pytest.MonkeyPatch) -> None:
    assert Client().get("/readyz").json() == {"ready": True, "down": [], "checks": {"database": "ok", "broker": "ok"}}
    monkeypatch.setattr(health, "_migrations", lambda: frozenset({("revshare", "9999_later")}))
    answer = Client().get("/readyz")
    assert (answer.status_code, answer.json()["checks"]["database"]) == (503, "migrations are missing: 1")


def test_a_look_that_hangs_is_not_waited_for_nor_started_twice() -> None:
    release, looks = threading.Event(), []

    def look() -> str:
        looks.append(1)
        release.wait(10)
        return "ok"

    check = Check(look)
    threads = [check.begin() for _ in range(3)]
    threads[0].join(0.05)
    assert (check.result(threads[2]), len(looks)) == ("does not answer", 1)
    release.set()
    threads[0].join(10)
    assert check.result(threads[0]) == "ok"
