"""Void files and restatements in the console and by command: who may do what, and that it is said."""

import csv
import json
import re
from pathlib import Path

import pytest
from django.core.management import call_command
from django.test import Client

from revshare.cycles.models import Cycle
from revshare.files.models import IngestedFile, Void
from revshare.restatements.models import Restatement
from revshare.runs.models import Run
from revshare.tasks import perform
from tests.console.conftest import SignIn
from tests.stories import Story

pytestmark = pytest.mark.django_db
LATE = {"cycle": "april", "late": "on"}


@pytest.fixture
def late(cycles: dict[str, Cycle], market: Story) -> None:
    """A sale of April came after May was closed."""
    market.sales(("s9", "2026-04-20T00:00:00Z", "m", "USD", "20.00"))


def said(capsys: pytest.CaptureFixture[str]) -> dict[str, object]:
    return dict(json.loads(capsys.readouterr().out.splitlines()[-1]))


def test_a_restatement_from_draft_to_posting(late: None, sign_in: SignIn) -> None:
    for name in ("adam", "fiona", "carl", "nobody"):
        assert sign_in(name).post("/console/restatements/draft/", LATE).status_code == 403
    assert "No cycle was restated" in sign_in("fiona").get("/console/restatements/").content.decode()
    page = sign_in("olivia").post("/console/restatements/draft/", LATE, follow=True).content.decode()
    assert "Cycle april is being computed again: nothing is posted by that." in page
    assert "Asked for by olivia." in page
    again = sign_in("olivia").post("/console/restatements/draft/", LATE, follow=True).content.decode()
    assert "being computed again already: olivia started it" in again
    run = Run.objects.get(step="restate")
    perform(run.pk)
    made = Restatement.objects.get()
    assert Run.objects.get(pk=run.pk).outcome == {"restatement": made.pk, "key": "april/1", "digest": made.digest}
    place = f"/console/restatements/{made.pk}/"
    page = sign_in("olivia").get(place).content.decode()
    assert "This takes an approver." in page
    for words in ("late sales and refunds", "18.00 USD", "3.00 USD", "To contributors"):
        assert words in page
    assert sign_in("olivia").post(f"{place}approve/").status_code == 403
    assert sign_in("adam").post(f"{place}post/").status_code == 403
    stale = sign_in("adam").post(f"{place}approve/", {"digest": "0" * 64}, follow=True).content.decode()
    assert "look at it again" in stale
    done = sign_in("adam").post(f"{place}approve/", {"digest": made.digest}, follow=True).content.decode()
    assert "is approved" in done
    posted = sign_in("fiona").post(f"{place}post/", follow=True).content.decode()
    assert "is posted as journal" in posted
    assert re.search(r"<dt>Posted</dt>\s*<dd>by fiona", posted)
    listed = sign_in("adam").get("/console/restatements/").content.decode()
    assert "april/1" in listed
    rows = b"".join(sign_in("fiona").get(f"{place}lines.csv")).decode().splitlines()
    assert "contributor,ann,USD,default,m,,,,15000000,18000000,3000000" in rows
    for address in ("/console/restatements/", place, f"{place}lines.csv"):
        assert sign_in("carl").get(address).status_code == 403
        assert Client().get(address).status_code == 302


def test_a_worker_that_takes_over_finds_the_draft_of_the_one_that_died(late: None, sign_in: SignIn) -> None:
    sign_in("olivia").post("/console/restatements/draft/", LATE)
    run = Run.objects.get(step="restate")
    perform(run.pk)
    Run.objects.filter(pk=run.pk).update(state="running", lease_until=run.requested_at, outcome={})
    perform(run.pk)
    run.refresh_from_db()
    assert (run.state, run.attempts, run.outcome["key"]) == ("done", 2, "april/1")
    assert Restatement.objects.count() == 1


def test_what_a_worker_is_refused_for_is_on_the_page(late: None, sign_in: SignIn, market: Story) -> None:
    market.sales(("s8", "2026-04-21T00:00:00Z", "unheard", "USD", "20.00"))
    client = sign_in("olivia")
    client.post("/console/restatements/draft/", LATE)
    perform(Run.objects.get(step="restate").pk)
    page = client.get("/console/restatements/").content.decode()
    assert "The last draft was refused" in page
    assert "decide what waits first" in page


