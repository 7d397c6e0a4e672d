"""What an instance refuses to start with, and what browsers are told."""

import json
import subprocess
import sys
from typing import Any

import pytest
from django.test import Client

from config.safety import LOOPBACK, refused, unencrypted
from tests.conftest import ROOT, World

KEY = "k" * 50
CAREFUL: dict[str, Any] = {
    "debug": False, "https": True, "hosts": ["pay.example.com"], "secret_key": KEY, "strict_sign_in": True,
}  # fmt: skip
SHOWN = (
    "SESSION_COOKIE_NAME", "CSRF_COOKIE_NAME", "SESSION_COOKIE_SECURE", "CSRF_COOKIE_SECURE", "SECURE_HSTS_SECONDS",
    "SECURE_HSTS_INCLUDE_SUBDOMAINS", "SECURE_SSL_REDIRECT", "SESSION_COOKIE_SAMESITE", "SESSION_COOKIE_HTTPONLY",
)  # fmt: skip
LOOK = f"""
import json, django
django.setup()
from django.conf import settings
from django.core.management import call_command
call_command("check", deploy=True, fail_level="WARNING")
print(json.dumps({{name: getattr(settings, name) for name in {SHOWN!r}}}))
"""


def test_a_careful_instance_may_start() -> None:
    assert refused(**CAREFUL) == ""


@pytest.mark.parametrize(
    ("change", "named"),
    [
        ({"strict_sign_in": False}, "REVSHARE_STRICT_SIGN_IN"),
        ({"strict_sign_in": False, "https": False}, "REVSHARE_STRICT_SIGN_IN"),
        ({"strict_sign_in": False, "hosts": list(LOOPBACK)}, "REVSHARE_STRICT_SIGN_IN"),
        ({"secret_key": "short"}, "REVSHARE_SECRET_KEY"),
        ({"secret_key": "changeme" * 8}, "REVSHARE_SECRET_KEY"),
        ({"secret_key": "django-insecure-" + KEY}, "REVSHARE_SECRET_KEY"),
        ({"hosts": ["*"]}, "REVSHARE_ALLOWED_HOSTS"),
    ],
)
def test_a_careless_one_may_not_and_is_told_what_to_change(change: dict[str, Any], named: str) -> None:
    assert named in refused(**CAREFUL | change)
    assert refused(**CAREFUL | change | {"debug": True}) == ""


def test_on_ones_own_machine_a_password_may_do() -> None:
    assert refused(**CAREFUL | {"strict_sign_in": False, "https": False, "hosts": ["localhost"]}) == ""


def test_behind_tls_the_frameworks_own_checks_find_nothing(module_world: World) -> None:
    env = module_world.env | {
        "REVSHARE_HTTPS": "true", "REVSHARE_ALLOWED_HOSTS": "pay.example.com", "REVSHARE_STRICT_SIGN_IN": "true",
        "DJANGO_SETTINGS_MODULE": "config.settings",
    }  # fmt: skip
    done = subprocess.run([sys.executable, "-c", LOOK], cwd=ROOT, env=env, text=True, capture_output=True)
    assert done.returncode == 0, done.stderr
    shown = json.loads(done.stdout.splitlines()[-1])
    assert shown.pop("SECURE_HSTS_SECONDS") >= 31_536_000
    assert shown.pop("SESSION_COOKIE_NAME").startswith("__Host-")
    assert shown.pop("CSRF_COOKIE_NAME").startswith("__Host-")
    assert shown.pop("SESSION_COOKIE_SAMESITE") == "Lax"
    assert all(value is True for value in shown.values()), shown


def test_an_instance_with_a_known_key_does_not_start(module_world: World) -> None:
    env = module_world.env | {"REVSHARE_SECRET_KEY": "changeme", "DJANGO_SETTINGS_MODULE": "config.settings"}
    done = subprocess.run([sys.executable, "-c", LOOK], cwd=ROOT, env=env, text=True, capture_output=True)
    assert done.returncode != 0
    assert "REVSHARE_SECRET_KEY is too short" in done.stderr


@pytest.mark.django_db
@pytest.mark.parametrize(
    "where", ["/sign-in/", "/", "/nothing/here", "/api/v1/cycles/", "/api/v1/docs/", "/api/v1/nothing", "/console/",
              "/published/", "/verify/", "/healthz", "/static/portal/portal.css"],
)  # fmt: skip
def test_every_answer_tells_the_browser_to_be_strict(where: str) -> None:
    headers = Client().get(where).headers
    policy = dict(part.partition(" ")[::2] for part in headers["Content-Security-Policy"].split("; "))
    assert policy["default-src"] == policy["base-uri"] == policy["frame-ancestors"] == "'none'"
    assert policy["form-action"] == "'self'"
    assert set(policy["script-src"].split()) <= {"'self'", "'unsafe-eval'"}
    assert ("'unsafe-eval'" in policy["script-src"]) == (where == "/console/")
    assert headers["X-Content-Type-Options"] == "nosniff"
    assert headers["Cross-Origin-Resource-Policy"] == "same-origin"
    assert headers["Cross-Origin-Opener-Policy"] == "same-origin"
    assert headers["Referrer-Policy"] == "same-origin"
    assert "camera=()" in headers["Permissions-Policy"]
    if not where.startswith("/static/"):
        assert headers["X-Frame-Options"] == "DENY"
    assert "Access-Control-Allow-Origin" not in headers or where.startswith("/static/")


@pytest.mark.parametrize(
    ("change", "named"),
    [
        ({"database_url": "postgresql://revshare@db.example.com/books"}, "DATABASE_URL"),
        ({"database_url": "postgresql://revshare@db.example.com/books?sslmode=require"}, "DATABASE_URL"),
        ({"broker_url": "redis://:x@broker.example.com:6379/0"}, "REDIS_URL"),
        ({"lake_endpoint": "http://minio.example.com:9000"}, "REVSHARE_LAKE_ENDPOINT"),
    ],
)
def test_services_elsewhere_are_spoken_to_by_tls(change: dict[str, str], named: str) -> None:
    near = {"database_url": "postgresql:///books?host=/tmp/x", "broker_url": "unix:///tmp/x.sock", "lake_endpoint": ""}
    assert unencrypted(**near) == []
    (said,) = unencrypted(**near | change)
    assert said.startswith(named)


def test_services_elsewhere_by_tls_are_not_warned_of() -> None:
    assert unencrypted(
        database_url="postgresql://r@db.example.com/b?sslmode=verify-full", broker_url="rediss://b.example.com/0",
        lake_endpoint="https://s3.example.com",
    ) == []  # fmt: skip
