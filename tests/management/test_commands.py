"""The command line as others rely on it: exit codes, the last line of --json, what is refused and how it is said."""

from pathlib import Path

import pytest

from tests.conftest import World
from tests.small import FILES, PERIOD, SIGNALS, staff, write_files


@pytest.fixture(scope="module")
def people(module_world: World, tmp_path_factory: pytest.TempPathFactory) -> World:
    """Staff, and everything of the small marketplace in, by the command that does it all."""
    staff(module_world)
    folder = write_files(tmp_path_factory.mktemp("in"))
    result = module_world.json("run_cycle", "june", *PERIOD, "--from", folder, "--export", folder / "out")
    assert (result["state"], result["no_op"]) == ("calculated", False)
    assert [(f["kind"], f["rows_in"], f["accepted"]) for f in result["files"]] == [
        ("contributors", 4, 4), ("models", 1, 1), ("attributions", 4, 4), ("sales", 3, 3),
    ]  # fmt: skip
    assert (folder / "out" / "payouts.csv").read_text() == (
        "contributor_id,currency,amount_micros\nann,USD,15000000\nben,USD,5000000\n"
    )
    assert (folder / "out" / "journal.csv").read_text().splitlines()[1:] == [
        "1,allocation,june,payable:ann,USD,C,15000000", "1,allocation,june,payable:ben,USD,C,5000000",
        "1,allocation,june,platform,USD,C,80000000", "1,allocation,june,sales,USD,D,100000000",
    ]  # fmt: skip
    assert len((folder / "out" / "statements.csv").read_text().splitlines()) == 3
    return module_world


def refusal(world: World, *args: str | Path, code: int = 1) -> str:
    done = world.manage(*args, ok=False)
    assert done.returncode == code, (done.stdout, done.stderr)
    assert "Traceback" not in done.stderr
    return done.stderr


def test_nothing_is_left_that_duckdb_complains_of_when_python_ends(people: World) -> None:
    """Its module counts what was not freed: everything, if Django's setting up loads it (see manage.py)."""
    assert "nanobind" not in people.manage("check").stderr


def test_a_second_run_is_a_no_op_that_says_so(people: World, tmp_path: Path) -> None:
    folder = write_files(tmp_path / "again")
    done = people.manage("run_cycle", "june", *PERIOD, "--from", folder)
    assert "nothing was done" in done.stdout
    assert "calculated already" in done.stdout
    result = people.json("run_cycle", "june", *PERIOD, "--from", folder)
    assert result["no_op"]
    assert all(file["no_op"] for file in result["files"])


@pytest.mark.parametrize(
    ("args", "said"),
    [
        (("cycle", "show", "nowhere"), "no cycle 'nowhere'. Cycles: june"),
        (("cycle", "approve", "june", "--by", "olivia"), "olivia is operator and may not approve"),
        (("cycle", "submit", "june", "--by", "adam"), "adam is approver and may not submit"),
        (("cycle", "publish", "june", "--by", "adam"), "it must be approved"),
        (("cycle", "lock", "june", "--by", "nobody"), "no user 'nobody'"),
        (("run_cycle", "june", "--start", "2026-06-02", *PERIOD[2:], "--policy", "p"), "another period or policy"),
        (("run_cycle", "overlap", "--start", "2026-06-30", "--end", "2026-07-02", *PERIOD[4:], "--policy", "p"), "overlap"),
        (("run_cycle", "x", *PERIOD[:4], "--timezone", "Mars/Base", "--policy", "p"), "Mars/Base"),
        (("run_cycle", "x", "--start", "2026-02-30", *PERIOD[2:], "--policy", "p"), "2026-02-30"),
        (("run_cycle", "x", *PERIOD, "--policy", "q"), "no policy 'q'"),
        (("run_cycle", "x", *PERIOD, "--from", "/nowhere", "--policy", "p"), "no folder /nowhere"),
        (("ingest", "consents", "/nowhere.csv"), "Cannot read /nowhere.csv"),
        (("ingest", "sales", "/nowhere.csv"), "Cannot read /nowhere.csv"),
        (("register_policy", "/nowhere.toml"), "Cannot read /nowhere.toml"),
        (("export", "payouts", "july"), "no cycle 'july'"),
        (("create_user", "olivia", "--role", "operator"), "a user 'olivia' already"),
        (("create_user", "c", "--role", "contributor"), "--contributor ID"),
        (("create_user", "c", "--role", "contributor", "--contributor", "nobody"), "no contributor 'nobody'"),
        (("quarantine", "dismiss", "1"), "needs a reason"),
    ],
)  # fmt: skip
def test_a_refusal_is_a_sentence_and_exit_1(people: World, args: tuple[str, ...], said: str) -> None:
    assert said in refusal(people, *args)


