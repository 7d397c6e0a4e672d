"""Where a manifest is weighed cannot be told from it."""

import sys
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from django.db import transaction

from revshare.audit_trail.operations import Act
from revshare.ingest.operations import ingest
from revshare.manifests import engines
from revshare.manifests.models import Manifest
from revshare.manifests.operations import freeze
from tests.files.forms import csv_bytes
from tests.object_store import KEYS, object_store
from tests.spark_cluster import need_spark

ACT = Act(actor="olivia", at=datetime(2026, 6, 30, tzinfo=UTC))
COLUMNS = ("dataset_version", "asset_id", "contributor_id", "share", "weight")
ROWS = [
    *(("v", "seventeen", f"p{number}", "", "") for number in range(17)),
    ("v", "shared", "作者", "0.333333", "2.5"), ("v", "shared", "é", "0.142857", "2.5"), ("v", "alone", "é", "", ""),
    ("plain", "alone", "123456789012345678901234567891", "", ""), ("plain", "two", "a", "", "1"), ("plain", "two", "B", "", "1"),
]  # fmt: skip


def frozen(tmp_path: Path) -> list[dict[str, Any]]:
    """What the manifests are after they were weighed as set."""
    path = tmp_path / "attributions.csv"
    path.write_bytes(csv_bytes([dict(zip(COLUMNS, row, strict=True)) for row in ROWS], COLUMNS))
    with transaction.atomic():
        ingest(kind="attributions", path=path, act=ACT)
        freeze(dataset_versions=["v", "plain"], act=ACT)
        names = ("sha256", "assets", "records", "contributors", "assets_ticks")
        found = list(Manifest.objects.order_by("dataset_version").values("dataset_version", *names))
        transaction.set_rollback(True)
    return found


def forget_java() -> None:
    """Ends the Java that an earlier test may have left: Spark's Python workers have the environment it was started with,
    and here the keys of the store are in it."""
    from pyspark import SparkContext

    if SparkContext._gateway is not None:
        SparkContext._gateway.shutdown()
        SparkContext._gateway = SparkContext._jvm = None


@pytest.mark.spark
@pytest.mark.django_db
def test_a_manifest_weighed_on_spark_has_the_same_hash(tmp_path: Path, settings: Any) -> None:
    need_spark()
    here = frozen(tmp_path)
    assert [(row["dataset_version"], row["assets"], row["records"]) for row in here] == [("plain", 2, 3), ("v", 3, 20)]
    settings.REVSHARE_WEIGH_ON = "local[2]"
    settings.REVSHARE_SPARK_CONF = {"spark.driver.memory": "1g", "spark.driver.host": "127.0.0.1"}
    there = frozen(tmp_path)
    assert [row["sha256"] for row in there] == [row["sha256"] for row in here]
    assert there == here


@pytest.mark.spark
@pytest.mark.django_db
def test_spark_reads_a_lake_in_a_bucket(tmp_path: Path, settings: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    need_spark()
    forget_java()
    here = frozen(tmp_path)
    for name, value in KEYS.items():
        monkeypatch.setenv(name, value)
    with object_store(tmp_path / "store") as store:
        store.files.mkdir("lake")
        settings.REVSHARE_LAKE, settings.REVSHARE_LAKE_ENDPOINT = "s3://lake/of-ours", store.endpoint
        settings.REVSHARE_WEIGH_ON = "local[2]"
        settings.REVSHARE_SPARK_CONF = {"spark.driver.memory": "1g", "spark.driver.host": "127.0.0.1"}
        assert frozen(tmp_path) == here
        kinds = {path.split("/")[2] for path in store.files.find("lake/of-ours")}
    assert kinds == {"attributions", "weights"}


def test_without_its_libraries_spark_is_refused(settings: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "ibis", None)  # as if not installed, also where it is
    monkeypatch.delitem(sys.modules, "revshare.manifests.spark", raising=False)
    monkeypatch.delitem(sys.modules, "revshare.manifests.expression", raising=False)
    settings.REVSHARE_WEIGH_ON = "local[1]"
    with pytest.raises(engines.SparkMissing, match=r"requirements-spark\.txt"):
        engines.weigh_stored(None, stored=None, versions=["v"], target=tmp_path)  # type: ignore[arg-type]
