"""Exports: the agreed columns and order, bytes that repeat, cells that no spreadsheet executes, numbers that stay numbers."""

import csv
import io
import json
import zipfile
from pathlib import Path

import pytest

from revshare.cells import safe_cell
from revshare.cycles.models import Cycle
from revshare.errors import Refused
from revshare.exports.operations import csv_blocks, write
from revshare.statements.models import Statement
from tests.stories import Story

HOSTILE = ("=1+1", "+1", "-1", "@x", '"quoted"', "a,b", "007", "NA", "Ω")


pytestmark = pytest.mark.django_db


def june(story: Story) -> Cycle:
    """Two currencies; contributors with ids that spreadsheets like to misread."""
    story.models(("m", "ds@1"))
    story.attributions(*[("ds@1", f"a{n}", contributor) for n, contributor in enumerate(HOSTILE)])
    story.policy()
    story.sales(
        ("s1", "2026-06-10T00:00:00Z", "m", "USD", "0.000045"), ("s2", "2026-06-10T00:00:00Z", "m", "EUR", "900")
    )
    return story.calculate("june", "2026-06-01", "2026-07-01")


@pytest.fixture(scope="module")
def cycle(told: Story) -> Cycle:
    return june(told)


def text(kind: str, cycle: Cycle) -> str:
    return b"".join(csv_blocks(kind=kind, cycle_id=cycle.pk)).decode()


def test_payouts_have_one_row_per_contributor_and_currency_in_code_point_order(cycle: Cycle) -> None:
    content = text("payouts", cycle)
    assert "\r" not in content
    header, *rows = csv.reader(io.StringIO(content))
    assert header == ["contributor_id", "currency", "amount_micros"]
    assert [(row[1], row[0]) for row in rows] == [
        (currency, safe_cell(contributor)) for currency in ("EUR", "USD") for contributor in sorted(HOSTILE)
    ]
    assert {row[2] for row in rows} == {"20000000", "1"}


@pytest.mark.parametrize("kind", ["payouts", "statements", "journal"])
@pytest.mark.parametrize("format", ["csv", "xlsx", "jsonl"])
def test_the_same_cycle_gives_the_same_bytes(cycle: Cycle, tmp_path: Path, kind: str, format: str) -> None:
    first, second = tmp_path / "first", tmp_path / "second"
    rows = write(kind=kind, cycle_id=cycle.pk, format=format, target=first)
    assert write(kind=kind, cycle_id=cycle.pk, format=format, target=second) == rows > 0
    assert first.read_bytes() == second.read_bytes()
    assert list(tmp_path.glob("*.part")) == []


def test_the_number_of_rows_is_that_of_the_file(cycle: Cycle, tmp_path: Path) -> None:
    rows = write(kind="payouts", cycle_id=cycle.pk, format="csv", target=tmp_path / "p.csv")
    assert rows == len(list(csv.reader(io.StringIO((tmp_path / "p.csv").read_text())))) - 1 == 2 * len(HOSTILE)


def test_a_sheet_has_exact_micros_as_text_and_no_formula(cycle: Cycle, tmp_path: Path) -> None:
    target = tmp_path / "payouts.xlsx"
    write(kind="payouts", cycle_id=cycle.pk, format="xlsx", target=target)
    with zipfile.ZipFile(target) as book:
        sheet = book.read("xl/worksheets/sheet1.xml").decode()
    assert "<f>" not in sheet
    assert "20000000" in sheet  # as inline text
    assert "<v>20</v>" in sheet  # and, beside it, as a number to sum


def test_json_lines_say_what_the_csv_says_with_ids_as_they_are(cycle: Cycle, tmp_path: Path) -> None:
    for kind in ("payouts", "statements", "journal"):
        path = tmp_path / f"{kind}.jsonl"
        rows = write(kind=kind, cycle_id=cycle.pk, format="jsonl", target=path)
        found = [json.loads(line) for line in path.read_text().splitlines()]
        plain = list(csv.DictReader(io.StringIO(text(kind, cycle))))
        assert len(found) == rows == len(plain)
        texts = [{name: safe_cell(str(value)) for name, value in item.items()} for item in found]
        assert [{name: row[name] for name in row if "micros" not in name} for row in texts] == [
            {name: row[name] for name in row if "micros" not in name} for row in plain
        ]
        for item, row in zip(found, plain, strict=True):
            assert all(item[name] == row[name] for name in row if name.endswith("_micros"))
    assert {item["contributor_id"] for item in map(json.loads, (tmp_path / "payouts.jsonl").open())} == set(HOSTILE)


def test_statements_and_journal_can_be_read_back(cycle: Cycle) -> None:
    statements = list(csv.DictReader(io.StringIO(text("statements", cycle))))
    assert sum(int(row["closing_micros"]) for row in statements) == 9 * 20_000_000 + 9
    assert list(statements[0]) == [
        "number", "contributor_id", "contributor_name", "currency", "opening_micros", "earned_micros",
        "adjusted_micros", "withheld_micros", "held_micros", "paid_micros", "closing_micros",
    ]  # fmt: skip
    assert [row["number"] for row in statements] == [f"june-{place:09}" for place in range(1, 2 * 9 + 1)]
    assert [(row["number"], row["contributor_id"]) for row in statements] == [
        (statement.number, safe_cell(statement.contributor_id)) for statement in Statement.objects.order_by("ordinal")
    ]
    legs = list(csv.DictReader(io.StringIO(text("journal", cycle))))
    for currency in ("EUR", "USD"):
        signed = [
            int(leg["amount_micros"]) * (1 if leg["side"] == "D" else -1) for leg in legs if leg["currency"] == currency
        ]
        assert sum(signed) == 0


def test_a_target_that_cannot_be_written_is_refused_in_words(cycle: Cycle) -> None:
    with pytest.raises(Refused, match="Cannot write /proc/nowhere"):
        write(kind="payouts", cycle_id=cycle.pk, format="csv", target=Path("/proc/nowhere/p.csv"))
    with pytest.raises(Refused, match="no export called 'wishes'"):
        write(kind="wishes", cycle_id=cycle.pk, format="csv", target=Path("x"))
