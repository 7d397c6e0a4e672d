"""Payouts out of the lake's file of balances: byte by byte what the entries give, and without that file from these."""

import csv
import io
from pathlib import Path

import pyarrow.parquet as pq
import pytest
from django.db import connection

from revshare.allocation.balances import BALANCES
from revshare.cycles.models import Cycle
from revshare.exports.from_lake import write_payouts
from revshare.exports.operations import write
from revshare.lake import keep, part
from tests.exports.test_operations import HOSTILE, june, text
from tests.ownership import owner
from tests.stories import Story

pytestmark = pytest.mark.django_db
QUOTED = ("'", "a b", 'a"b', ",", "a'b", "\\.", "\\N", "null", "é", "日本", "a;b", "a|b", "'=a,b", 'a+"', "0")


def from_lake(cycle: Cycle, draft: Path) -> bytes | None:
    rows = write_payouts(cycle_id=cycle.pk, draft=draft)
    if rows is None:
        assert not draft.exists()
        return None
    content = draft.read_bytes()
    assert len(list(csv.reader(io.StringIO(content.decode())))) == rows + 1
    return content


@pytest.fixture(scope="module")
def cycle(told: Story) -> Cycle:
    return june(told)


@pytest.fixture(scope="module")
def later(told: Story, cycle: Cycle) -> Cycle:
    """A second cycle: accounts known before, new ones, and some that it does not touch. Its ids try all quotes."""
    told.models(("n", "dt@1"))
    told.attributions(*[("dt@1", f"b{n}", name) for n, name in enumerate((*QUOTED, *HOSTILE[4:]))])
    told.sales(("s3", "2026-07-10T00:00:00Z", "n", "USD", "12.34"), ("s4", "2026-07-10T00:00:00Z", "n", "JPY", "5"))
    return told.calculate("july", "2026-07-01", "2026-08-01")


def test_payouts_from_the_lake_are_those_of_the_entries_byte_by_byte(later: Cycle, tmp_path: Path) -> None:
    content = from_lake(later, tmp_path / "draft.csv")
    assert content == text("payouts", later).encode()
    assert len(content.splitlines()) > 2 * len(QUOTED)


@pytest.mark.parametrize("what", ["lost", "changed", "of an older version", "of another cycle"])
def test_without_its_file_payouts_come_from_the_entries(cycle: Cycle, later: Cycle, tmp_path: Path, what: str) -> None:
    path = part(BALANCES, later.balances_sha256)
    other = {"lost": later.balances_sha256, "changed": later.balances_sha256, "of another cycle": cycle.balances_sha256}
    if what == "lost":
        path.unlink()
    elif what == "changed":
        path.write_bytes(path.read_bytes() + b"x")
    elif what == "of an older version":
        pq.write_table(pq.read_table(path).drop_columns("earned_micros"), tmp_path / "old.parquet")
        other[what] = keep(tmp_path / "old.parquet", BALANCES)
    with owner(), connection.cursor() as cursor:
        cursor.execute("SET CONSTRAINTS ALL IMMEDIATE; ALTER TABLE cycles_cycle DISABLE TRIGGER cycles_cycle_moves")
        Cycle.objects.filter(pk=later.pk).update(balances_sha256=other[what])
    assert from_lake(later, tmp_path / "draft.csv") is None
    write(kind="payouts", cycle_id=later.pk, format="csv", target=tmp_path / "p.csv")
    assert (tmp_path / "p.csv").read_text() == text("payouts", later)
