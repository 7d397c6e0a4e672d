"""A marketplace in which one contributor is a canary: nothing of theirs may be seen by anybody it is not for."""

import shutil
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from django.core.cache import cache
from django.db import transaction
from django.test import Client, override_settings

from revshare.access.models import User
from revshare.access.operations import create_user
from revshare.access.tokens import make_token
from revshare.claims.operations import file_claim
from revshare.clock import now
from revshare.files.models import IngestedFile
from revshare.files.quarantine import dismiss
from revshare.files.uploads import receive
from revshare.invitations.operations import invite, link_of
from revshare.mail.letters import unsubscribe_path
from revshare.payouts import operations as payouts
from revshare.payouts.destinations import set_destination
from revshare.policies.models import Policy
from revshare.proofs.operations import commit
from revshare.recoupments.operations import ask_for_advance
from revshare.runs.operations import start
from revshare.statements.models import Statement
from tests.conftest import AT
from tests.stories import Story

CANARY = "canary-7f3e"
OWN = "ann"
DESTINATION = "IBAN ES91 2100 0418 4502 0005 1332"
PASSWORD = "correct horse battery staple"
FAST = ["django.contrib.auth.hashers.MD5PasswordHasher"]
ROLES: dict[str, tuple[list[str], str | None]] = {
    "contributor": (["contributor"], OWN), "other": (["contributor"], CANARY), "operator": (["operator"], None),
    "approver": (["approver"], None), "finance": (["finance"], None), "both": (["approver", "contributor"], "cy"),
}  # fmt: skip


@dataclass
class Market:
    """People by the name of their part; ids of one object of each kind; what is the canary's alone."""

    people: dict[str, User] = field(default_factory=dict)
    ids: dict[str, int] = field(default_factory=dict)
    numbers: dict[str, str] = field(default_factory=dict)
    claims: dict[str, int] = field(default_factory=dict)
    links: dict[str, str] = field(default_factory=dict)
    secrets: list[str] = field(default_factory=list)
    tokens: dict[str, str] = field(default_factory=dict)
    home: Path = Path()

    def client(self, who: str) -> Client:
        client = Client()
        if who in self.people:
            client.force_login(self.people[who])
        return client


def build(folder: Path) -> Market:
    """April is published and paid out, May calculated, June open; a debt and a claim of the canary."""
    story, made = Story(folder=folder, at=AT), Market()
    story.take("contributors", ("contributor_id", "contributor_name", "email", "payee_id"), [
        (OWN, "Ann", "ann@example.org", "P-ann"),
        (CANARY, f"Bob {CANARY}", f"{CANARY}@example.org", f"P-{CANARY}"), ("cy", "Cy", "", "P-cy"),
        ("dee", "Dee", "dee@example.org", "P-dee"),
    ])  # fmt: skip
    story.models(("m", "ds@1"))
    story.attributions(*[("ds@1", f"a{i}", OWN) for i in range(3)], ("ds@1", "b1", CANARY), ("ds@1", "b2", CANARY),
                       ("ds@1", "c1", "cy"))  # fmt: skip
    story.policy(payout='minimum = {USD = "1.00"}')
    story.sales(
        ("s4", "2026-04-10T00:00:00Z", "m", "USD", "36987.65"), ("s5", "2026-05-10T00:00:00Z", "m", "USD", "20.00"),
        ("r9", "2026-05-11T00:00:00Z", "m", "USD", "-1.00", "nowhere"),
    )  # fmt: skip
    sales = IngestedFile.objects.get(kind="sales")
    dismiss(file_id=sales.pk, act=story.act(why="known"))
    for contributor in (OWN, CANARY):
        act = replace(story.act(contributor), at=AT - timedelta(days=30))
        set_destination(contributor_id=contributor, text=f"{DESTINATION} {contributor}", act=act)
    story.publish("2026-04", "2026-04-01", "2026-05-01")
    story.calculate("2026-05", "2026-05-01", "2026-06-01")
    story.open("2026-06", "2026-06-01", "2026-07-01")
    commit(key="2026-04", act=story.act("adam"))
    batch = payouts.prepare(currency="USD", act=story.act("fiona"))
    payouts.approve(batch_id=batch.pk, digest=batch.digest, act=story.act("adam"))
    payouts.release_to_bank(batch_id=batch.pk, act=story.act("fiona"))
    hold = payouts.place_hold(contributor_id=CANARY, act=story.act("fiona", why="asked"))
    debt = ask_for_advance(contributor_id=CANARY, currency="USD", amount_micros=77_771_234, act=story.act("fiona", "x"))
    claim = file_claim(claimant_id=CANARY, dataset_version="ds@1", asset_id="a1", proof="mine", act=story.act())
    own_claim = file_claim(claimant_id=OWN, dataset_version="ds@1", asset_id="c1", proof="mine too", act=story.act())
    run, _ = start(subject="cycle:2026-05", step="calculate", act=story.act())
    upload = receive(kind="sales", name="x.csv", chunks=[b"x"], act=story.act())
    made.ids = {
        "files": sales.pk, "policies": Policy.objects.get().pk, "payouts": batch.pk, "holds": hold.pk,
        "debts": debt.pk, "claims": claim.pk, "uploads": upload.pk,
        "runs": run.pk, "jobs": run.pk,
    }  # fmt: skip
    made.claims = {OWN: own_claim.pk, CANARY: claim.pk}
    made.links = {
        "letters": unsubscribe_path(OWN, "statement_published").split("/")[-2],
        "invitations": link_of(invite(contributor_id="dee", email="", act=_today("operator"))).split("/")[-2],
    }
    for name, (roles, contributor) in ROLES.items():
        made.people[name] = create_user(
            name=name, roles=roles, contributor_id=contributor, password=PASSWORD, act=story.act()
        )
    made.people["superuser"] = User.objects.create(username="superuser", is_superuser=True, is_staff=True)
    made.tokens = {name: make_token(user=user, act=_today(name))[1] for name, user in made.people.items()}
    for contributor in (OWN, CANARY):
        statement = Statement.objects.get(contributor_id=contributor, cycle__key="2026-04")
        made.numbers[contributor] = statement.number
    closing = statement.closing_micros
    made.secrets = [
        CANARY, made.numbers[CANARY], str(closing), f"{closing / 1_000_000:.6f}", f"{closing // 1_000_000:,}.",
        "77.771234", "77771234", DESTINATION,
    ]  # fmt: skip
    return made


def _today(name: str) -> Any:
    return Story(folder=Path(), at=now()).act(name)


@pytest.fixture(scope="module")
def _market(
    django_db_setup: None, django_db_blocker: Any, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Market]:
    """Once for a module, in a transaction that is rolled back after it."""
    home = tmp_path_factory.mktemp("market")
    with django_db_blocker.unblock():
        outer = transaction.atomic()
        outer.__enter__()
        with override_settings(REVSHARE_HOME=home, PASSWORD_HASHERS=FAST):
            (home / "files").mkdir()
            made = build(home / "files")
            made.home = home
    yield made
    with django_db_blocker.unblock():
        transaction.set_rollback(True)
        outer.__exit__(None, None, None)


@pytest.fixture
def market(_market: Market, settings: Any, db: None) -> Market:
    """With a copy of its lake; nothing counted or kept of the test before."""
    cache.clear()
    settings.PASSWORD_HASHERS = FAST
    for name in ("lake", "signing_key"):
        source, target = _market.home / name, settings.REVSHARE_HOME / name
        if source.is_dir():
            shutil.copytree(source, target)
        elif source.exists():
            shutil.copy(source, target)
    return _market
