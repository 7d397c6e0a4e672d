"""Account: language, letters, own data, deletion."""

import csv
import io
import json
import zipfile
from typing import Any

import pytest
from django.core.management import call_command
from django.db import connection
from django.test import Client

from revshare.access.models import User
from revshare.audit_trail.models import Event
from revshare.contributors.models import Contributor
from revshare.mail.letters import unsubscribe_path
from revshare.mail.models import Preference
from revshare.personal.models import DeletionDecision
from revshare.personal.queries import TABLES
from tests.portal.conftest import ANN, BEN, MAY_KEY, NAMES, Marketplace

pytestmark = pytest.mark.django_db
# Tables that name a contributor and are not handed out as they are: the statements and works above say it all.
SAID_OTHERWISE = {
    "ledger_entry", "ledger_account", "ledger_roll", "manifests_roll", "manifests_weight_page", "allocation_passed_on", "allocation_rest", "allocation_held_release",
    "allocation_allocation", "measures_output", "payouts_hold", "payouts_currency", "restatements_line",
    "restatements_step", "access_user", "statements_statement", "recoupments_step", "recoupments_recouped", "statements_moved",
    "reviews_finding",
}  # fmt: skip


def test_language_and_letters_are_kept_and_letters_can_be_left_by_one_click(marketplace: Marketplace) -> None:
    ann = marketplace.client("ann")
    saved = ann.post("/account/", {"language": "de", "action_needed": "1"})
    assert saved.headers["Location"] == "/account/"
    wish = Preference.objects.get(pk=ANN)
    assert (wish.language, wish.unwanted) == ("de", ["statement_published"])
    page = ann.get("/account/").content.decode()
    assert '<html lang="de">' in page
    assert "Meine Daten herunterladen" in page
    # In another browser the account's language; by the address another one, kept there.
    other = marketplace.client("ann")
    assert '<html lang="de">' in other.get("/claims/").content.decode()
    moved = other.get("/claims/?before=7&language=fr")
    assert moved.headers["Location"] == "/claims/?before=7"
    assert '<html lang="fr">' in other.get("/claims/").content.decode()
    # Mail programs send the click by themselves: without a session, without a token of a form.
    stranger, place = Client(enforce_csrf_checks=True), unsubscribe_path(ANN, "action_needed")
    assert stranger.get(place).status_code == 200
    assert Preference.objects.get(pk=ANN).unwanted == ["statement_published"]
    assert stranger.post(place, {"List-Unsubscribe": "One-Click"}).status_code == 200
    assert Preference.objects.get(pk=ANN).unwanted == ["action_needed", "statement_published"]
    for forged in (place[:-3] + "x/", unsubscribe_path(ANN, "security"), "/letters/leave/x/"):
        assert stranger.post(forged).status_code == 404
    for asked, given in (("ja,en;q=0.5", "ja"), ("pt-BR", "en"), ("es-MX", "es")):
        page = Client(headers={"accept-language": asked}).get("/published/").content.decode()
        assert f'<html lang="{given}">' in page
    moved = Client().get("/?language=de", PATH_INFO="//example.com/")
    assert moved.headers["Location"] == "/example.com/"


def test_own_data_is_all_that_is_held_and_nobody_elses(marketplace: Marketplace) -> None:
    ann = marketplace.client("ann")
    ann.post("/decisions/new/", {"decision": "opt_out", "asset_id": "a2"})
    response = ann.get("/account/my-data.zip")
    with zipfile.ZipFile(io.BytesIO(response.content)) as archive:
        assert set(archive.namelist()) == {"README.txt", "works.csv"} | {
            f"{name}.{form}" for name in TABLES for form in ("csv", "json")
        }
        everything = "".join(archive.read(name).decode() for name in archive.namelist())
        statements = json.loads(archive.read("statements.json"))
        works = list(csv.reader(io.StringIO(archive.read("works.csv").decode())))
        decisions = json.loads(archive.read("decisions.json"))
    assert [row["number"] for row in statements] == [marketplace.numbers[ANN, MAY_KEY]]  # June's is a draft
    assert [row[:3] for row in works[1:]] == [["a1", "d@1", "m"], ["a2", "d@1", "m"]]
    assert [row["decision"] for row in decisions] == ["opt_out"]
    assert NAMES[ANN] in everything
    for foreign in (BEN, NAMES[BEN], marketplace.numbers[BEN, MAY_KEY], "pbkdf2", "md5$"):
        assert foreign not in everything
    assert Event.objects.filter(action="data.taken", object=f"contributor:{ANN}", actor="ann").exists()
    for person in ("operator", "nobody"):
        assert marketplace.client(person).get("/account/my-data.zip").status_code == 403
    assert marketplace.client("stranger").get("/account/my-data.zip").status_code == 302


