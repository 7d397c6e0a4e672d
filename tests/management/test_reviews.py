"""`cycle review`, `override`, `stop` and `mappings` on the command line; the same over the API."""

import json
from pathlib import Path
from typing import Any

import pytest
from django.core.management import call_command
from django.test import Client

from revshare.access.models import User
from revshare.access.operations import create_user
from tests.reviews.conftest import calculate, market, release, sell
from tests.stories import Story


@pytest.fixture
def april(story: Story, settings: Any) -> Story:
    """A month with one buyer too many, calculated and not reviewed."""
    settings.PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]
    market(story)
    for name, role in (("olivia", "operator"), ("adam", "approver")):
        create_user(name=name, roles=[role], contributor_id=None, password="x", act=story.act())
    for number in (1, 2, 3):
        sell(story, number, ("k1", "m", "60.00"), ("k2", "m", "40.00"))
        release(story, calculate(story, number))
    sell(story, 4, ("k1", "m", "61.00"), ("k2", "m", "1200.00"))
    calculate(story, 4)
    return story


def told(capsys: pytest.CaptureFixture[str], *args: str) -> Any:
    call_command(*args, "--json")
    return json.loads(capsys.readouterr().out.splitlines()[-1])


def refusal(capsys: pytest.CaptureFixture[str], *args: str) -> str:
    with pytest.raises(SystemExit) as caught:
        call_command(*args)
    assert caught.value.code == 1
    return capsys.readouterr().err


def test_the_command_and_the_api(april: Story, capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    target = tmp_path / "difference.csv"
    review = told(capsys, "cycle", "review", "2026-04", "--by", "olivia", "--csv", str(target))
    assert (review["before"], review["open"], len(review["findings"])) == ("2026-03", 4, 4)
    [usd] = review["differences"]
    assert (usd["before_micros"], usd["after_micros"], usd["paid_after"]) == (20_000_000, 252_200_000, 40)
    assert target.read_text().count("\n") == 41
    call_command("cycle", "submit", "2026-04", "--by", "olivia")
    assert "4 findings keep cycle 2026-04" in refusal(capsys, "cycle", "approve", "2026-04", "--by", "adam")
    why = ("--by", "adam", "--reason", "k2 was asked")
    assert "Say why" in refusal(capsys, "cycle", "override", "2026-04", "1", "--by", "adam")
    assert "may not decide_finding" in refusal(capsys, "cycle", "override", "2026-04", "1", "--by", "olivia")
    assert told(capsys, "cycle", "override", "2026-04", "1", *why)["open"] == 3
    told(capsys, "cycle", "stop", "2026-04", "2", *why)
    call_command("cycle", "review", "2026-04")
    shown = capsys.readouterr().out
    for line in ("  1  overridden", "  2  STOPPED", "  3  open", "USD 20.00 (20,000,000 micros) → USD 252.20"):
        assert line in shown, line

    adam = Client()
    adam.force_login(User.objects.get(username="adam"))
    read = adam.get("/api/v1/cycles/2026-04/review").json()
    assert [item["decision"] for item in read["findings"]] == ["override", "stop", "", ""]
    assert read["differences"][0]["after_micros"] == "252200000"
    for number in (2, 3, 4):
        answer = adam.post(f"/api/v1/cycles/2026-04/findings/{number}/override", {"reason": "agreed"},
                           content_type="application/json")  # fmt: skip
        assert answer.status_code == 200
    call_command("cycle", "approve", "2026-04", "--by", "adam")
    assert "2026-04 is approved" in capsys.readouterr().out


def test_mappings(april: Story, capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    saved = told(capsys, "mappings", "save", "shop", "sales", "Order=sale_id", "a=b=currency", "--by", "olivia")
    assert saved["columns"] == {"Order": "sale_id", "a=b": "currency"}
    assert told(capsys, "mappings", "list")["mappings"] == [
        {"name": "shop", "kind": "sales", "columns": saved["columns"]}
    ]
    path = tmp_path / "shop.csv"
    path.write_text("Order,sold_at,stream,model,a=b,gross_amount\nx1,2026-05-02T00:00:00Z,generation,m,USD,5.00\n")
    taken = told(capsys, "ingest", "sales", str(path), "--mapping", "shop", "--by", "olivia")
    assert (taken["accepted"], taken["mapping"]) == (1, "shop")
    assert "There is no mapping called" in refusal(capsys, "ingest", "sales", str(path), "--mapping", "store")