@pytest.mark.parametrize(
    "args",
    [
        ("ingest", "songs", "x.csv"), ("cycle", "burn", "june"), ("export", "wishes", "june"),
        ("run_cycle", "x", "--start", "2026-06-01"), ("run_cycle", "june", *PERIOD, "--until", "published"),
        ("create_user", "x", "--role", "king"), ("cycle", "open", "x"),
    ],
)  # fmt: skip
def test_wrong_usage_is_exit_2(people: World, args: tuple[str, ...]) -> None:
    assert refusal(people, *args, code=2)


def test_nothing_can_be_exported_before_it_is_calculated(people: World) -> None:
    people.manage("cycle", "open", "july", "--start", "2026-07-01", "--end", "2026-08-01", *PERIOD[4:], "--policy", "p")
    assert "before it is calculated" in refusal(people, "export", "payouts", "july")


def test_a_folder_may_hold_every_kind_of_file(world: World, tmp_path: Path) -> None:
    folder = write_files(tmp_path / "in")
    for name, text in SIGNALS.items():
        (folder / name).write_text(text, encoding="utf-8")
    result = world.json("run_cycle", "june", *PERIOD, "--from", folder)
    assert [(file["kind"], file["accepted"]) for file in result["files"]] == [
        ("contributors", 4), ("consents", 1), ("rates", 1), ("models", 1), ("attributions", 4), ("measures", 1),
        ("usage", 1), ("sales", 3), ("outputs", 1), ("splits", 1),
    ]  # fmt: skip
    assert world.json("run_cycle", "june", *PERIOD, "--from", folder)["no_op"]
    assert world.json("verify")["clean"] is True


def test_locking_over_quarantine_is_refused_then_signed_for(world: World, tmp_path: Path) -> None:
    folder = write_files(tmp_path / "in", sales=FILES["sales.csv"] + "bad,2026-06-10T00:00:00,generation,m,USD,1,\n")
    assert "1 row is in quarantine" in refusal(world, "run_cycle", "june", *PERIOD, "--from", folder)
    listed = world.json("quarantine", "list")
    assert [(row["line"], row["reason"], row["column"]) for row in listed["rows"]] == [(5, "time_naive", "sold_at")]
    file_id = str(listed["rows"][0]["file"])
    rejects = world.manage("quarantine", "rejects", file_id).stdout.splitlines()
    assert rejects[1].startswith("5,time_naive,sold_at,open,The time has no offset from UTC.,bad,2026-06-10T00:00:00,")
    world.manage("run_cycle", "june", *PERIOD, "--policy", "p", "--accept-quarantine", "one line, worth a dollar")
    event = world.rows("SELECT detail FROM audit_event WHERE action = 'cycle.lock'")[0][0]
    assert event["accepted_quarantine_rows"] == 1
    assert event["accepted_quarantine_reason"] == "one line, worth a dollar"
    assert world.json("quarantine", "dismiss", file_id, "--reason", "will not come again")["dismissed"] == 1
    assert world.rows(
        "SELECT rows_in, rows_accepted, rows_duplicate, rows_quarantined FROM audit.file WHERE kind = 'sales'"
    ) == [(4, 3, 0, 1)]


def test_verify_says_what_is_wrong_and_exits_1(world: World, tmp_path: Path) -> None:
    world.manage("run_cycle", "june", *PERIOD, "--from", write_files(tmp_path / "in"))
    assert world.json("verify")["clean"] is True
    with world.connect_as_owner() as connection:
        connection.execute("ALTER TABLE sales_sale DISABLE TRIGGER USER")
        connection.execute("UPDATE sales_sale SET gross_micros = gross_micros + 1 WHERE sale_id = 's1'")
    done = world.manage("verify", "june", ok=False)
    assert done.returncode == 1
    assert "I21 june: the inputs have the digest" in done.stderr


def test_the_password_of_a_new_user_works_and_is_shown_once(world: World) -> None:
    made = world.json("create_user", "fiona", "--role", "finance")
    assert len(made["password"]) >= 12
    stored = world.rows("SELECT password FROM access_user WHERE username = 'fiona'")[0][0]
    assert made["password"] not in stored
    check = "from revshare.access.models import User; import sys; sys.exit(not User.objects.get().check_password(sys.argv[1]))"
    script = check.replace("sys.argv[1]", repr(made["password"]))
    world.manage("shell", "-c", script)
