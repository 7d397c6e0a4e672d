"""Whether the process is up (`/healthz`), whether it can work (`/readyz`), and whether what it keeps is right
(`/health`). Open to all; they say nothing secret."""

import threading
import time
from collections.abc import Callable
from datetime import timedelta
from functools import cache

import redis
from django.conf import settings
from django.db import DatabaseError, connection
from django.db.migrations.loader import MigrationLoader
from django.db.migrations.recorder import MigrationRecorder
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.urls import path
from django.views.decorators.http import require_safe
from redis.backoff import NoBackoff
from redis.retry import Retry

from revshare.clock import now
from revshare.continuity.queries import closed_because
from revshare.errors import Refused
from revshare.verification.nightly import last_verdict

PATIENCE_SECONDS = 1.5
STALE = timedelta(days=2)
CONNECT_SECONDS = 2  # what libpq makes of 1


class Check:
    """A look at a service in a thread of its own, which may hang as long as it likes: we wait only so long, and while
    one look hangs no other is started."""

    def __init__(self, look: Callable[[], str]) -> None:
        self.look = look
        self._lock = threading.Lock()
        self._thread: threading.Thread | None = None
        self._found = ""

    def begin(self) -> threading.Thread:
        with self._lock:
            if self._thread is None or not self._thread.is_alive():
                self._found = "does not answer"
                self._thread = threading.Thread(target=self._run, daemon=True)
                self._thread.start()
            return self._thread

    def _run(self) -> None:
        try:
            self._found = self.look()
        except Exception:
            # What it was may name hosts and users, so it is not shown.
            self._found = "cannot be reached"

    def result(self, thread: threading.Thread) -> str:
        """What was found: "ok", or what is wrong."""
        return "does not answer" if thread.is_alive() else self._found


def _database() -> str:
    own = connection.copy()
    own.settings_dict["OPTIONS"] = own.settings_dict["OPTIONS"] | {"connect_timeout": CONNECT_SECONDS}
    own.settings_dict["CONN_MAX_AGE"] = 0
    try:
        missing = _migrations() - set(MigrationRecorder(own).applied_migrations())
    finally:
        own.close()
    return f"migrations are missing: {len(missing)}" if missing else "ok"


@cache
def _migrations() -> frozenset[tuple[str, str]]:
    return frozenset(MigrationLoader(None).graph.nodes)


def _broker() -> str:
    client = redis.Redis.from_url(
        settings.REDIS_URL, socket_connect_timeout=1, socket_timeout=1, retry=Retry(NoBackoff(), 0)
    )
    with client:
        client.ping()
    return "ok"


CHECKS = {"database": Check(_database), "broker": Check(_broker)}


@require_safe
def healthz(request: HttpRequest) -> HttpResponse:
    return HttpResponse("ok", content_type="text/plain")


@require_safe
def readyz(request: HttpRequest) -> JsonResponse:
    """200 if every check is "ok", 503 naming in `down` what is not."""
    threads = {name: check.begin() for name, check in CHECKS.items()}
    deadline = time.monotonic() + PATIENCE_SECONDS
    for thread in threads.values():
        thread.join(max(0.0, deadline - time.monotonic()))
    found = {name: CHECKS[name].result(thread) for name, thread in threads.items()}
    down = [name for name, words in found.items() if words != "ok"]
    return JsonResponse(
        {"ready": not down, "down": down, "checks": found}, status=503 if down else 200,
        headers={"Cache-Control": "no-store"},
    )  # fmt: skip


@require_safe
def health(request: HttpRequest) -> JsonResponse:
    """200 if this instance may publish and pay, and all was in order when it was last verified; else 503 naming in
    `wrong` what is not. A worker verifies every night: nothing for two days is wrong too."""
    try:
        closed, verdict = closed_because(), last_verdict()
    except Refused:
        closed, verdict = "its published head cannot be read", None
    except DatabaseError:
        return JsonResponse({"well": False, "wrong": ["database"]}, status=503, headers={"Cache-Control": "no-store"})
    wrong = ["not_reconciled"] if closed else []
    if verdict and not verdict.is_clean:
        wrong.append("not_clean")
    if verdict and now() - verdict.asked_at > STALE:
        wrong.append("not_verified_lately")
    verified = verdict and {
        "at": verdict.asked_at.isoformat(), "clean": verdict.is_clean, "checks": verdict.checks,
        "findings": verdict.findings_count,
    }  # fmt: skip
    return JsonResponse(
        {"well": not wrong, "wrong": wrong, "reconciled": not closed, "verified": verified},
        status=503 if wrong else 200, headers={"Cache-Control": "no-store"},
    )  # fmt: skip


urlpatterns = [path("healthz", healthz), path("readyz", readyz), path("health", health)]
