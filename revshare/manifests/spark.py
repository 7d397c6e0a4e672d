"""Weighs dataset versions on Apache Spark: parts of the lake in, weights as Parquet out. Knows no table of ours.

The parts are read by Python on Spark's workers (fsspec and pyarrow), so a worker needs a Python of the same version
with requirements-spark.txt, and to reach the parts: the same folder, or the same S3 store with the same AWS_*
variables. No Hadoop file system has to be set up. The weights come back through this process, which holds those of one
call: about 60 bytes for each contributor of each version.
"""

import contextlib
import math
import os
import re
import sys
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import ibis
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
from pyspark.errors import PySparkException
from pyspark.sql import SparkSession

from revshare.apportion import TICKS_PER_ASSET
from revshare.errors import Refused
from revshare.manifests.expression import HOLDER, RECORDS, counts_of, weights_of

ROW_GROUPS_PER_TASK = 8  # DuckDB writes 122,880 rows to a group, so about a million records
EXACT = {
    # Sums and products beyond 64 bits or 38 digits are errors, not NULL; decimals are never rounded to make them fit.
    "spark.sql.ansi.enabled": "true",
    "spark.sql.decimalOperations.allowPrecisionLoss": "false",
}
DEFAULTS = {
    "spark.app.name": "revshare",
    "spark.ui.enabled": "false",
    "spark.ui.showConsoleProgress": "false",
    "spark.log.level": "ERROR",
    "spark.driver.memory": "2g",
    "spark.driver.maxResultSize": "0",  # all weights come here; what bounds them is the memory of the driver
}
_PYTHON_ERROR = re.compile(r"^(?:\w+\.)*\w*Error: .+", re.MULTILINE)  # a worker's own, deep in what Spark says


class SparkFailed(Refused):
    """Spark could not be started or reached, or the job failed. Nothing has been changed."""

    code = "spark_failed"


class WeighingBroken(ArithmeticError):
    """Weights came back that do not add up to the assets. A fault of the program or of Spark, never of the input."""


@dataclass(frozen=True)
class Weighed:
    """What was written: `weights` (dataset_version VARCHAR, contributor_id VARCHAR, assets_ticks BIGINT, weight_ticks
    DECIMAL(38, 6)) in code-point order of the first two; `counts` (dataset_version VARCHAR, assets BIGINT, records
    BIGINT) in that of the first."""

    weights: Path
    counts: Path


def weigh_on_spark(
    *,
    master: str,
    part_urls: Sequence[str],
    versions: Sequence[str],
    target_dir: Path,
    conf: Mapping[str, str] | None = None,
    storage_options: Mapping[str, Any] | None = None,
) -> Weighed:
    """Weighs all records of these dataset versions in these parts, each of which has every record once.

    `part_urls`: paths or s3:// addresses of Parquet files. `storage_options`: what fsspec needs to open them. `conf`:
    Spark's own settings, by their names. Raises SparkFailed, WeighingBroken.
    """
    options = dict(storage_options or {})
    groups = _row_groups(part_urls, options)
    with _session(master, _conf(len(groups), conf or {})) as spark, _explained(master):
        _records(spark, groups, list(versions), options).createOrReplaceTempView("records")
        records = ibis.table(RECORDS, name="records")
        weights = _run(spark, weights_of(records).order_by(HOLDER))
        counts = _run(spark, counts_of(records).order_by("dataset_version"))
    _prove(weights, counts)
    weighed = Weighed(weights=target_dir / "weights.parquet", counts=target_dir / "counts.parquet")
    pq.write_table(weights, weighed.weights, compression="zstd")
    pq.write_table(counts, weighed.counts, compression="zstd")
    return weighed


def _row_groups(part_urls: Sequence[str], options: dict[str, Any]) -> list[tuple[str, int]]:
    """Every row group of the parts, those of one part beside each other: the pieces that the work is cut into."""
    import fsspec

    groups = []
    for url in part_urls:
        with fsspec.open(url, **options) as file:
            groups += [(url, number) for number in range(pq.read_metadata(file).num_row_groups)]
    return groups


def _conf(groups: int, conf: Mapping[str, str]) -> dict[str, str]:
    """Spark's settings: ours, over them the operator's, over those the two that keep the numbers exact."""
    # Twice as many pieces as tasks that read, so half a million records in each; Spark joins those that turn out small.
    pieces = {"spark.sql.shuffle.partitions": str(max(16, 2 * math.ceil(groups / ROW_GROUPS_PER_TASK)))}
    return DEFAULTS | pieces | dict(conf) | EXACT


