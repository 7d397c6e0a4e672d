"""`advances`, `debts`, `deficits` and `payouts pay-in` on the command line: what they say, and what they refuse."""

import json
from typing import Any

import pytest
from django.core.management import call_command
from django.core.management.base import CommandError

from revshare.access.operations import create_user
from tests.recoupments.stories import CAP, RESERVE, M, clean, month, shop
from tests.stories import Story


@pytest.fixture
def people(story: Story, settings: Any) -> Story:
    settings.PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]
    shop(story, CAP, RESERVE)
    month(story, 1)
    for name, role in (("olivia", "operator"), ("adam", "approver"), ("fiona", "finance")):
        create_user(name=name, roles=[role], contributor_id=None, password="x", act=story.act())
    own = create_user(
        name="ann", roles=["approver", "contributor"], contributor_id="ann", password="x", act=story.act()
    )
    assert own.contributor_id == "ann"
    return story


def told(capsys: pytest.CaptureFixture[str], *args: str) -> Any:
    call_command(*args, "--json")
    return json.loads(capsys.readouterr().out.splitlines()[-1])


def refusal(capsys: pytest.CaptureFixture[str], *args: str) -> str:
    with pytest.raises(SystemExit) as caught:
        call_command(*args)
    assert caught.value.code == 1
    return capsys.readouterr().err


def test_an_advance_is_asked_for_by_finance_and_granted_by_another(
    people: Story, capsys: pytest.CaptureFixture[str]
) -> None:
    why = ("--reason", "a new camera")
    grant = ("advances", "grant", "ann", "USD", "250.00", *why)
    assert "may not ask_for_advance" in refusal(capsys, *grant, "--by", "adam")
    assert "no amount" in refusal(capsys, "advances", "grant", "ann", "USD", "1,000", *why, "--by", "fiona")
    assert "takes a reason" in refusal(capsys, *grant[:5], "--by", "fiona")
    made = told(capsys, *grant, "--by", "fiona", "--starts", "2099-01-01")
    assert (made["state"], made["amount_micros"], made["starts_on"]) == ("asked", 250 * M, "2099-01-01")
    number = str(made["debt"])
    assert "may not decide_advance" in refusal(capsys, "advances", "approve", number, *why, "--by", "fiona")
    assert "is ann's own" in refusal(capsys, "advances", "approve", number, *why, "--by", "ann")
    assert told(capsys, "advances", "approve", number, *why, "--by", "adam")["left_micros"] == 250 * M
    call_command("advances", "list", "--by", "olivia")
    assert capsys.readouterr().out == (
        f"{number}: advance of USD 250.00 (250,000,000 micros) to ann: booked, USD 250.00 (250,000,000 micros) left; "
        "taken back from 2099-01-01 on\n"
    )
    off = ("debts", "write-off", number, "--reason", "gone")
    assert "may not write_off_debt" in refusal(capsys, *off, "--by", "fiona")
    assert told(capsys, *off, "--by", "adam")["state"] == "written_off"
    with pytest.raises(CommandError, match="needs CONTRIBUTOR CURRENCY AMOUNT"):
        call_command("advances", "grant", "ann")
    clean()


def test_what_is_below_zero_is_booked_and_why_says_so(people: Story, capsys: pytest.CaptureFixture[str]) -> None:
    people.move("correction", "c1", ("payable:ben", "USD", "D", 7 * M), ("platform", "USD", "C", 7 * M))
    booked = told(capsys, "debts", "book", "ben", "USD", "--reason", "refunds", "--by", "fiona", "--notice-days", "0")
    assert (booked["kind"], booked["left_micros"]) == ("overpayment", 2_500_000)  # of 5, a tenth is in reserve
    assert [row["debt"] for row in told(capsys, "debts", "list")["debts"]] == [booked["debt"]]
    [account] = told(capsys, "payouts", "why", "--contributor", "ben")["accounts"]
    assert [note["code"] for note in account["notes"]] == ["reserve", "debt"]
    call_command("payouts", "why", "--contributor", "ben")
    assert capsys.readouterr().out.endswith(
        " Besides, 0.50 USD is held in reserve, and comes back in later cycles. "
        "2.50 USD is owed, and is taken back of what later cycles earn.\n"
    )


def test_an_account_that_is_empty_is_listed_for_its_reserve(people: Story, capsys: pytest.CaptureFixture[str]) -> None:
    people.move("payment", "p1", ("payable:ben", "USD", "D", 4_500_000), ("bank", "USD", "C", 4_500_000))
    month(people, 2, sold="")
    [account] = told(capsys, "payouts", "why", "--contributor", "ben")["accounts"]
    assert (account["balance_micros"], account["notes"][0]["code"]) == (0, "reserve")


def test_finance_says_in_which_currency_somebody_is_paid(people: Story, capsys: pytest.CaptureFixture[str]) -> None:
    args = ("payouts", "pay-in", "--contributor", "ann", "--currency", "EUR", "--reason", "a letter")
    assert "may not set_payout_currency" in refusal(capsys, *args, "--by", "adam")
    assert told(capsys, *args, "--by", "fiona")["currency"] == "EUR"
    [account] = told(capsys, "payouts", "why", "--contributor", "ann")["accounts"]
    assert (account["pays_in"], account["reasons"][0]["code"]) == ("EUR", "rate_missing")


def test_deficits_are_listed_with_their_age(people: Story, capsys: pytest.CaptureFixture[str]) -> None:
    call_command("deficits")
    assert capsys.readouterr().out == "No pool owes anything.\n"
    people.sales(("r1", "2026-02-15T00:00:00Z", "m", "USD", "-130"))
    month(people, 2)
    [row] = told(capsys, "deficits")["deficits"]
    assert (row["pool"], row["amount_micros"], row["since_cycle"], row["cycles"]) == (
        "default · m · USD",
        30 * M,
        "2026-02",
        1,
    )
