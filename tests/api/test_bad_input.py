"""Bad input of any kind is a 4xx with a code and a sentence, never a 5xx."""

import json
import re
from typing import Any

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from revshare.access.operations import create_user
from revshare.cycles.models import Cycle
from tests.api.conftest import PASSWORD, POLICY, Shop, content, token_of

CYCLE = {"key": "k", "start": "2027-01-01", "end": "2027-02-01", "timezone": "UTC", "policy": "fund"}


def cycle(**changed: Any) -> dict[str, Any]:
    return CYCLE | changed


BODIES: dict[str, tuple[Any, int, str]] = {
    "not json": (b"{", 400, "parse_error"),
    "a list": (b"[]", 400, "parse_error"),
    "not utf-8": (b'{"key": "\xff"}', 400, "parse_error"),
    "a key twice": (b'{"key": "a", "key": "b"}', 400, "parse_error"),
    "not a number": (b'{"key": NaN}', 400, "parse_error"),
    "a number of 5000 digits": (b'{"key": ' + b"9" * 5000 + b"}", 400, "parse_error"),
    "nested deeply": (b'{"key": ' + b"[" * 30000 + b"]" * 30000 + b"}", 400, "parse_error"),
    "1e400": (b'{"key": 1e400}', 400, "invalid"),
    "too large": (b'{"key": "' + b"x" * 70000 + b'"}', 413, "too_large"),
    "nothing": ({}, 400, "invalid"),
    "an unknown field": (cycle(kee="x"), 400, "invalid"),
    "NUL": (cycle(key="a\0b"), 400, "invalid"),
    "half a surrogate": (b'{"key": "\\ud800"}', 400, "invalid"),
    "a number as a string": (cycle(key=7), 400, "invalid"),
    "true as a string": (cycle(key=True), 400, "invalid"),
    "null": (cycle(key=None), 400, "invalid"),
    "a list as a string": (cycle(key=["a"]), 400, "invalid"),
    "a long key": (cycle(key="k" * 61), 400, "invalid"),
    "a slash": (cycle(key="a/b"), 422, "refused"),
    "a blank key": (cycle(key=" "), 422, "refused"),
    "no date": (cycle(start="2027-1-1"), 400, "invalid"),
    "full-width digits": (cycle(start="２０２７-01-01"), 400, "invalid"),
    "no such day": (cycle(start="2027-02-30"), 422, "period_invalid"),
    "year 0": (cycle(start="0000-01-01"), 422, "period_invalid"),
    "backwards": (cycle(end="2026-01-01"), 422, "period_invalid"),
    "no such zone": (cycle(timezone="../etc/passwd"), 400, "invalid"),
    "no such city": (cycle(timezone="Europe/Madird"), 422, "period_invalid"),
    "no such policy": (cycle(policy="nope"), 404, "not_found"),
    "an overlap": (cycle(start="2026-04-15"), 409, "conflict"),
    "the same key, other dates": (cycle(key="2026-04"), 409, "conflict"),
}  # fmt: skip
TOML = POLICY.format(version="3")
POLICIES: dict[str, tuple[bytes, int, str]] = {
    "empty": (b"", 400, "invalid"),
    "not toml": (b"= 1", 422, "policy_invalid"),
    "not utf-8": (b"\xff", 422, "file_encoding"),
    "NUL": (b"a = 1\0", 422, "policy_invalid"),
    "a number of 5000 digits": (b"a = " + b"9" * 5000, 422, "policy_invalid"),
    "nested deeply": (b"a = " + b"[" * 20000, 422, "policy_invalid"),
    "another share": (TOML.replace("20%", "200%").encode(), 422, "policy_invalid"),
    "the same version, other content": (POLICY.format(version="1").replace("20%", "21%").encode(), 409, "conflict"),
    "too large": (b"#" * 300_000, 413, "too_large"),
}
PATHS = [
    "uploads/0/", "uploads/01/", "uploads/-1/", "uploads/999999999999999999/", "uploads/9999999999999999999999/",
    "uploads/１/", "files/1e1/", "runs/%00/", "cycles/%00/", "cycles/%ff/", "cycles/a%0Ab/", "cycles/%ED%A0%80/",
    "statements/%00/", "statements/..%2F..%2Fetc/", "cycles/2026-04/exports/nope.csv",
    "cycles/2026-04/exports/payouts.exe", "policies/1.0/", "cycles/2026-04",
]  # fmt: skip
QUERIES = [
    "runs/?cursor=x", "runs/?cursor=cD1hYmM%3D", "runs/?cursor=cD05OTk5OTk5OTk5OTk5OTk5OTk5OTk5OTk%3D", "runs/?cursor=",
    "runs/?cursor=%00", "runs/?limit=0", "runs/?limit=-1", "runs/?limit=99999999999", "runs/?limit=1&limit=2",
    "runs/?nope=1", "runs/?state=flying", "runs/?subject=%00", "runs/?subject=a&subject=b", "quarantine/?file=abc",
    "quarantine/?file=99999999999999999999999", "quarantine/?reason=x", "statements/?currency=usd",
    "statements/?cycle=%00", "statements/?format=xml&x=%ff", "files/?sha256=abc", "files/1/?limit=1", "cycles/?state=",
]  # fmt: skip


