"""Batches, results and holds in the console: every step confirmed, each by those who may, refusals in words."""

from typing import Any

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client

from revshare.audit_trail.models import Event
from revshare.audit_trail.operations import Act
from revshare.console.payables import REASONS, reasons_of
from revshare.cycles.models import Cycle
from revshare.files.models import Upload
from revshare.payouts import operations as payouts
from revshare.payouts import payable
from revshare.payouts.models import Hold, PaymentBatch
from revshare.runs.models import Run
from revshare.tasks import perform
from tests.console.conftest import SignIn
from tests.stories import Story

pytestmark = pytest.mark.django_db
YES = {"confirmed": "yes"}


@pytest.fixture
def payees(cycles: dict[str, Cycle], market: Story) -> None:
    """Of April's 20 dollars Ann has 15 and can be paid; Ben's 5 have no payee."""
    market.take("contributors", ("contributor_id", "contributor_name", "payee_id"), [("ann", "Ann", "P-ann")])


def said(client: Client, path: str, **given: Any) -> str:
    return client.post(f"/console/payouts/{path}", given, follow=True).content.decode()


def prepared(client: Client) -> PaymentBatch:
    said(client, "prepare/", currency="usd", **YES)
    return PaymentBatch.objects.latest("pk")


def test_a_batch_goes_from_what_is_payable_to_the_bank(payees: None, sign_in: SignIn) -> None:
    fiona, adam = sign_in("fiona"), sign_in("adam")
    shown = fiona.get("/console/payouts/prepare/?currency=USD").content.decode()
    assert "1 payment, 15.00 USD in all" in shown
    assert "payee" in shown.partition("Not payable, and why")[2]
    assert "Tick the box" in said(fiona, "prepare/", currency="USD")
    assert not PaymentBatch.objects.exists()
    batch = prepared(fiona)
    place = f"{batch.pk}/"
    page = fiona.get(f"/console/payouts/{place}").content.decode()
    assert "1 payment, 15.00 USD</h2>" in page
    assert '<span class="rs-badge rs-badge-draft">draft</span>' in page
    assert "<dt>Under way</dt><dd>1</dd>" in page
    assert "This takes an approver." in page
    assert "Tick the box" in said(adam, f"{place}approve/", digest=batch.digest)
    assert "another digest" in said(adam, f"{place}approve/", digest="0" * 64, **YES)
    assert f"Batch {batch.pk} is approved." in said(adam, f"{place}approve/", digest=batch.digest, **YES)
    assert "Download the register" not in fiona.get(f"/console/payouts/{place}").content.decode()
    assert "handed to the bank" in said(fiona, f"{place}export/", **YES)
    register = fiona.get(f"/console/payouts/{place}register.csv")
    assert register.content.decode().splitlines()[1].split(",")[1:3] == ["ann", "P-ann"]
    assert "to cancel it, it must be" in said(fiona, f"{place}cancel/", reason="late", **YES)
    batch.refresh_from_db()
    assert (batch.state, batch.prepared_by, batch.approved_by, batch.exported_by) == (
        "exported",
        "fiona",
        "adam",
        "fiona",
    )
    seen = set(Event.objects.filter(object=f"batch:{batch.pk}").values_list("action", flat=True))
    assert seen == {"payouts.prepare", "payouts.approve", "payouts.export"}


def test_rights_are_those_of_the_commands(payees: None, sign_in: SignIn) -> None:
    batch = prepared(sign_in("fiona"))
    may = {"prepare/": ("fiona",), f"{batch.pk}/approve/": ("adam", "both"), f"{batch.pk}/export/": ("fiona",),
           f"{batch.pk}/cancel/": ("fiona",), "results/": ("fiona",), "hold/": ("fiona",),
           "holds/99/release/": ("fiona",)}  # fmt: skip
    for path, people in may.items():
        for name in ("olivia", "adam", "fiona", "both", "carl"):
            answer = sign_in(name).post(f"/console/payouts/{path}")
            assert answer.status_code == (302 if name in people else 403), (path, name)
    for path in ("", f"{batch.pk}/"):
        assert sign_in("olivia").get(f"/console/payouts/{path}").status_code == 200
        assert sign_in("carl").get(f"/console/payouts/{path}").status_code == 403
        assert Client().get(f"/console/payouts/{path}").status_code == 302
    assert sign_in("fiona").get("/console/payouts/999/").status_code == 404
    assert sign_in("fiona").post(f"/console/payouts/{batch.pk}/pay/").status_code == 404
    assert sign_in("olivia").get(f"/console/payouts/{batch.pk}/register.csv").status_code == 403
    batch.refresh_from_db()
    assert batch.state == "draft"


