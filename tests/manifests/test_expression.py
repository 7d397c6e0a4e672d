"""The rule of weighing, written four times, gives one result: SQL of DuckDB, Ibis on DuckDB, Ibis on a cluster of
Spark, and slowly in Python."""

import random
from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path

import duckdb
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from revshare.manifests.rules import weigh_sql
from tests.manifests.slow_weights import Record, Weights, nasty, slow_counts, slow_weights, write_part
from tests.spark_cluster import CONF, need_spark, spark_cluster

pytestmark = [pytest.mark.spark, pytest.mark.timeout(600)]
EMPTY = "v0"


@pytest.fixture(scope="module", autouse=True)
def _spark() -> None:
    need_spark()


@pytest.fixture(scope="module")
def master(_spark: None, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    with spark_cluster(tmp_path_factory.mktemp("spark")) as address:
        yield address


def by_ibis(records: list[Record]) -> tuple[Weights, dict[str, tuple[int, int]]]:
    """The expression on DuckDB."""
    import ibis

    from revshare.manifests.expression import DUCKDB_DIV, RECORDS, counts_of, weights_of

    table = ibis.table(RECORDS, name="records")
    with duckdb.connect() as con:
        con.execute(DUCKDB_DIV)
        con.execute(
            "CREATE TABLE records (dataset_version VARCHAR, asset_id VARCHAR, contributor_id VARCHAR, "
            "share DECIMAL(38, 6), weight DECIMAL(38, 6))"
        )
        con.executemany("INSERT INTO records VALUES (?, ?, ?, ?, ?)", records)
        weights = con.execute(ibis.to_sql(weights_of(table), dialect="duckdb"))
        assert [kind.id for _, kind, *_ in weights.description] == ["varchar", "varchar", "bigint", "decimal"]
        found = {(version, name): (ticks, weighted) for version, name, ticks, weighted in weights.fetchall()}
        counts = con.execute(ibis.to_sql(counts_of(table), dialect="duckdb")).fetchall()
    return found, {version: (assets, rows) for version, assets, rows in counts}


def by_sql(records: list[Record]) -> Weights:
    """`weigh_sql`, version by version."""
    found: Weights = {}
    with duckdb.connect() as con:
        con.execute(
            "CREATE TABLE records (dataset_version VARCHAR, asset_id VARCHAR, contributor_id VARCHAR, "
            "share DECIMAL(38, 6), weight DECIMAL(38, 6))"
        )
        con.executemany("INSERT INTO records VALUES (?, ?, ?, ?, ?)", records)
        for version in {record[0] for record in records}:
            con.execute("SET VARIABLE version = ?", [version])
            rows = con.execute(
                "SELECT contributor_id, assets_ticks, weight_ticks FROM ("
                + weigh_sql("SELECT * FROM records WHERE dataset_version = getvariable('version')")
                + ")"
            ).fetchall()
            found.update({(version, name): (ticks, weighted) for name, ticks, weighted in rows})
    return found


@given(seed=st.integers(0, 2**32), assets=st.integers(1, 12))
@settings(max_examples=60, deadline=None)
def test_the_expression_on_duckdb_is_the_rule(seed: int, assets: int) -> None:
    records = nasty(random.Random(seed), assets)
    weights, counts = by_ibis(records)
    assert weights == slow_weights(records) == by_sql(records)
    assert counts == slow_counts(records)


def test_a_cluster_of_spark_weighs_as_the_rule_does(master: str, tmp_path: Path) -> None:
    from revshare.manifests.spark import weigh_on_spark

    rng = random.Random(20260630)
    records = nasty(rng, 900)
    seventeen = [("v1", "seventeen", f"p{number}", None, Decimal(1)) for number in range(17)]
    # Two that no 64-bit number, and no double, tells apart.
    close = [
        ("v1", "close", "p1", Decimal("999999999999.999998"), Decimal("999999999999.999999")),
        ("v1", "close", "p2", Decimal("999999999999.999999"), Decimal("999999999999.999999")),
    ]
    records += seventeen + close
    others = [("left out", "x", "a", None, Decimal(1))]
    shuffled = records + others
    rng.shuffle(shuffled)
    paths = [tmp_path / f"part {number}.parquet" for number in range(3)]
    for number, path in enumerate(paths):
        write_part(path, shuffled[number::3], as_text=number > 0)
    versions = sorted({record[0] for record in records})
    weighed = weigh_on_spark(
        master=master, part_urls=[str(path) for path in paths], versions=[*versions, EMPTY], target_dir=tmp_path,
        conf=CONF,
    )  # fmt: skip
    table = pq.read_table(weighed.weights)
    assert table.schema.types == [pa.string(), pa.string(), pa.int64(), pa.decimal128(38, 6)]
    rows = [tuple(row.values()) for row in table.to_pylist()]
    assert [row[:2] for row in rows] == sorted(row[:2] for row in rows)
    found = {(version, name): (ticks, weighted) for version, name, ticks, weighted in rows}
    assert len(found) == len(rows)
    assert found == slow_weights(records) == by_sql(records) == by_ibis(records)[0]
    counts = [tuple(row.values()) for row in pq.read_table(weighed.counts).to_pylist()]
    assert counts == [(version, *slow_counts(records)[version]) for version in versions]


def test_too_large_a_sum_is_an_error_and_not_null(tmp_path: Path) -> None:
    from revshare.manifests.spark import SparkFailed, weigh_on_spark

    largest = Decimal("99999999999999999999999999999999.999999")
    write_part(tmp_path / "part.parquet", [("v", "x", "a", None, largest)], as_text=False)
    with pytest.raises(SparkFailed, match="NUMERIC_VALUE_OUT_OF_RANGE"):
        weigh_on_spark(
            master="local[1]", part_urls=[str(tmp_path / "part.parquet")], versions=["v"], target_dir=tmp_path
        )
    assert not list(tmp_path.glob("weights*"))


def test_a_master_that_is_not_there_is_said(tmp_path: Path) -> None:
    from revshare.manifests.spark import SparkFailed, weigh_on_spark

    write_part(tmp_path / "part.parquet", [("v", "x", "a", None, Decimal(1))], as_text=False)
    with pytest.raises(SparkFailed, match=r"spark://127.0.0.1:9 .*REVSHARE_WEIGH_ON=duckdb"):
        weigh_on_spark(
            master="spark://127.0.0.1:9", part_urls=[str(tmp_path / "part.parquet")], versions=["v"],
            target_dir=tmp_path, conf={"spark.driver.host": "127.0.0.1"},
        )  # fmt: skip