def test_no_table_that_names_a_contributor_is_forgotten() -> None:
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT table_name FROM information_schema.columns WHERE table_schema = 'public' "
            "AND column_name IN ('contributor_id', 'contributors', 'claimant_id', 'payee_id') AND table_name !~ '_[0-9]+$'"
        )
        named = {name for (name,) in cursor.fetchall()}
    handed_out = {name for name in named if any(f" {name} " in f"{sql} " for sql in TABLES.values())}
    assert named - handed_out <= SAID_OTHERWISE


def test_a_deletion_is_asked_decided_by_another_and_leaves_the_ledger(
    marketplace: Marketplace, story: Any, capsys: Any
) -> None:
    Contributor.objects.filter(pk=ANN).update(email="ann@example.com", country="DE")
    ann = marketplace.client("ann")
    before = marketplace.statement(ANN, MAY_KEY).closing_micros
    assert "You cannot sign in any more" in ann.get("/account/delete/").content.decode()
    assert ann.post("/account/delete/", {"text": "I am leaving."}).headers["Location"] == "/account/"
    assert "A person will decide it." in ann.get("/account/").content.decode()
    assert ann.post("/account/delete/", {}).status_code == 422
    call_command("deletions", "list", "--json")
    [waiting] = json.loads(capsys.readouterr().out.splitlines()[-1])["requests"]
    call_command("deletions", "refuse", str(waiting["request"]), "--reason", "owed money", "--by", "approver")
    page = ann.get("/account/").content.decode()
    assert "refused" in page
    assert "owed money" in page
    assert ann.post("/account/delete/", {"text": "Again."}).status_code == 302
    approver = marketplace.client("approver")
    page = approver.get("/staff/deletions/").content.decode()
    assert "Again." in page
    assert "I am leaving." not in page
    number = page.split('name="number" value="')[1].split('"')[0]
    for person in ("ann", "operator", "finance"):
        asked = marketplace.client(person).post(
            "/staff/deletions/", {"number": number, "outcome": "granted", "reason": "x"}
        )
        assert asked.status_code == 403
    for wrong in ({"outcome": "granted", "reason": " "}, {"outcome": "maybe", "reason": "x"}, {"number": "9" * 30}):
        assert approver.post("/staff/deletions/", {"number": number} | wrong).status_code == 422
    assert DeletionDecision.objects.count() == 1
    granted = {"number": number, "outcome": "granted", "reason": "as asked"}
    assert approver.post("/staff/deletions/", granted).status_code == 302
    gone = Contributor.objects.get(pk=ANN)
    assert (gone.name, gone.email, gone.country) == ("", "", "")
    user = User.objects.get(contributor_id=ANN)
    assert (user.is_active, user.has_usable_password(), user.username.startswith("deleted-")) == (False, False, True)
    assert ann.get("/").status_code == 302  # the session is over
    assert marketplace.statement(ANN, MAY_KEY).closing_micros == before
    assert Event.objects.filter(action="deletion.granted", actor="approver").exists()
    # A file that comes later does not bring the name back, and is no conflict.
    report = story.take("contributors", ("contributor_id", "contributor_name"), [(ANN, "Ann again"), ("zed", "Zed")])
    assert report.file.rows_quarantined == 0
    assert Contributor.objects.get(pk=ANN).name == ""
