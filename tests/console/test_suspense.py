"""Money in suspense in the console and by the command: listed with its age, matched by operators only."""

import json

import pytest
from django.core.management import call_command
from django.test import Client

from revshare.cycles.models import Cycle
from revshare.pools.models import Match
from tests.console.conftest import SignIn
from tests.stories import Story

pytestmark = pytest.mark.django_db
GIVEN = {"kind": "model", "name": "<b>M", "stands_for": "m", "reason": "a typo"}


@pytest.fixture
def waiting(cycles: dict[str, Cycle], market: Story) -> None:
    market.sales(("w", "2026-06-11T00:00:00Z", "<b>M", "USD", "7.00"))
    market.calculate("june")


def test_staff_see_what_waits_and_only_an_operator_matches(waiting: None, sign_in: SignIn) -> None:
    for name in ("olivia", "adam", "fiona"):
        page = sign_in(name).get("/console/suspense/").content.decode()
        assert "default · &lt;b&gt;M · USD" in page
        assert "1.40 USD" in page
        assert ("Match &lt;b&gt;M" in page) is (name == "olivia")
    for name in ("adam", "fiona", "carl", "nobody"):
        assert sign_in(name).post("/console/suspense/match/", GIVEN).status_code == 403
    assert sign_in("carl").get("/console/suspense/").status_code == 403
    assert Client().get("/console/suspense/").status_code == 302
    assert not Match.objects.exists()
    refused = sign_in("olivia").post("/console/suspense/match/", GIVEN | {"stands_for": "nothing"}, follow=True)
    assert "is not known" in refused.content.decode()
    done = sign_in("olivia").post("/console/suspense/match/", GIVEN, follow=True).content.decode()
    assert "stands for m from the next lock on" in done
    assert Match.objects.get().matched_by == "olivia"
    assert "Match &lt;b&gt;M" not in done


def test_nothing_waits(cycles: dict[str, Cycle], sign_in: SignIn) -> None:
    assert "Nothing is in suspense" in sign_in("fiona").get("/console/suspense/").content.decode()


def test_the_command_lists_and_matches(waiting: None, capsys: pytest.CaptureFixture[str]) -> None:
    call_command("suspense", "list", "--json")
    [row] = json.loads(capsys.readouterr().out.splitlines()[-1])["waiting"]
    assert (row["cycle"], row["name"], row["amount_micros"], row["stands_for"]) == ("june", "<b>M", 1_400_000, "")
    call_command("suspense", "match", "model", "<b>M", "m", "--reason", "a typo", "--by", "olivia", "--json")
    told = json.loads(capsys.readouterr().out.splitlines()[-1])
    assert (told["stands_for"], told["no_op"]) == ("m", False)
    call_command("suspense", "list")
    assert "matched with m" in capsys.readouterr().out