def test_a_batch_is_given_up_with_a_reason(payees: None, sign_in: SignIn) -> None:
    fiona = sign_in("fiona")
    batch = prepared(fiona)
    assert "given up" in said(fiona, f"{batch.pk}/cancel/", reason="wrong day", **YES)
    assert Event.objects.get(action="payouts.cancel").detail["why"] == "wrong day"
    assert "Nothing is payable in EUR" in fiona.get("/console/payouts/prepare/?currency=EUR").content.decode()
    assert "is not an active ISO 4217 currency" in said(fiona, "prepare/", currency="XXX", **YES)


def test_holds_are_placed_and_released_with_reasons(payees: None, sign_in: SignIn) -> None:
    fiona = sign_in("fiona")
    assert "needs a reason" in said(fiona, "hold/", contributor="ann", reason=" ")
    assert "There is no contributor" in said(fiona, "hold/", contributor="zoe", reason="x")
    assert "Nobody pays ann in any currency" in said(fiona, "hold/", contributor="ann", reason="in <court>")
    page = fiona.get("/console/payouts/holds/").content.decode()
    assert "in &lt;court&gt;" in page
    assert "Reason to release ann" in page
    assert "Reason to release ann" not in sign_in("adam").get("/console/payouts/holds/").content.decode()
    assert "Nothing is payable" in said(fiona, "prepare/", currency="USD", **YES)
    held = Hold.objects.get()
    assert "is released" in said(fiona, f"holds/{held.pk}/release/", reason="settled")
    assert "Nobody is on hold" in fiona.get("/console/payouts/").content.decode()


def test_results_are_handed_to_a_worker(payees: None, sign_in: SignIn) -> None:
    fiona = sign_in("fiona")
    assert "Choose the file" in said(fiona, "results/", **YES)
    file = SimpleUploadedFile("bank.csv", b"payment_key,result,date,reference\n")
    assert "Tick the box" in said(fiona, "results/", file=file)
    assert not Upload.objects.filter(kind="payment_results").exists()
    file.seek(0)
    assert "The results are being booked." in said(fiona, "results/", file=file, **YES)
    assert Upload.objects.get(kind="payment_results").name == "bank.csv"


def test_where_accounts_are_many_jobs_work_them_out(
    payees: None, sign_in: SignIn, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The page says what the last job found, and when; the batch is a job too, and the same one if it runs twice."""
    monkeypatch.setattr(payable, "AT_ONCE", 0)
    fiona, place = sign_in("fiona"), "/console/payouts/prepare/?currency=USD"
    assert "not worked out yet" in fiona.get(place).content.decode()
    page = said(fiona, "prepare/", currency="USD", what="preview")
    assert "What is payable is being worked out." in page
    assert "Working out what is payable in" in page
    run = Run.objects.get(step="preview")
    perform(run.pk)
    page = fiona.get(place).content.decode()
    assert "As worked out at" in page
    assert "1 payment, 15.00 USD in all" in page
    assert "payee" in page.partition("Not payable, and why")[2]
    assert "Tick the box" in said(fiona, "prepare/", currency="USD")
    assert "The batch is being prepared." in said(fiona, "prepare/", currency="USD", **YES)
    assert not PaymentBatch.objects.exists()
    run = Run.objects.get(step="prepare")
    perform(run.pk)
    run.refresh_from_db()
    batch = PaymentBatch.objects.get()
    assert run.outcome == {"batch": batch.pk, "payments": 1, "total_minor": 1500}
    assert (batch.prepared_by, batch.prepared_at) == ("fiona", run.requested_at)
    page = fiona.get(place).content.decode()
    assert f">Batch {batch.pk}</a> is the last one prepared" in page
    assert "not worked out yet" in page  # what was counted before is not payable any more
    again = payouts.prepare(currency="USD", act=Act(actor="fiona", at=run.requested_at), once=True)
    assert again == batch
    assert "is not an active ISO 4217 currency" in said(fiona, "prepare/", currency="XXX", what="preview")
    jobs = fiona.get("/console/jobs/").content.decode()
    assert "Preparing a batch in" in jobs
    assert "payouts/prepare/?currency=USD" in jobs


def test_why_accounts_are_not_payable_is_said_most_first() -> None:
    assert reasons_of({"no_payee": 1, "below_minimum": 3000}) == [
        ("Below the minimum payout.", "3,000"), ("No payee is known to pay to.", "1"),
    ]  # fmt: skip
    assert set(REASONS) == set(payable.REASONS)
