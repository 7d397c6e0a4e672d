"""A marketplace with a row in every table, published, paid and restated: what the attacks are tried on.

It is a database of its own with everything committed, so that each attack can log in as whom it likes; made in this
process, since starting Python for each of its thirty steps took longer than all the rest.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path

import pytest
from django.db import connection
from django.test import override_settings

from config.embedded import django_database
from revshare.access.operations import create_user
from revshare.allocation.deciding import settle
from revshare.allocation.releasing import decide
from revshare.allocation.suspense import waiting
from revshare.audit_trail.operations import Act
from revshare.claims.operations import file_claim, prove
from revshare.continuity.models import Restoration
from revshare.cycles import operations as cycles
from revshare.cycles.models import Cycle
from revshare.cycles.review import decide_finding, make_review
from revshare.files.mapped import save
from revshare.files.voiding import void
from revshare.ingest.operations import find_files, ingest
from revshare.invitations.operations import invite
from revshare.mail.operations import queue_new
from revshare.payouts import operations as payouts
from revshare.payouts.destinations import set_destination
from revshare.periods import parse_period
from revshare.personal.operations import ask_deletion, decide_deletion
from revshare.policies.operations import find, register
from revshare.pools.matching import match
from revshare.proofs.operations import commit
from revshare.recoupments import operations as recoupments
from revshare.restatements.operations import approve, draft, post
from revshare.restatements.rules import Options
from revshare.reviews.queries import findings_of
from revshare.runs.operations import start
from revshare.sales import storing
from revshare.verification.models import StoredVerdict
from tests.conftest import World
from tests.small import FILES, SIGNALS, STAFF, write_files

# What goes to and fro: it is on record, and no journal.
SPLITS = """contributor_id,payee_id,share,start
ann,ben,0.000001,2026-01-01
ben,ann,0.000002,2026-01-01
"""
RECOUPMENT = '[recoupment]\ncap = "10%"\n'
REVIEW = "[review]\nleast_cycles = 1\n"
ONE_CURRENCY = '[currency]\npools = "USD"\nrate = "day"\n'
# Of June, and late: in July's cycle, at the rate of its day. And of two models that nobody knows: August shares what was
# sold of the one; of the other it goes to the platform.
LATE_FILE = """sale_id,sold_at,stream,model,currency,gross_amount
e1,2026-06-30T00:00:00Z,generation,m,EUR,3.00
u1,2026-07-15T00:00:00Z,generation,mystery,USD,10.00
u2,2026-07-15T00:00:00Z,generation,riddle,USD,20.00
"""
LARGE_FILE = """sale_id,sold_at,stream,model,currency,gross_amount
l1,2026-07-10T00:00:00Z,generation,m,USD,1.00
l2,2026-07-11T00:00:00Z,generation,m,USD,2.00
"""
HEADER = "sale_id,sold_at,stream,model,currency,gross_amount\n"
PAYEES = "contributor_id,contributor_name,payee_id\nann,Ann,P-ann\nben,Ben,P-ben\n"


AT = datetime(2026, 11, 1, tzinfo=UTC)
BEFORE_JULY = datetime(2026, 6, 30, tzinfo=UTC)


def by(name: str, why: str = "", at: datetime = AT) -> Act:
    return Act(actor=name, at=at, why=why)


@contextmanager
def inside(world: World, url: str = "") -> Iterator[None]:
    """Django's connection is to the database of this world: the application's, or by another URL."""
    before = connection.settings_dict
    connection.close()
    connection.settings_dict = before | django_database(url or world.database_url)
    try:
        with override_settings(REVSHARE_HOME=world.home):
            yield
    finally:
        connection.close()
        connection.settings_dict = before


def build(folder: Path) -> None:
    """In the world that is open."""
    _june(folder)
    _beside(folder)
    _paid(folder)
    _july_and_august(folder)
    _september(folder)


def take(kind: str, folder: Path, name: str, text: str) -> int:
    (folder / name).write_text(text, encoding="utf-8")
    return ingest(kind=kind, path=folder / name, act=by("olivia")).file.pk


def publish(key: str) -> None:
    for step in (cycles.lock, cycles.calculate, cycles.submit):
        step(key=key, act=by("olivia"))
    for step in (cycles.approve, cycles.publish):
        step(key=key, act=by("adam"))


def open_cycle(key: str, start: str, end: str, policy: str) -> None:
    cycles.open_cycle(key=key, period=parse_period(start, end, "UTC"), policy=find(policy), act=by("olivia"))


def _june(folder: Path) -> None:
    """Cy says that one of Ann's assets is his: its money is held, and becomes his."""
    for name, role in STAFF.items():
        create_user(name=name, roles=[role], contributor_id=None, password="not-for-signing-in", act=by("root"))
    for kind, path in find_files(write_files(folder)):
        ingest(kind=kind, path=path, act=by("olivia"))
    register(content=FILES["policy.toml"].encode(), act=by("olivia"))
    take("splits", folder, "splits.csv", SPLITS)
    open_cycle("june", "2026-06-01", "2026-07-01", "p")
    claim = file_claim(claimant_id="cy", dataset_version="ds@1", asset_id="1", proof="raw", act=by("olivia"))
    prove(number=claim.pk, evidence="negative", act=by("olivia"))
    publish("june")
    commit(key="june", act=by("adam"))
    decide(number=claim.pk, action="uphold", reason="his", act=by("adam"))


