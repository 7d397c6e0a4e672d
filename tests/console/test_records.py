"""Every stage's records: seen by staff, touched by nobody."""

import io
import zipfile
from csv import reader
from dataclasses import replace

import pytest
from django.contrib.admin.utils import quote
from django.test import Client
from django.urls import reverse

from revshare.allocation.deciding import settle
from revshare.allocation.suspense import waiting
from revshare.audit_trail.operations import Act
from revshare.claims import operations as claims
from revshare.console.records import BulkAdmin
from revshare.console.site import site
from revshare.cycles import operations
from revshare.cycles.models import Cycle
from revshare.cycles.operations import calculate, lock
from revshare.payouts import operations as payouts
from revshare.periods import parse_period
from revshare.policies.operations import register
from revshare.pools.matching import match
from revshare.recoupments import operations as recoupments
from tests.console.conftest import SignIn, take_in
from tests.small import SIGNALS
from tests.stories import Story

pytestmark = pytest.mark.django_db
STAFF = ("olivia", "adam", "fiona", "root")
MODELS = sorted(site._registry, key=lambda model: model.__name__)
# Who may look is one line of code for all of them: one person opens everything, the others a few.
SOME = {"User", "Statement", "Payment", "Sale"}


@pytest.fixture(scope="module")
def _everything(_cycles: None, told: Story) -> None:
    act = told.act(why="test")
    take_in("more.csv", "sales", b"sale_id,sold_at,stream,model,currency,gross_amount\nx,never,generation,m,USD,1\n"
            b"y,2026-06-11T00:00:00Z,generation,m,USD,1\nz,2026-06-11T00:00:00Z,generation,m,USD,1\n"
            b"w,2026-06-11T00:00:00Z,generation,nobody-knows,USD,1\n", act)  # fmt: skip
    for name, text in SIGNALS.items():
        take_in(name, name.partition(".")[0], text.replace("cy", "ben").encode(), act)
    match(kind="model", name="unheard-of", stands_for="m", act=act)
    take_in("payees.csv", "contributors", b"contributor_id,contributor_name,payee_id\nann,Ann,P-ann\n", act)
    batch = payouts.prepare(currency="USD", act=act)
    payouts.approve(batch_id=batch.pk, digest=batch.digest, act=replace(act, actor="adam"))
    payouts.release_to_bank(batch_id=batch.pk, act=act)
    key = batch.payments.get().payment_key
    take_in(
        "bank.csv", "payment_results", f"payment_key,result,date,reference\n{key},paid,2026-07-02,B1\n".encode(), act
    )
    lock(key="june", act=act, accept_quarantine="the shop is asked")
    calculate(key="june", act=act)
    settle(number=waiting()[0].number, to="platform", act=replace(act, actor="adam"))
    payouts.place_hold(contributor_id="ben", act=act)
    claims.prove(number=claim_on_an_asset(act), evidence="the negative", act=act)
    payouts.set_currency(contributor_id="ben", currency="EUR", act=act)
    taken_back(act)


@pytest.fixture
def everything(_everything: None, cycles: dict[str, Cycle]) -> None:
    """At least one record of every kind."""


def taken_back(act: Act) -> None:
    """Ann has an advance, of which July takes back a part."""
    asked = recoupments.ask_for_advance(contributor_id="ann", currency="USD", amount_micros=1_000_000, act=act)
    recoupments.approve(number=asked.pk, act=replace(act, actor="adam"))
    take_in("july.csv", "sales", b"sale_id,sold_at,stream,model,currency,gross_amount\n"
            b"j,2026-07-10T00:00:00Z,generation,m,USD,10\n", act)  # fmt: skip
    policy, _ = register(
        content=b'name = "q"\nversion = "1"\n[streams.default]\ncontributor_share = "20%"\npooling = "per_model"\n'
        b'allocation = "asset_count"\n[recoupment]\ncap = "10%"\n', act=act,
    )  # fmt: skip
    operations.open_cycle(key="july", period=parse_period("2026-07-01", "2026-08-01", "UTC"), policy=policy, act=act)
    operations.lock(key="july", act=act, accept_quarantine="test")
    operations.calculate(key="july", act=act)


def claim_on_an_asset(act: Act) -> int:
    manifest, asset = "ds@1", "1"
    return claims.file_claim(
        claimant_id="ben", dataset_version=manifest, asset_id=asset, proof="the raw file", act=act
    ).pk


