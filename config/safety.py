"""Settings that must not be together where others can reach the instance."""

from collections.abc import Iterable
from urllib.parse import parse_qs, urlsplit

LOOPBACK = ("localhost", "127.0.0.1", "[::1]")
NEAR = ("localhost", "127.0.0.1", "::1")
MIN_KEY_CHARACTERS = 40
KNOWN_KEYS = ("changeme", "change-me", "secret", "insecure", "example", "django-")


def refused(*, debug: bool, https: bool, hosts: Iterable[str], secret_key: str, strict_sign_in: bool) -> str:
    """Why an instance does not start like this; empty if it may. Only under its own machine's names, without TLS, may
    one be careless: a demonstration or a test."""
    if debug:
        return ""
    own_machine = not https and set(hosts) <= set(LOOPBACK)
    if not strict_sign_in and not own_machine:
        return (
            "REVSHARE_STRICT_SIGN_IN=false lets staff in with a password alone: only with REVSHARE_DEBUG, or under "
            "localhost names and without REVSHARE_HTTPS. Leave it out."
        )
    if len(secret_key) < MIN_KEY_CHARACTERS or secret_key.lower().startswith(KNOWN_KEYS):
        return (
            f"REVSHARE_SECRET_KEY is too short or one that others know: give {MIN_KEY_CHARACTERS} random characters, "
            "or leave it out and the instance makes its own."
        )
    if "*" in hosts:
        return "REVSHARE_ALLOWED_HOSTS=* takes any name: list the names under which people reach this instance."
    return ""


def unencrypted(*, database_url: str, broker_url: str, lake_endpoint: str) -> list[str]:
    """Which services elsewhere are spoken to so that others on the way could read or answer; what to set instead."""
    said = []
    database, mode = urlsplit(database_url), parse_qs(urlsplit(database_url).query).get("sslmode", [""])[0]
    if database.hostname not in (None, *NEAR) and mode != "verify-full":
        said.append("DATABASE_URL leads to another machine: end it with ?sslmode=verify-full (and sslrootcert=…).")
    broker = urlsplit(broker_url)
    if broker.scheme == "redis" and broker.hostname not in (None, *NEAR):
        said.append("REDIS_URL leads to another machine: use rediss://.")
    lake = urlsplit(lake_endpoint)
    if lake.scheme == "http" and lake.hostname not in NEAR:
        said.append("REVSHARE_LAKE_ENDPOINT leads to another machine: use https://.")
    return said