def test_chosen_files_and_sales(late: None, sign_in: SignIn, market: Story) -> None:
    market.sales(
        ("s 10", "2026-04-21T00:00:00Z", "m", "USD", "5.00"), ("s11", "2026-04-21T00:00:00Z", "m", "USD", "7.00")
    )
    file = IngestedFile.objects.filter(kind="sales").latest("pk").pk - 1
    given = {"cycle": "april", "late_files": f" {file} ", "late_sales": "s 10\r\n\r\n"}
    sign_in("olivia").post("/console/restatements/draft/", given)
    perform(Run.objects.get(step="restate").pk)
    made = Restatement.objects.get()
    assert (made.words, made.totals["USD"]["sales"]) == (
        f"late file {file}, late sale s 10", [-100_000_000, -125_000_000],
    )  # fmt: skip


def test_what_cannot_be_is_said(late: None, sign_in: SignIn) -> None:
    client = sign_in("olivia")
    for given, words in (
        ({"cycle": "may", "late": "on"}, "only a published cycle"), ({"cycle": "april"}, "Say what is to be different"),
        ({"cycle": "april", "policy": "999"}, "not registered"), ({"cycle": "april", "void": "x"}, "is not the number"),
        ({"cycle": "april", "late_files": "x"}, "is not the number"), ({"cycle": "april", "late_files": "99"}, "no file 99"),
        (LATE | {"late_sales": "s9"}, "leave out"), ({"cycle": "april", "manifests": "ds@1"}, "OLD=NEW"), ({"cycle": "april", "manifests": "ds@1=ds@9"}, "ds@9"),
    ):  # fmt: skip
        assert words in client.post("/console/restatements/draft/", given, follow=True).content.decode()
    assert client.get("/console/restatements/99/").status_code == 404
    assert not Restatement.objects.exists()


def test_a_file_is_voided_by_an_operator(cycles: dict[str, Cycle], sign_in: SignIn) -> None:
    file = IngestedFile.objects.get(kind="sales")
    place = f"/console/files/{file.pk}/"
    assert "This file should not have come" in sign_in("olivia").get(place).content.decode()
    assert "This file should not have come" not in sign_in("adam").get(place).content.decode()
    for name in ("adam", "fiona", "carl"):
        assert sign_in(name).post(f"{place}void/", {"reason": "in cents"}).status_code == 403
    assert "Say why" in sign_in("olivia").post(f"{place}void/", follow=True).content.decode()
    page = sign_in("olivia").post(f"{place}void/", {"reason": "in cents"}, follow=True).content.decode()
    assert "olivia said: in cents" in page
    assert "Closed with its sales: april, may" in page
    assert Void.objects.get().voided_by == "olivia"


def test_chosen_by_command(late: None, market: Story, capsys: pytest.CaptureFixture[str]) -> None:
    file = IngestedFile.objects.filter(kind="sales").latest("pk").pk
    market.sales(
        ("s10", "2026-04-21T00:00:00Z", "m", "USD", "5.00"), ("s11", "2026-04-21T00:00:00Z", "m", "USD", "7.00")
    )
    chosen = ["--late-file", str(file), "--late-sale", "s11"]
    call_command("restate", "april", *chosen, "--by", "olivia", "--json")
    drafted = said(capsys)
    assert drafted["words"] == f"late file {file}, late sale s11"
    assert Restatement.objects.get().totals["USD"]["sales"] == [-100_000_000, -127_000_000]


def test_by_command(late: None, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = IngestedFile.objects.filter(kind="sales").earliest("pk").pk
    call_command("files", "void", str(file), "--reason", "in cents", "--by", "olivia", "--json")
    assert said(capsys)["cycles"] == ["april", "may"]
    call_command("files", "list")
    assert "void: in cents" in capsys.readouterr().out
    call_command("restate", "april", "--void", str(file), "--late", "--by", "olivia", "--json")
    drafted = said(capsys)
    assert (drafted["restatement"], drafted["state"]) == ("april/1", "draft")
    call_command("restatements", "show", "april/1")
    assert "ann  default · m · USD: USD 15.00 (15,000,000 micros) -> USD 3.00" in capsys.readouterr().out
    call_command("restatements", "approve", "april/1", "--by", "adam", "--digest", str(drafted["digest"]))
    call_command("restatements", "post", "april/1", "--by", "fiona")
    assert "is posted as journal" in capsys.readouterr().out
    call_command("restatements", "list", "--json")
    assert [item["state"] for item in said(capsys)["restatements"]] == ["posted"]  # type: ignore[attr-defined]
    out = tmp_path / "lines.csv"
    call_command("restatements", "export", "april/1", "--out", str(out))
    rows = list(csv.DictReader(out.open()))
    assert sum(int(row["difference_micros"]) for row in rows) == 0
    assert {row["contributor_id"]: row["new_micros"] for row in rows if row["bucket"] == "contributor"} == {
        "ann": "3000000", "ben": "1000000",
    }  # fmt: skip