@contextlib.contextmanager
def _session(master: str, conf: dict[str, str]) -> Iterator[SparkSession]:
    # Workers start the Python of this path; where theirs lies elsewhere, the operator has said so in this variable.
    os.environ.setdefault("PYSPARK_PYTHON", sys.executable)
    with _explained(master):
        spark = SparkSession.builder.master(master).config(map=conf).getOrCreate()
    try:
        yield spark
    finally:
        spark.stop()


@contextlib.contextmanager
def _explained(master: str) -> Iterator[None]:
    """Turns what Spark and its bridge raise into a sentence for a person."""
    from py4j.protocol import Py4JError

    try:
        yield
    except (PySparkException, Py4JError) as error:
        raise SparkFailed(
            f"Spark at {master} did not weigh the records: {_said(error)[:300]}. "
            "Check that its master and workers run, that Java 17 is there, and that the workers have the libraries of "
            "requirements-spark.txt and reach the lake; then run it again. REVSHARE_WEIGH_ON=duckdb does without Spark."
        ) from error


def _said(error: Exception) -> str:
    if found := _PYTHON_ERROR.search(str(error)):
        return found[0]
    lines = [line.strip() for line in str(error).splitlines() if "Exception: " in line]
    return lines[0].partition("Exception: ")[2] if lines else str(error).partition("\n")[0]


def _records(spark: SparkSession, groups: list[tuple[str, int]], versions: list[str], options: dict[str, Any]) -> Any:
    """The records of these versions as a Spark table, read row group by row group on the workers."""
    columns = list(RECORDS.names)

    # Sent to the workers by value, which do not have our code: it may use nothing of this module but its arguments.
    def read(batches: Iterator[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
        import fsspec
        import pyarrow as pa
        import pyarrow.compute as pc
        import pyarrow.parquet as pq

        wanted = pa.array(versions, pa.string())

        def number_of(rows: pa.RecordBatch, name: str, blank: str | None) -> pa.Array:
            # Parts keep numbers as the text that was checked (`queries.SHARE` and `WEIGHT` say the same in SQL); one
            # of plain rows may lack them, or leave values out.
            if name not in rows.schema.names:
                return pa.repeat(pa.scalar(blank, pa.string()), len(rows)).cast(pa.decimal128(38, 6))
            text = rows.column(name).cast(pa.string())
            blank_there = pc.fill_null(pc.equal(text, ""), True)
            return pc.if_else(blank_there, pa.scalar(blank, pa.string()), text).cast(pa.decimal128(38, 6))

        def typed(rows: pa.RecordBatch) -> pa.RecordBatch:
            rows = rows.filter(pc.is_in(rows.column("dataset_version"), wanted))
            ids = [rows.column(name) for name in columns[:3]]
            numbers = [number_of(rows, "share", None), number_of(rows, "weight", "1")]
            return pa.RecordBatch.from_arrays([*ids, *numbers], names=columns)

        for batch in batches:
            for url, number in zip(batch.column(0).to_pylist(), batch.column(1).to_pylist(), strict=True):
                with fsspec.open(url, **options) as file:
                    part = pq.ParquetFile(file, pre_buffer=True)
                    there = [name for name in columns if name in part.schema_arrow.names]
                    for rows in part.iter_batches(65_536, row_groups=[number], columns=there):
                        yield typed(rows)

    tasks = max(1, math.ceil(len(groups) / ROW_GROUPS_PER_TASK))
    pieces = spark.createDataFrame(spark.sparkContext.parallelize(groups, tasks), "url string, number int")
    kinds = ", ".join(f"{name} {'string' if kind.is_string() else 'decimal(38, 6)'}" for name, kind in RECORDS.items())
    return pieces.mapInArrow(read, kinds)


def _run(spark: SparkSession, expression: Any) -> pa.Table:
    return spark.sql(ibis.to_sql(expression, dialect="pyspark")).toArrow()


def _prove(weights: pa.Table, counts: pa.Table) -> None:
    """Every asset is 720,720 ticks, so the ticks of a version must be that many for each of its assets, which were
    counted apart."""
    given = weights.group_by("dataset_version").aggregate([("assets_ticks", "sum")])
    ticks = dict(zip(given["dataset_version"].to_pylist(), given["assets_ticks_sum"].to_pylist(), strict=True))
    assets = dict(zip(counts["dataset_version"].to_pylist(), counts["assets"].to_pylist(), strict=True))
    wrong = sorted(name for name in assets | ticks if ticks.get(name) != assets.get(name, 0) * TICKS_PER_ASSET)
    if wrong or pc.any(pc.is_null(weights["weight_ticks"])).as_py():
        raise WeighingBroken(f"the weights that Spark gave of {wrong} do not add up to their assets")
