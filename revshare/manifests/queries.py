"""Reads: the parts of dataset versions, weights, what models were trained on."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
from django.db.models import Sum

from revshare.files.glance import PLAIN_MARK
from revshare.lake import literal, part
from revshare.manifests.models import Manifest, Part, PartVersion, Training

LAKE = "attributions"
WEIGHTS = "weights"
CLASSES = "classes"
# What the text of a part's columns stands for. No weight given means 1.
SHARE = "CAST(nullif(share, '') AS DECIMAL(38, 6))"
WEIGHT = "CASE WHEN weight IN ('', '1') THEN CAST(1 AS DECIMAL(38, 6)) ELSE CAST(weight AS DECIMAL(38, 6)) END"
WORDS = ("licence", "ai_generated", "media_type")
IDS = "dataset_version, asset_id, contributor_id"
COLUMNS = (
    f"{IDS}, {SHARE} AS share, {WEIGHT} AS weight, {', '.join(WORDS)}, share <> '' OR weight NOT IN ('', '1') AS odd"
)


@dataclass(frozen=True)
class Stored:
    """The records of some dataset versions: `query` is SQL of DuckDB over the parts, which hold each record once.
    `odd`: whether a record may have a share, or another weight than 1. `plain`: how many records each version has,
    where none of them is odd; else nothing."""

    query: str
    parts: list[str]
    plain: Mapping[str, int] = field(default_factory=dict)


@dataclass(frozen=True)
class Weights:
    """Where the weights of a dataset version lie, by class if it has several; and what its classes say."""

    path: Path
    classes: Sequence[Mapping[str, Any]]


def parts_of(dataset_versions: Iterable[str]) -> Stored:
    """Where the accepted records of these dataset versions lie. Raises LakeDamaged if a part is missing."""
    wanted = list(dataset_versions)
    digests = sorted(
        Part.objects.filter(versions__manifest__dataset_version__in=wanted)
        .values_list("parquet_sha256", flat=True)
        .distinct()
    )
    if not digests:
        nothing = (
            "SELECT ''::VARCHAR AS dataset_version, ''::VARCHAR AS asset_id, ''::VARCHAR AS contributor_id, "
            "NULL::DECIMAL(38, 6) AS share, 1::DECIMAL(38, 6) AS weight, ''::VARCHAR AS licence, "
            "''::VARCHAR AS ai_generated, ''::VARCHAR AS media_type, false AS odd WHERE false"
        )
        return Stored(nothing, [])
    shapes: dict[str, list[Path]] = {}
    plain = True
    for digest in digests:
        path = part(LAKE, digest)
        footer = pq.read_metadata(path)
        shapes.setdefault(_columns(footer), []).append(path)
        plain = plain and _is_plain(footer)
    query = " UNION ALL ".join(
        f"SELECT {columns} FROM read_parquet([{', '.join(map(literal, paths))}])" for columns, paths in shapes.items()
    )
    rows = PartVersion.objects.filter(part__parquet_sha256__in=digests).values_list("manifest__dataset_version")
    counts = dict(rows.annotate(rows=Sum("rows")).order_by())
    if counts.keys() - set(wanted):
        query = f"SELECT * FROM ({query}) WHERE dataset_version IN ({', '.join(literal(name) for name in wanted)})"
    return Stored(query, digests, {name: counts[name] for name in wanted if name in counts} if plain else {})


def _is_plain(footer: pq.FileMetaData) -> bool:
    return PLAIN_MARK.items() <= (footer.metadata or {}).items()


def _columns(footer: pq.FileMetaData) -> str:
    """What to select from a part. One that bears the mark of plain rows says no share and no weight; it has the columns
    of the file that came, and may leave values out. All others have every column."""
    if _is_plain(footer):
        there = footer.schema.names
        words = ", ".join(f"coalesce({name}, '') AS {name}" if name in there else f"'' AS {name}" for name in WORDS)
        return (
            f"{IDS}, CAST(NULL AS DECIMAL(38, 6)) AS share, CAST(1 AS DECIMAL(38, 6)) AS weight, {words}, false AS odd"
        )
    return COLUMNS


def models_trained() -> dict[str, list[str]]:
    """Each registered model with the dataset versions it was trained on, in code-point order."""
    models: dict[str, list[str]] = {}
    for model, version in Training.objects.order_by("model", "dataset_version").values_list("model", "dataset_version"):
        models.setdefault(model, []).append(version)
    return models


def known_versions() -> set[str]:
    """Dataset versions with at least one record."""
    return set(Manifest.objects.values_list("dataset_version", flat=True))


def mixes() -> dict[str, dict[str, int]]:
    """Of each model that says so, how much of it comes from each dataset version, in millionths of its own unit."""
    found: dict[str, dict[str, int]] = {}
    for training in Training.objects.filter(mix__isnull=False):
        assert training.mix is not None, "filtered"
        found.setdefault(training.model, {})[training.dataset_version] = int(training.mix * 1_000_000)
    return found
