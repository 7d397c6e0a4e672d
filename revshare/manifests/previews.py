"""What dataset versions would weigh if they were frozen now. They are not: the weights lie in a scratch folder."""

from collections.abc import Iterable
from pathlib import Path

import duckdb

from revshare.lake import check_part
from revshare.manifests.classes import Decisions, classify
from revshare.manifests.engines import weigh_stored
from revshare.manifests.queries import LAKE, Weights, parts_of
from revshare.progress import Progress, no_progress


def preview(
    con: duckdb.DuckDBPyConnection, *, dataset_versions: Iterable[str], decisions: Decisions, target: Path,
    progress: Progress = no_progress,
) -> dict[str, Weights]:  # fmt: skip
    """Weighs dataset versions into files of the folder, as `operations.freeze` would. `decisions`: who has opted out.

    Raises LakeDamaged, TooManyClasses.
    """
    versions = sorted(dataset_versions)
    if not versions:
        return {}
    stored = parts_of(versions)
    for digest in stored.parts:
        check_part(LAKE, digest)
    weighed = weigh_stored(con, stored=stored, versions=versions, target=target, progress=progress)
    found = {}
    for version in versions:
        classified = classify(con, records=stored.query, version=version, decisions=decisions, target=target)
        found[version] = (
            Weights(classified.weights, classified.classes) if classified else Weights(weighed[version].weights, [])
        )
    return found
