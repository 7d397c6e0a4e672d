"""What dataset versions would weigh if they were frozen now, or told apart by class. They are not: the weights lie in a
scratch folder."""

from collections.abc import Collection
from datetime import datetime
from pathlib import Path

import duckdb
from django.db.models import Q

from revshare.files.queries import last_arrival
from revshare.lake import check_part, part
from revshare.manifests.classes import Decisions, classify, never_earns_in_part
from revshare.manifests.engines import weigh_stored
from revshare.manifests.models import Manifest
from revshare.manifests.operations import DecidedBy
from revshare.manifests.queries import LAKE, WEIGHTS, Weights, parts_of
from revshare.progress import Progress, no_progress


def preview(
    con: duckdb.DuckDBPyConnection, *, dataset_versions: Collection[str], at: datetime, decisions: DecidedBy,
    by_class: bool, target: Path, progress: Progress = no_progress,
) -> dict[str, Weights]:  # fmt: skip
    """Weighs the versions that are not frozen yet, as `operations.freeze` would at this time, into files of the folder;
    and where classes are asked for, those that are frozen and not told apart, as `operations.sort_out` would.

    Raises LakeDamaged, TooManyClasses.
    """
    missing = Q(frozen_at__isnull=True) | Q(classes=[]) if by_class else Q(frozen_at__isnull=True)
    manifests = Manifest.objects.filter(missing, dataset_version__in=dataset_versions).order_by("dataset_version")
    names = [manifest.dataset_version for manifest in manifests]
    if not names:
        return {}
    stored, arrival = parts_of(names), last_arrival()
    for digest in stored.parts:
        check_part(LAKE, digest)
    open_ones = [manifest.dataset_version for manifest in manifests if manifest.frozen_at is None]
    weighed = {}
    if open_ones:
        weighed = weigh_stored(con, stored=parts_of(open_ones), versions=open_ones, target=target, progress=progress)
    found = {}
    for manifest in manifests:
        name, is_open = manifest.dataset_version, manifest.frozen_at is None
        asked = decisions(manifest.frozen_at or at, arrival if is_open else manifest.frozen_arrival, target)
        plain = weighed[name].weights if is_open else _kept(manifest)
        found[name] = _told_apart(con, stored.query, name, asked, by_class, plain, target)
    return found


def _kept(manifest: Manifest) -> Path:
    check_part(WEIGHTS, manifest.weights_sha256)
    return part(WEIGHTS, manifest.weights_sha256)


def _told_apart(
    con: duckdb.DuckDBPyConnection, records: str, version: str, decisions: Decisions, by_class: bool, plain: Path,
    target: Path,
) -> Weights:  # fmt: skip
    """By class, if that is asked for or some records never earn."""
    if not by_class and not never_earns_in_part(con, records=records, version=version, decisions=decisions):
        return Weights(plain, [])
    classified = classify(con, records=records, version=version, decisions=decisions, target=target)
    return Weights(classified.weights or plain, classified.classes)
