"""An account claimed by an invitation: once, in time, by whoever has the link."""

import json
from datetime import timedelta
from typing import Any

import pytest
import time_machine
from django.conf import settings
from django.core.management import call_command
from django.test import Client
from django.utils import timezone

from revshare.access.models import User
from revshare.audit_trail.models import Event
from revshare.contributors.models import Contributor
from revshare.invitations.models import Invitation
from tests.portal.conftest import CY, Marketplace

pytestmark = pytest.mark.django_db
WORDS = "a long and quiet river"


def form(name: str = "walt", password: str = WORDS, again: str = "") -> dict[str, str]:
    return {"name": name, "password": password, "again": again or password}


def invited(marketplace: Marketplace, capsys: Any, contributor: str = "walt-7") -> str:
    """The path of a new link."""
    call_command("invite", contributor, "--email", "walt@example.com", "--by", "operator", "--json")
    return json.loads(capsys.readouterr().out.splitlines()[-1])["link"].removeprefix(settings.REVSHARE_SITE_URL)


def test_an_unclaimed_account_is_claimed_once(marketplace: Marketplace, story: Any, capsys: Any) -> None:
    story.attributions(("f@1", "w", "walt-7"))
    assert Contributor.objects.get(pk="walt-7").unclaimed
    old, place = invited(marketplace, capsys), invited(marketplace, capsys)
    assert Client().get(old).status_code == 404  # a newer one ends it
    token = place.strip("/").rpartition("/")[2]
    stored = str(list(Invitation.objects.values()))
    assert token not in stored
    with time_machine.travel(timezone.now() + timedelta(days=15)):
        assert "too old" in Client().post(place, form()).content.decode()
    assert not User.objects.filter(contributor_id="walt-7").exists()
    browser = Client()
    assert "walt-7" in browser.get(place).content.decode()
    for wrong, words in (
        (form(again="another one here"), "not the same"),
        (form(name="a b"), "A user name has"),
        (form(name="ann"), "already"),
        (form(password="password"), "too common"),
        (form(password="short"), "too short"),
    ):
        response = browser.post(place, wrong)
        assert response.status_code == 422
        assert words in response.content.decode()
    assert browser.post(place, form()).headers["Location"] == "/"
    assert browser.get("/works/").status_code == 200  # signed in, and a contributor
    walt = Contributor.objects.get(pk="walt-7")
    assert (walt.unclaimed, walt.email) == (False, "walt@example.com")
    user = User.objects.get(username="walt")
    assert (user.roles, user.contributor_id, user.email) == (["contributor"], "walt-7", "walt@example.com")
    assert Client().post(place, form(name="thief")).status_code == 404
    assert Client().get(place).status_code == 404
    assert [event.actor for event in Event.objects.filter(action__startswith="invitation.").order_by("seq")] == [
        "operator", "operator", "walt",
    ]  # fmt: skip
    assert not User.objects.filter(username="thief").exists()


def test_only_operators_invite_and_only_whom_it_makes_sense_to(marketplace: Marketplace, story: Any) -> None:
    story.take(
        "contributors",
        ("contributor_id", "contributor_name", "email"),
        [("eve", "", "eve@example.com"), ("fay", "", "")],
    )
    operator = marketplace.client("operator")
    for contributor, email, words in (
        ("none", "", "There is no contributor"), (CY, "", "has an account already"), ("fay", "", "No usable e-mail"),
        ("eve", "not an address", "No usable e-mail"),
    ):  # fmt: skip
        response = operator.post("/staff/invitations/", {"contributor_id": contributor, "email": email})
        assert response.status_code == 422
        assert words in response.content.decode().replace("&#x27;", "'")
    shown = operator.post("/staff/invitations/", {"contributor_id": "eve"}).content.decode()
    assert "/invitations/" in shown.split('class="hash">')[1]
    assert 'class="hash">' not in operator.get("/staff/invitations/").content.decode()
    made = operator.post("/api/v1/invitations/", json.dumps({"contributor_id": "eve"}), content_type="application/json")
    assert made.status_code == 201
    assert made.json()["link"].startswith(f"{settings.REVSHARE_SITE_URL}/invitations/")
    for person in ("ann", "approver", "finance", "nobody"):
        assert marketplace.client(person).get("/staff/invitations/").status_code == 403
