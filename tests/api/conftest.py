"""A small shop for the API's tests: three cycles (published, calculated, open), five people, a row in quarantine."""

import json
import shutil
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from django.core.cache import cache
from django.db import transaction
from django.test import Client, override_settings

from revshare.access.models import User
from revshare.access.operations import create_user
from revshare.access.tokens import make_token
from revshare.audit_trail.operations import Act
from revshare.clock import now
from revshare.cycles import operations as cycles
from revshare.ingest.operations import ingest
from revshare.periods import parse_period
from revshare.policies.operations import register
from tests.conftest import AT

CANARY = "canary-7f3e"
CONTRIBUTORS = (
    f"contributor_id,contributor_name,email\nann,Ann,ann@example.org\n{CANARY},Bob {CANARY},{CANARY}@example.org\n"
)
ATTRIBUTIONS = f"dataset_version,asset_id,contributor_id\nv1,a1,ann\nv1,a2,ann\nv1,a3,{CANARY}\n"
MODELS = "model,dataset_version\nm1,v1\n"
SALES = (
    "sale_id,sold_at,stream,model,currency,gross_amount,refund_of,shoe_size\n"
    "s1,2026-04-10T00:00:00Z,generation,m1,USD,10.00,,42\n"
    "s2,2026-05-10T00:00:00Z,generation,m1,USD,20.00,,42\n"
    "r9,2026-05-11T00:00:00Z,generation,m1,USD,-1.00,nowhere,42\n"
)
POLICY = (
    'name = "fund"\nversion = "{version}"\n[streams.default]\ncontributor_share = "20%"\npooling = "per_model"\n'
    'allocation = "asset_count"\n'
)
FAST = ["django.contrib.auth.hashers.MD5PasswordHasher"]
PASSWORD = "correct horse 7 battery"
PEOPLE: dict[str, tuple[list[str], str | None]] = {
    "olivia": (["operator"], None), "vera": (["approver"], None), "fay": (["finance"], None),
    "ann": (["contributor"], "ann"), "bob": (["contributor"], CANARY),
}  # fmt: skip


@pytest.fixture(autouse=True)
def _fresh(settings: Any, no_query_in_a_loop: None) -> None:
    """No attempts counted from the test before; passwords that cost nothing."""
    cache.clear()
    settings.PASSWORD_HASHERS = FAST


def write_folder(folder: Path) -> Path:
    """The shop's files, for a command or for uploads."""
    folder.mkdir(exist_ok=True)
    for name, text in (
        ("contributors.csv", CONTRIBUTORS), ("attributions.csv", ATTRIBUTIONS), ("models.csv", MODELS),
        ("sales.csv", SALES), ("policy.toml", POLICY.format(version="1")),
    ):  # fmt: skip
        (folder / name).write_text(text)
    return folder


@dataclass
class Shop:
    tokens: dict[str, str] = field(default_factory=dict)
    client: Client = field(default_factory=Client)

    def call(self, who: str, method: str, path: str, body: Any = None, content_type: str = "") -> Any:
        """Calls /api/v1/<path> as somebody ("" for nobody); a dict goes as JSON."""
        if isinstance(body, dict):
            body, content_type = json.dumps(body).encode(), "application/json"
        return self.client.generic(method, f"/api/v1/{path}", body or b"", content_type, headers=self.headers(who))

    def headers(self, who: str) -> dict[str, str]:
        return {"Authorization": f"Token {self.tokens[who]}"} if who else {}


def content(answer: Any) -> str:
    """A response's body, streamed or not."""
    raw = b"".join(answer.streaming_content) if answer.streaming else answer.content
    return raw.decode("utf-8", errors="replace")


@pytest.fixture(scope="module")
def _built(
    django_db_setup: None, django_db_blocker: Any, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[tuple[dict[str, str], Path]]:
    """The shop, once for a module, in a transaction that is rolled back after it; each test sees it in its own."""
    home = tmp_path_factory.mktemp("shop")
    with django_db_blocker.unblock():
        outer = transaction.atomic()
        outer.__enter__()
        with override_settings(REVSHARE_HOME=home, PASSWORD_HASHERS=FAST):
            tokens = build(write_folder(home / "files"))
    yield tokens, home
    with django_db_blocker.unblock():
        transaction.set_rollback(True)
        outer.__exit__(None, None, None)


@pytest.fixture
def shop(_built: tuple[dict[str, str], Path], settings: Any, db: None) -> Shop:
    """With a copy of the shop's lake, so that each test has one of its own."""
    tokens, home = _built
    shutil.copytree(home / "lake", settings.REVSHARE_HOME / "lake")
    return Shop(dict(tokens))


def build(folder: Path) -> dict[str, str]:
    """Makes the shop; returns everybody's token."""
    act, approver = Act(actor="olivia", at=AT, why="test"), Act(actor="vera", at=AT)
    for kind in ("contributors", "models", "attributions", "sales"):
        ingest(kind=kind, path=folder / f"{kind}.csv", act=act)
    policy, _ = register(content=(folder / "policy.toml").read_bytes(), act=act)
    for key, start, end in (
        ("2026-04", "2026-04-01", "2026-05-01"), ("2026-05", "2026-05-01", "2026-06-01"),
        ("2026-06", "2026-06-01", "2026-07-01"),
    ):  # fmt: skip
        cycles.open_cycle(key=key, period=parse_period(start, end, "Europe/Madrid"), policy=policy, act=act)
    for key in ("2026-04", "2026-05"):
        cycles.lock(key=key, act=act, accept_quarantine="a test")
        cycles.calculate(key=key, act=act)
    cycles.submit(key="2026-04", act=act)
    cycles.approve(key="2026-04", act=approver)
    cycles.publish(key="2026-04", act=approver)
    return {
        name: token_of(create_user(name=name, roles=roles, contributor_id=contributor, password=PASSWORD, act=act))
        for name, (roles, contributor) in PEOPLE.items()
    }


def token_of(user: User) -> str:
    return make_token(user=user, act=Act(actor=user.username, at=now()))[1]