def _beside(folder: Path) -> None:
    """Two sales taken in as if they were many, and a row of each other kind."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(storing, "PARTITION_ROWS", 1)
        take("sales", folder, "large.csv", LARGE_FILE)
    signals = folder / "signals"
    signals.mkdir()
    for name, text in SIGNALS.items():
        (signals / name).write_text(text, encoding="utf-8")
    for kind, path in find_files(signals):
        ingest(kind=kind, path=path, act=by("olivia"))
    take("contributors", folder, "payees.csv", PAYEES)
    save(name="shop", kind="sales", columns={"Order": "sale_id"}, act=by("olivia"))


def _paid(folder: Path) -> None:
    """One payment is with the bank, one is paid; Ann has an advance, of which July takes back a part."""
    batch = payouts.prepare(currency="USD", act=by("fiona"))
    payouts.approve(batch_id=batch.pk, digest=batch.digest, act=by("adam"))
    payouts.release_to_bank(batch_id=batch.pk, act=by("fiona"))
    key = batch.payments.order_by("payment_key")[0].payment_key
    bank = f"payment_key,result,date,reference\n{key},paid,2026-07-02,B1\n"
    ingest(kind="payment_results", path=_written(folder / "bank.csv", bank), act=by("fiona"))
    payouts.place_hold(contributor_id="ben", act=by("fiona", "in court"))
    set_destination(contributor_id="cy", text="IBAN DE89 3704 0044 0532 0130 00", act=by("cy"))
    payouts.set_currency(contributor_id="ben", currency="EUR", act=by("fiona", "a letter"))
    debt = recoupments.ask_for_advance(
        contributor_id="ann", currency="USD", amount_micros=9_000_000, act=by("fiona", "a camera", BEFORE_JULY)
    )
    recoupments.approve(number=debt.pk, act=by("adam", "agreed", BEFORE_JULY))


def _july_and_august(folder: Path) -> None:
    july = folder / "july"
    july.mkdir()
    take("sales", july, "sales.csv", LATE_FILE)
    register(
        content=(FILES["policy.toml"].replace('"p"', '"q"') + ONE_CURRENCY + RECOUPMENT).encode(), act=by("olivia")
    )
    open_cycle("july", "2026-07-01", "2026-08-01", "q")
    publish("july")
    [riddle] = [item for item in waiting() if item.name == "riddle"]
    settle(number=riddle.number, to="platform", act=by("adam", "nobody will come"))
    match(kind="model", name="mystery", stands_for="m", act=by("olivia", "its new name"))
    more = FILES["policy.toml"].replace('"p"', '"r"') + ONE_CURRENCY + RECOUPMENT + REVIEW
    register(content=more.encode(), act=by("olivia"))
    open_cycle("august", "2026-08-01", "2026-09-01", "r")
    _reviewed("august")


def _reviewed(key: str) -> None:
    """It has next to no sales, which the history of its pools makes unusual."""
    for step in (cycles.lock, cycles.calculate):
        step(key=key, act=by("olivia"))
    make_review(key=key, act=by("olivia"))
    blocking = findings_of(Cycle.objects.get(key=key).pk).filter(blocks=True)
    assert blocking
    for found in blocking:
        decide_finding(key=key, number=found.number, action="override", act=by("adam", "a quiet month"))
    cycles.submit(key=key, act=by("olivia"))
    for step in (cycles.approve, cycles.publish):
        step(key=key, act=by("adam"))


def _september(folder: Path) -> None:
    """Its one sale is of a model that nobody knows; its file is void, and what comes late is a deficit."""
    wrong = take("sales", folder, "wrong.csv", HEADER + "w1,2026-09-03T00:00:00Z,generation,enigma,USD,10.00\n")
    open_cycle("september", "2026-09-01", "2026-10-01", "p")
    publish("september")
    void(file_id=wrong, reason="a test", act=by("olivia"))
    take("sales", folder, "right.csv", HEADER + "w2,2026-09-04T00:00:00Z,generation,enigma,USD,-1.00\n")
    draft(cycle_key="september", options=Options(void=(wrong,), late=True), act=by("olivia"))
    approve(key="september/1", act=by("adam"))
    post(key="september/1", act=by("fiona"))
    draft(cycle_key="september", options=Options(policy=find("q").sha256), act=by("olivia"))
    _restored()

    _asked()


def _asked() -> None:
    """Ben wants to be forgotten, and cannot be; he is written to."""
    asked = ask_deletion(contributor_id="ben", text="", act=by("ben"))
    decide_deletion(number=asked.pk, outcome="refused", reason="in court", act=by("adam"))
    invite(contributor_id="ann", email="ann@example.org", act=by("olivia"))
    queue_new(at=AT)


def _restored() -> None:
    """What only a restore and a night make: one that is reconciled, and one that found nothing."""
    Restoration.objects.create(restored_at=AT, restored_by="olivia", reconciled_at=AT, reconciled_by="adam")
    run, _ = start(subject="verify:all", step="verify", act=by("nightly"), request={})
    StoredVerdict.objects.create(
        run=run, asked_at=AT, asked_by="nightly", checks=1, cycles=1, findings_count=0, findings=[]
    )


def _written(path: Path, text: str) -> Path:
    path.write_text(text, encoding="utf-8")
    return path
