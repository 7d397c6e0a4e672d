"""`payouts` on the command line: from what is payable to what the bank said, with what it refuses."""

from pathlib import Path

import pytest

from tests.conftest import World
from tests.management.test_commands import refusal
from tests.small import FILES, PERIOD, staff, write_files

PAYEES = "contributor_id,contributor_name,payee_id\nann,Ann,P-ann\nben,Ben,P-ben\n"
PAYOUT = '[payout]\nminimum = {USD = "10.00"}\n'


@pytest.fixture(scope="module")
def published(module_world: World, tmp_path_factory: pytest.TempPathFactory) -> World:
    """Ann has 15 dollars, Ben 5; the minimum is 10."""
    folder = tmp_path_factory.mktemp("payouts")
    staff(module_world)
    files = write_files(folder / "in", contributors=PAYEES, policy=FILES["policy.toml"] + PAYOUT)
    people = ("--prepared-by", "olivia", "--approved-by", "adam")
    module_world.manage("run_cycle", "june", *PERIOD, "--from", files, *people)
    return module_world


def test_a_payment_from_the_balance_to_the_bank_and_back(published: World, tmp_path: Path) -> None:
    told = published.manage("payouts", "why").stdout.splitlines()
    assert told == [
        "ann: 15.00 USD, payable 15.00",
        "ben: 5.00 USD, not yet: 5.00 USD short of the minimum payout of 10.00. By its last cycles it gets there on 2026-08-01.",
    ]  # fmt: skip
    batch = published.json("payouts", "prepare", "--currency", "USD", "--by", "fiona")
    assert (batch["state"], batch["payments"], batch["total"]) == ("draft", 1, "15.00")
    which = ("--batch", str(batch["batch"]))
    register = tmp_path / "register.csv"
    for args, said in (
        (("prepare", "--currency", "USD", "--by", "fiona"), "Nothing is payable in USD"),
        (("prepare", "--currency", "USD", "--by", "olivia"), "olivia is operator and may not prepare_payouts"),
        (("approve", *which, "--digest", batch["digest"], "--by", "fiona"), "fiona is finance and may not approve"),
        (("approve", *which, "--digest", "0", "--by", "adam"), "another digest"),
        (("export", *which, "--out", register, "--by", "fiona"), "it must be approved"),
    ):  # fmt: skip
        assert said in refusal(published, "payouts", *args)
    assert not register.exists()
    published.manage("payouts", "approve", *which, "--digest", batch["digest"], "--by", "adam")
    published.manage("payouts", "export", *which, "--out", register, "--by", "fiona")
    first = register.read_bytes()
    published.manage("payouts", "export", *which, "--out", register, "--by", "fiona")
    assert register.read_bytes() == first
    key = first.decode().splitlines()[1].split(",")[0]
    assert first.decode().splitlines()[1] == f"{key},ann,P-ann,Ann,USD,15.00,june-000000001,USD,15.00,,,"
    bank = tmp_path / "bank.csv"
    bank.write_text(f"payment_key,result,date,reference\n{key},paid,2026-07-02,B1\n")
    assert "may not book_payments" in refusal(published, "payouts", "results", bank, "--by", "adam")
    assert published.json("payouts", "results", bank, "--by", "fiona")["booked_paid"] == 1
    assert published.json("payouts", "results", bank, "--by", "fiona")["no_op"] is True
    assert [
        item["contributor_id"] for item in published.json("payouts", "why")["accounts"] if item["balance_micros"]
    ] == ["ben"]
    assert [item["state"] for item in published.json("payouts", "list")["batches"]] == ["exported"]
    assert published.json("verify")["clean"] is True


def test_a_hold_needs_a_reason(published: World) -> None:
    assert "--reason" in refusal(published, "payouts", "hold", "--contributor", "ben", code=2)
    held = published.json("payouts", "hold", "--contributor", "ben", "--reason", "in court", "--by", "fiona")
    assert "Held: in court" in published.manage("payouts", "why", "--contributor", "ben").stdout
    published.manage("payouts", "release", "--hold", str(held["hold"]), "--reason", "settled", "--by", "fiona")
    assert "Held" not in published.manage("payouts", "why", "--contributor", "ben").stdout


@pytest.mark.parametrize("args", [("prepare",), ("approve", "--batch", "1"), ("results",), ("export", "--batch", "1")])
def test_what_is_missing_is_wrong_usage(published: World, args: tuple[str, ...]) -> None:
    assert "needs" in refusal(published, "payouts", *args, code=2)


def test_results_are_not_taken_in_by_operators(published: World, tmp_path: Path) -> None:
    files = write_files(tmp_path / "in")
    (files / "payment_results.csv").write_text("payment_key,result,date,reference\nx,paid,2026-07-02,B1\n")
    assert "payouts results" in refusal(published, "run_cycle", "july", *PERIOD, "--from", files)
    bank = tmp_path / "bank.csv"
    bank.write_text("payment_key,result,date,reference\nx,paid,2026-07-02,B1\n")
    refusal(published, "ingest", "payment_results", bank, "--by", "olivia", code=2)