def refused(answer: Any, name: str, *expected: int) -> dict[str, Any]:
    assert 400 <= answer.status_code < 500, f"{name}: {answer.status_code} {content(answer)[:300]}"
    body: dict[str, Any] = answer.json()
    assert re.fullmatch("[a-z_]+", body["code"]), name
    assert len(body["detail"]) > 5, name
    assert not expected or answer.status_code in expected, f"{name}: {answer.status_code} {body}"
    return body


def test_bad_bodies(shop: Shop) -> None:
    for name, (body, status, code) in BODIES.items():
        answer = shop.call("olivia", "POST", "cycles/", body, content_type="application/json")
        assert refused(answer, name, status)["code"] == code, name
    wrong = shop.call("olivia", "POST", "cycles/", b"a=1", content_type="application/x-www-form-urlencoded")
    refused(wrong, "a form", 415)
    refused(shop.call("olivia", "POST", "cycles/", b"{}", content_type="application/json; charset=hex"), "charset", 400)
    assert not Cycle.objects.filter(key="k").exists()


def test_opening_a_cycle_again(shop: Shop) -> None:
    statuses = [shop.call("olivia", "POST", "cycles/", CYCLE).status_code for _ in range(2)]
    assert statuses == [201, 200]


def test_bad_policies(shop: Shop) -> None:
    for name, (body, status, code) in POLICIES.items():
        as_text = shop.call("olivia", "POST", "policies/", body, content_type="text/plain")
        assert refused(as_text, name, status)["code"] == code, name
        form = {"file": SimpleUploadedFile("p.toml", body)}
        refused(shop.client.post("/api/v1/policies/", form, headers=shop.headers("olivia")), name)
    answers = [shop.call("olivia", "POST", "policies/", TOML.encode(), content_type="application/toml") for _ in "12"]
    assert [answer.status_code for answer in answers] == [201, 200]


def test_bad_paths_and_queries(shop: Shop) -> None:
    for path in PATHS:
        refused(shop.call("fay", "GET", path), path, 404)
    for path in QUERIES:
        body = refused(shop.call("fay", "GET", path), path, 400)
        assert body["code"] == "invalid", path
        assert body["fields"], path


def test_bad_uploads(shop: Shop) -> None:
    def post(**form: Any) -> Any:
        return shop.client.post("/api/v1/uploads/", form, headers=shop.headers("olivia"))

    file = SimpleUploadedFile("s.csv", b"a,b\n")
    refused(post(kind="sales"), "no file", 400)
    refused(post(kind="sales", file="text"), "text for a file", 400)
    refused(post(kind="spells", file=file), "no such kind", 400)
    refused(post(kind="sales\0", file=file), "NUL", 400)
    refused(post(kind=["sales", "models"], file=file), "two kinds", 400)
    refused(post(kind="sales", file=file, more="1"), "an unknown field", 400)
    assert refused(post(kind="sales", file=SimpleUploadedFile("s.csv", b"")), "empty", 422)["code"] == "file_empty"
    for name, content_type, body in (
        ("no boundary", "multipart/form-data", b"x"),
        ("cut off", "multipart/form-data; boundary=b", b'--b\r\nContent-Disposition: form-data; name="kind'),
        ("an odd charset", "multipart/form-data; boundary=b; charset=hex", b"--b--\r\n"),
        ("json", "application/json", b"{}"),
    ):
        refused(shop.call("olivia", "POST", "uploads/", body, content_type=content_type), name, 400, 415)
    part = b'--b\r\nContent-Disposition: form-data; name="f"\r\n\r\n1\r\n'
    many = shop.call("olivia", "POST", "uploads/", part * 2000 + b"--b--\r\n", "multipart/form-data; boundary=b")
    refused(many, "2000 fields", 400)


