"""The benchmark's files: made once, the second month is the first one moved."""

import csv
import datetime
from pathlib import Path

import pytest

from revshare.management.bench import inputs
from revshare.management.bench.inputs import Size

TINY = Size(rows=300, contributors=20, sales=200)


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return inputs.make(tmp_path_factory.mktemp("work"), TINY)


def rows(path: Path) -> list[dict[str, str]]:
    with path.open(newline="", encoding="utf-8") as file:
        return list(csv.DictReader(file))


@pytest.mark.parametrize(("text", "number"), [("10M", 10_000_000), ("100k", 100_000), ("1234", 1234)])
def test_counts(text: str, number: int) -> None:
    assert inputs.count(text) == number


@pytest.mark.parametrize("text", ["", "M", "1.5M", "-1", "0", "ten"])
def test_what_is_no_count(text: str) -> None:
    with pytest.raises(ValueError):
        inputs.count(text)


def test_a_size_has_three_counts() -> None:
    assert inputs.size("10M:1M:100k") == Size(10_000_000, 1_000_000, 100_000)
    with pytest.raises(ValueError):
        inputs.size("10M:1M")


def test_files_are_made_again_only_when_the_generator_has_changed(data: Path) -> None:
    made = (data / "meta.json").stat().st_mtime_ns
    assert inputs.make(data.parent, TINY) == data
    assert (data / "meta.json").stat().st_mtime_ns == made
    meta = data / "meta.json"
    meta.write_text(meta.read_text().replace('"generator": "', '"generator": "older'))
    inputs.make(data.parent, TINY)
    assert "older" not in meta.read_text()


def test_the_second_month_is_the_first_one_moved(data: Path, tmp_path: Path) -> None:
    month = inputs.second_month(data, "csv", tmp_path / "second")
    first, second = rows(data / "sales.csv"), rows(month / "sales.csv")
    assert len(first) == len(second) == 202
    refunds = 0
    for was, now in zip(first, second, strict=True):
        assert now["sale_id"] == f"july-{was['sale_id']}"
        moved = datetime.datetime.fromisoformat(was["sold_at"]).replace(month=7)
        assert datetime.datetime.fromisoformat(now["sold_at"]) == moved
        assert now["refund_of"] == (f"july-{was['refund_of']}" if was["refund_of"] else "")
        refunds += bool(was["refund_of"])
        same = ("stream", "model", "currency", "gross_amount")
        assert [now[name] for name in same] == [was[name] for name in same]
    assert refunds
    assert {path.name for path in month.iterdir()} == {
        "sales.csv", "attributions.csv", "contributors.csv", "models.csv", "policy.toml",
    }  # fmt: skip


def test_the_second_month_as_parquet_keeps_blanks(data: Path, tmp_path: Path) -> None:
    import duckdb

    month = inputs.second_month(data, "parquet", tmp_path / "second")
    with duckdb.connect() as con:
        of_csv = con.execute(f"SELECT count(*) FROM '{month}/sales.parquet' WHERE refund_of IS NULL").fetchone()
        of_first = con.execute(f"SELECT count(*) FROM '{data}/sales.parquet' WHERE refund_of IS NULL").fetchone()
    assert of_csv == of_first != (0,)


def test_a_folder_for_the_product_has_every_kind_once(data: Path, tmp_path: Path) -> None:
    from revshare.ingest.operations import find_files

    folder = inputs.one_format(data, "parquet", tmp_path / "in")
    assert [(kind, path.name) for kind, path in find_files(folder)] == [
        ("contributors", "contributors.csv"), ("models", "models.csv"), ("attributions", "attributions.parquet"),
        ("sales", "sales.parquet"),
    ]  # fmt: skip
