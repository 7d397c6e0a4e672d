"""Where dataset versions are weighed: here, by DuckDB, or on the Apache Spark that REVSHARE_WEIGH_ON names."""

from collections.abc import Sequence
from pathlib import Path

import duckdb
from django.conf import settings

from revshare.contributors.operations import everybody
from revshare.errors import Refused
from revshare.lake import literal, storage
from revshare.manifests.queries import LAKE, Stored
from revshare.manifests.weighing import Weighed, weigh
from revshare.progress import Progress, no_progress

HERE = "duckdb"


class SparkMissing(Refused):
    """Spark is asked for, and its libraries are not installed."""

    code = "spark_missing"


def weigh_stored(
    con: duckdb.DuckDBPyConnection, *, stored: Stored, versions: Sequence[str], target: Path,
    progress: Progress = no_progress,
) -> dict[str, Weighed]:  # fmt: skip
    """Weighs these dataset versions, found in `stored`, into files of the folder. The manifest's hash does not depend
    on the engine (the hash of the file does: two writers lay out the same rows differently)."""
    if settings.REVSHARE_WEIGH_ON == HERE:
        return weigh(
            con, records=stored.query, people=everybody(), versions=versions, target=target, plain=stored.plain,
            progress=progress,
        )  # fmt: skip
    progress("weigh on Spark", 0, len(versions))
    try:
        from revshare.manifests.spark import weigh_on_spark
    except ImportError as error:
        raise SparkMissing(
            f"REVSHARE_WEIGH_ON is {settings.REVSHARE_WEIGH_ON}, but {error.name} is not installed: "
            "pip install -r requirements-spark.txt, or set REVSHARE_WEIGH_ON=duckdb."
        ) from error
    weighed = weigh_on_spark(
        master=settings.REVSHARE_WEIGH_ON,
        part_urls=[storage().url(LAKE, digest) for digest in stored.parts],
        versions=versions,
        target_dir=target,
        conf=settings.REVSHARE_SPARK_CONF,
        storage_options=storage().fsspec_options,
    )
    return _one_by_one(con, weighed.weights, weighed.counts, versions, target)


def _one_by_one(
    con: duckdb.DuckDBPyConnection, weights: Path, counts: Path, versions: Sequence[str], target: Path
) -> dict[str, Weighed]:
    """A file for each version, as `weigh` gives them."""
    rows = con.execute(f"SELECT dataset_version, assets, records FROM read_parquet({literal(counts)})").fetchall()
    found = {version: (assets, records) for version, assets, records in rows}
    done = {}
    for number, version in enumerate(versions):
        path = target / f"weights-spark-{number}.parquet"
        con.execute(
            f"COPY (SELECT contributor_id, assets_ticks, weight_ticks FROM read_parquet({literal(weights)}) "
            f"WHERE dataset_version = {literal(version)} ORDER BY contributor_id) TO {literal(path)} (FORMAT parquet)"
        )
        assets, records = found.get(version, (0, 0))
        done[version] = Weighed(path, assets, records)
    return done