def urls(kind: str, *, all_of_them: bool = True) -> dict[str, str]:
    found = {}
    for model in (model for model in MODELS if all_of_them or model.__name__ in SOME):
        name = f"admin:revshare_{model._meta.model_name}"
        if kind in ("changelist", "add"):
            found[model.__name__] = reverse(f"{name}_{kind}")
        else:
            record = model._default_manager.first()
            assert record is not None, f"the test has no {model.__name__}"
            found[model.__name__] = reverse(f"{name}_{kind}", args=[quote(record.pk)])
    return found


def test_staff_see_every_list_and_every_record_and_others_none(everything: None, sign_in: SignIn) -> None:
    for name in STAFF:
        client = sign_in(name)
        client.cookies["language"] = "de" if name == "fiona" else "en"
        for kind in ("changelist", "change"):
            for model, url in urls(kind, all_of_them=name == "fiona").items():
                answer = client.get(url)
                assert answer.status_code == 200, f"{kind} of {model} for {name}"
                assert f'<html lang="{client.cookies["language"].value}"' in answer.content.decode()
    for kind in ("changelist", "change"):
        for model, url in urls(kind, all_of_them=False).items():
            for name in ("carl", "nobody"):
                assert sign_in(name).get(url).status_code == 403, f"{kind} of {model} for {name}"
            answer = Client().get(url)
            assert answer.status_code == 302, model
            assert answer["Location"].startswith("/console/login/"), model


def test_nobody_can_add_change_or_delete(everything: None, sign_in: SignIn) -> None:
    for name in ("olivia", "adam", "root"):
        only_looks(sign_in(name), superuser=name == "root")


def only_looks(client: Client, *, superuser: bool) -> None:
    def urls_of(kind: str) -> dict[str, str]:
        return urls(kind, all_of_them=superuser)

    for model, url in urls_of("add").items():
        assert client.get(url).status_code == 403, f"add {model}"
        assert client.post(url, {}).status_code == 403, f"add {model}"
    for model, url in urls_of("delete").items():
        assert client.get(url).status_code == 403, f"delete {model}"
        assert client.post(url, {"post": "yes"}).status_code == 403, f"delete {model}"
    for model, url in urls_of("change").items():
        if not (model == "User" and superuser):
            assert client.post(url, {}).status_code == 403, f"change {model}"
    for model, url in urls_of("changelist").items():
        before = client.get(url).context["cl"].queryset.count()
        client.post(url, {"action": "delete_selected", "_selected_action": ["1"], "post": "yes", "index": "0"})
        assert client.get(url).context["cl"].queryset.count() == before, f"delete from the list of {model}"


def test_every_list_is_searched_and_filtered(everything: None, sign_in: SignIn, cycles: dict[str, Cycle]) -> None:
    client = sign_in("olivia")
    for model, url in urls("changelist").items():
        query = {"q": "a"} if site._registry[next(m for m in MODELS if m.__name__ == model)].search_fields else {}
        assert client.get(url, query).status_code == 200, model
    for model in ("sale", "pool", "allocation", "leg", "statement", "journal", "window"):
        url = reverse(f"admin:revshare_{model}_changelist")
        shown = client.get(url, {"cycle": cycles["may"].pk}).context["cl"].queryset
        everywhere = client.get(url).context["cl"].queryset
        assert 0 < shown.count() < everywhere.count(), model
        assert client.get(url, {"cycle": "DROP TABLE"}).context["cl"].queryset.count() == 0, model
    exported(client)


def exported(client: Client) -> None:
    """Every list as a file has every row of it, once: as CSV with all, as XLSX if it is asked for."""
    for model, url in urls("changelist").items():
        if model == "Event":
            continue  # each copy that is taken is one more
        found = client.get(url).context["cl"]
        # Allocations, legs and statements are listed by what is not one query set: all of theirs is on one page here.
        by_query = not isinstance(found.model_admin, BulkAdmin) or found.model_admin.turns
        rows = found.queryset.count() if by_query else len(found.result_list)
        csv = b"".join(client.get(url, {"_export": "csv"}).streaming_content).decode()
        assert len(list(reader(io.StringIO(csv)))) == rows + 1, model
        book = zipfile.ZipFile(io.BytesIO(b"".join(client.get(url, {"_export": "xlsx"}).streaming_content)))
        assert book.read("xl/worksheets/sheet1.xml").count(b"<row ") == rows + 1, model
