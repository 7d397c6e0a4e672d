"""The year to look at: its parts here; played by a real process, for three months, where there is time."""

import csv
import gzip
from collections import Counter
from datetime import date
from pathlib import Path

import pytest

from revshare.access.models import User
from revshare.audit_trail.operations import Act
from revshare.management.showcase import people
from revshare.management.showcase.months import MONTHS, after, day_after, first_day, split_sales
from tests.conftest import FIXTURES, World


@pytest.mark.long
def test_every_sale_of_the_year_is_in_the_file_of_its_month(tmp_path: Path) -> None:
    files = split_sales(tmp_path, MONTHS)
    with gzip.open(FIXTURES / "year" / "sales.csv.gz", "rt", encoding="utf-8", newline="") as file:
        whole = Counter(tuple(row) for row in csv.reader(file))
    parts: Counter[tuple[str, ...]] = Counter()
    for month, path in files.items():
        with path.open(encoding="utf-8", newline="") as file:
            header, *rows = csv.reader(file)
        assert {row[1][:7] for row in rows} == {month}
        parts.update(map(tuple, rows))
    parts[tuple(header)] += 1
    assert parts == whole


def test_months_end_where_the_next_begins() -> None:
    assert (first_day("2010-12"), day_after("2010-12"), day_after("2011-02")) == (
        date(2010, 12, 1), date(2011, 1, 1), date(2011, 3, 1),
    )  # fmt: skip
    assert [day_after(month) for month in MONTHS[:-1]] == [first_day(month) for month in MONTHS[1:]]
    assert after("2011-01", days=3, hour=9).isoformat() == "2011-02-04T09:00:00+00:00"


@pytest.mark.django_db
def test_people_keep_the_password_that_is_printed(tmp_path: Path, act: Act) -> None:
    people.staff(folder=tmp_path, act=act)
    printed = people.passwords(tmp_path)
    people.staff(folder=tmp_path, act=act)
    assert people.passwords(tmp_path) == printed
    assert (tmp_path / people.FILE).stat().st_mode & 0o077 == 0
    for person in people.PEOPLE:
        if person.contributor_id is None:
            user = User.objects.get(username=person.name)
            assert user.check_password(printed[person.name])
            assert (user.is_superuser, user.roles) == (
                (True, []) if person.role == "superuser" else (False, [person.role])
            )
            assert any(person.name in line and printed[person.name] in line for line in people.lines(tmp_path))


def test_no_year_where_others_can_reach_it(module_world: World) -> None:
    done = module_world.manage("showcase", ok=False, REVSHARE_HTTPS="true", REVSHARE_STRICT_SIGN_IN="true")
    assert (done.returncode, "served to others" in done.stderr) == (1, True)


def test_no_year_among_somebodys_own_books(june_copy: World) -> None:
    done = june_copy.manage("showcase", ok=False)
    assert (done.returncode, "data of its own" in done.stderr) == (1, True)


@pytest.mark.long
@pytest.mark.timeout(400)
def test_three_months_are_played_once(world: World) -> None:
    made = world.json("showcase", "--months", "3")
    assert made["made"] == 3
    assert world.rows("SELECT key, state FROM cycles_cycle ORDER BY starts_at") == [
        ("2010-12", "published"), ("2011-01", "in_review"), ("2011-02", "open"),
    ]  # fmt: skip
    with gzip.open(FIXTURES / "year" / "expected_payouts_by_model.csv.gz", "rt", encoding="utf-8") as file:
        expected = sum(int(row["amount_micros"]) for row in csv.DictReader(file) if row["period"] == "2011-01")
    # Nothing was added to January: all that was due is there, to people or held for those who had opted out.
    assert world.rows(
        "SELECT sum(p.distributable_micros)::bigint FROM pools_pool p JOIN cycles_cycle c ON c.id = p.cycle_id "
        "WHERE c.key = '2011-01'"
    ) == [(expected,)]
    waiting = {
        "quarantine": "SELECT count(*) FROM files_quarantined_row WHERE state = 'open'",
        "suspense": "SELECT count(*) FROM allocation_rest WHERE bucket = 'suspense'",
        "claims": "SELECT count(*) FROM claims_claim",
        "debts": "SELECT count(*) FROM recoupments_debt",
        "restatements": "SELECT count(*) FROM restatements_restatement",
        "holds": "SELECT count(*) FROM payouts_hold WHERE released_at IS NULL",
        "failed jobs": "SELECT count(*) FROM runs_run WHERE state = 'failed'",
        "batches": "SELECT count(*) FROM payouts_batch",
    }
    assert {name for name, query in waiting.items() if world.rows(query) == [(0,)]} == set()
    assert world.json("verify")["findings"] == []
    assert world.json("showcase", "--months", "3")["made"] == 0
