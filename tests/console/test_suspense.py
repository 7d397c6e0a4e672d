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


def test_what_no_match_lets_out_is_shared_by_an_operator_and_settled_by_an_approver(
    cycles: dict[str, Cycle], market: Story, sign_in: SignIn, capsys: pytest.CaptureFixture[str]
) -> None:
    given = {"model": "", "reason": "the report came late"}
    market.sales(("w", "2026-06-11T00:00:00Z", "<b>M", "USD", "7.00"))
    market.calculate("june")
    number = only_number(capsys)
    page = sign_in("adam").get("/console/suspense/").content.decode()
    assert "Give it to" in page
    assert "Share in the next cycle" not in page  # nobody can share what nobody knows
    for name in ("olivia", "fiona", "carl"):
        assert sign_in(name).post(f"/console/suspense/{number}/settle/", {"to": "platform"}).status_code == 403
    for name in ("adam", "fiona", "carl"):
        assert sign_in(name).post(f"/console/suspense/{number}/share/", given).status_code == 403
    refused = sign_in("olivia").post(f"/console/suspense/{number}/share/", given, follow=True)
    assert "match the name with one that is" in refused.content.decode()
    call_command("suspense", "commons", str(number), "--by", "adam", "--reason", "nobody will come")
    assert "went to commons, by journal" in capsys.readouterr().out
    done = sign_in("adam").post(f"/console/suspense/{number}/settle/", {"to": "platform", "reason": "x"}, follow=True)
    assert "Nothing waits in suspense as" in done.content.decode()
    assert "<td" in sign_in("fiona").get("/console/revshare/suspensedecision/").content.decode()


def only_number(capsys: pytest.CaptureFixture[str]) -> int:
    call_command("suspense", "list", "--json")
    [row] = json.loads(capsys.readouterr().out.splitlines()[-1])["waiting"]
    return int(row["number"])