def test_bad_reasons_and_digests(shop: Shop) -> None:
    for path in ("files/1/quarantine/dismiss", "files/1/quarantine/retry", "cycles/2026-06/lock"):
        field = "accept_quarantine" if path.endswith("lock") else "reason"
        for value in ("\0", "a\u202e\x1b[31m", 5, None, ["a"], "x" * 2001):
            refused(shop.call("olivia", "POST", path, {field: value}), f"{path} {value!r}", 400)
    assert refused(shop.call("olivia", "POST", "files/1/quarantine/dismiss", {}), "no reason", 400)["fields"]
    refused(shop.call("olivia", "POST", "files/1/quarantine/dismiss", {"reason": " "}), "blank reason", 422)
    for digest in ("", "A" * 64, "0" * 63, 5, None):
        refused(shop.call("vera", "POST", "cycles/2026-05/approve", {"digest": digest}), repr(digest), 400)
    refused(shop.call("vera", "POST", "cycles/2026-05/approve", {}), "no digest", 400)


def test_bad_tokens_cookies_and_passwords(shop: Shop) -> None:
    client = Client()
    for header in ("Token", "Token \0", "Token x", "Token a b", "Token " + "0" * 40, "Token \xe9", "Basic eDp5"):
        answer = client.get("/api/v1/cycles/", headers={"Authorization": header})
        refused(answer, repr(header), 401)
        assert answer["WWW-Authenticate"] == "Token"
    for cookie in ('"\\000\\000\\000\\000\\000\\000\\000\\000\\000"', "x" * 5000, "a" * 32, "é" * 10):
        client.cookies.load({"sessionid": "x"})
        refused(client.get("/api/v1/cycles/", headers={"Cookie": f"sessionid={cookie}"}), repr(cookie), 401)
    given_token = shop.call("", "POST", "token/", {"name": "ann", "password": PASSWORD})
    assert set(given_token.json()) == {"id", "token", "expires_at"}
    assert given_token.json()["token"] != shop.tokens["ann"]
    for body in ({}, {"name": "ann"}, {"name": "a\0", "password": "x"}, {"name": 1, "password": 2}):
        refused(shop.call("", "POST", "token/", body), repr(body), 400)
    statuses = [shop.call("", "POST", "token/", {"name": "Ann", "password": "no"}).status_code for _ in range(12)]
    assert set(statuses) == {401, 429}
    slow = shop.call("", "POST", "token/", {"name": "ann", "password": PASSWORD})
    assert slow.status_code == 429
    assert 0 < int(slow["Retry-After"]) <= 61


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3), max_leaves=5,
)  # fmt: skip
POSTS = [
    "cycles/", "cycles/none/lock", "cycles/none/approve", "files/999999/quarantine/dismiss", "files/999999/quarantine/retry",
]  # fmt: skip
FIELDS = ("key", "start", "end", "timezone", "policy", "reason", "digest", "accept_quarantine", "name", "password")


@pytest.mark.django_db
@given(path=st.sampled_from(POSTS), body=st.dictionaries(st.sampled_from(FIELDS), JSON, max_size=6))
@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_no_json_makes_a_5xx(fuzzer: Shop, path: str, body: dict[str, Any]) -> None:
    refused(fuzzer.call("all", "POST", path, json.dumps(body).encode(), content_type="application/json"), repr(body))


@pytest.fixture
def fuzzer(db: None, act: Any) -> Shop:
    user = create_user(name="all", roles=["operator", "approver"], contributor_id=None, password="x", act=act)
    return Shop({"all": token_of(user)})
