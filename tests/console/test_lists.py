"""Every list of the console's own pages: searched, put in order, taken out as CSV and XLSX."""

import io
import zipfile
from typing import Any

import pytest
from django.urls import reverse

from revshare.audit_trail.models import Event
from revshare.claims.operations import file_claim
from revshare.cycles.models import Cycle
from revshare.files.models import Upload
from revshare.payouts.operations import place_hold
from revshare.recoupments.operations import ask_for_advance
from revshare.runs.models import Run
from tests.access.routes import LISTS
from tests.console.conftest import SignIn, take_in
from tests.stories import Story

pytestmark = pytest.mark.django_db


def file_of(client: Any, page: str, format: str = "csv", **asked: str) -> bytes:
    answer = client.get(f"/console/{page}", {**asked, "_export": format})
    assert answer.status_code == 200, page
    return b"".join(answer.streaming_content)


def rows_of(client: Any, page: str, **asked: str) -> list[str]:
    return file_of(client, page, **asked).decode().splitlines()


def sheet_of(client: Any, page: str) -> str:
    return zipfile.ZipFile(io.BytesIO(file_of(client, page, "xlsx"))).read("xl/worksheets/sheet1.xml").decode()


def test_every_list_is_taken_out_as_csv_and_xlsx(cycles: dict[str, Cycle], sign_in: SignIn, market: Story) -> None:
    act = market.act("oscar", why="=1+1")
    market.sales(("s9", "2026-06-11T00:00:00Z", "nobody-knows", "USD", "x"))
    file_claim(claimant_id="ben", dataset_version="ds@1", asset_id="1", proof="=HYPERLINK(1)", act=act)
    file_claim(claimant_id="ann", dataset_version="ds@1", asset_id="4", proof="the negative", act=act)
    for micros, name in ((5_000_000, "ann"), (7_000_000, "ben")):
        ask_for_advance(contributor_id=name, currency="USD", amount_micros=micros, act=act)
        place_hold(contributor_id=name, act=act)
    adam = sign_in("adam")
    for page in LISTS:
        csv, sheet = rows_of(adam, page), sheet_of(adam, page)
        assert sheet.count("<row ") == len(csv), page
        assert "<f>" not in sheet, "no cell is a formula"
    assert Event.objects.filter(action="list.exported", actor="adam").count() == 2 * len(LISTS)
    for page in set(LISTS) - {"audit/"}:  # of which each copy makes one more row
        english = sheet_of(adam, page)
        adam.cookies["language"] = "de"
        assert sheet_of(adam, page) == english, "a file is the same whoever reads it"
        adam.cookies["language"] = "en"

    claims = rows_of(adam, "work/claims/", sort="oldest")
    assert [row.split(",")[2] for row in claims[1:]] == ["ben", "ann"]
    assert [row.split(",")[2] for row in rows_of(adam, "work/claims/")[1:]] == ["ann", "ben"]
    assert ",'=HYPERLINK(1)," in claims[1]
    assert [row.split(",")[3:6] for row in rows_of(adam, "work/debts/", sort="largest")[1:]] == [
        ["ben", "USD", "7000000"], ["ann", "USD", "5000000"],
    ]  # fmt: skip
    assert [row.split(",")[1] for row in rows_of(adam, "payouts/holds/", q="ann")[1:]] == ["ann"]
    assert [row.split(",")[2] for row in rows_of(adam, "quarantine/", q="sales")[1:]] == ["sales"]
    assert "amount_syntax" in rows_of(adam, "quarantine/rows/")[1]
    olivia, rows = sign_in("olivia"), {"reason": "amount_syntax@gross_amount"}
    for asked, offered in ((rows, True), (rows | {"q": "amount"}, False)):  # the deed knows nothing of what is searched
        said = olivia.get("/console/quarantine/rows/", asked).content.decode()
        assert ("All of these, on every page" in said) is offered
    trail = rows_of(adam, "audit/", q="cycle:april", sort="oldest")
    assert [row.split(",")[3] for row in trail[1:3]] == ["cycle.open", "cycle.lock"]
    for page, text in {"work/claims/": "zoe", "payouts/holds/": "zoe", "quarantine/": "zoe", "jobs/": "zoe"}.items():
        assert "is found for “zoe”" in adam.get(f"/console/{page}", {"q": text}).content.decode(), page


def test_finance_tries_refused_results_again(cycles: dict[str, Cycle], sign_in: SignIn, market: Story) -> None:
    """As operators do with what they take in; neither does it for the other."""
    bank = b"payment,result\npay-000001-000001,paid\n"
    upload, run = take_in("bank.csv", "payment_results", bank, market.act("fiona"))
    assert run.state == "failed"
    fiona, olivia, again = sign_in("fiona"), sign_in("olivia"), reverse("admin:upload-again", args=[upload.pk])
    page = reverse("admin:upload-detail", args=[upload.pk])
    assert "Try the same file again" in fiona.get(page).content.decode()
    assert "#results-title" in fiona.get(page).content.decode()
    assert "Try the same file again" not in olivia.get(page).content.decode()
    assert '<span class="rs-badge rs-badge-failed">refused</span>' in fiona.get("/console/payouts/").content.decode()
    assert olivia.post(again).status_code == 403
    assert olivia.post(reverse("admin:job-retry", args=[run.pk])).status_code == 403
    assert fiona.post(again).status_code == 302
    live = Run.objects.get(subject=f"upload:{upload.pk}", state="queued")
    assert fiona.post(reverse("admin:job-stop", args=[live.pk])).status_code == 302
    api = f"/api/v1/runs/{live.pk}"
    assert olivia.post(f"{api}/retry", {}, content_type="application/json").status_code == 403
    assert fiona.post(f"{api}/retry", {}, content_type="application/json").json()["state"] == "queued"
    assert Upload.objects.count() == len({item.sha256 for item in Upload.objects.all()})
    sales, failed = take_in("shop.csv", "sales", b"order\n1\n", market.act("olivia"))
    assert fiona.post(reverse("admin:upload-again", args=[sales.pk])).status_code == 403
    assert fiona.post(reverse("admin:job-retry", args=[failed.pk])).status_code == 403
