"""I14: the weights by class of frozen manifests are the weights, told apart."""

from collections.abc import Iterator

from revshare.lake import LakeDamaged, check_part, duck, literal, part, spool
from revshare.manifests.models import Manifest
from revshare.manifests.queries import CLASSES, WEIGHTS
from revshare.verification.findings import Finding

DIFFERENT = """
    SELECT contributor_id, c.ticks, w.assets_ticks
    FROM (SELECT contributor_id, sum(assets_ticks) AS ticks, sum(weight_ticks) AS weighted
          FROM read_parquet({classes}) GROUP BY contributor_id) c
    FULL JOIN read_parquet({weights}) w USING (contributor_id)
    WHERE (c.ticks, c.weighted) IS DISTINCT FROM (w.assets_ticks, w.weight_ticks) ORDER BY contributor_id LIMIT 1
"""
TOTALS = "SELECT class, CAST(sum(assets_ticks) AS HUGEINT) FROM read_parquet({classes}) GROUP BY class ORDER BY class"


def class_weights() -> Iterator[Finding]:
    """Their file has its hash; what a contributor has of all classes is what the weights say; and the classes have
    together the records of the manifest, each the ticks that its totals name."""
    for manifest in Manifest.objects.exclude(classes=[]).order_by("pk"):
        where = f"manifest {manifest.dataset_version}"
        try:
            check_part(WEIGHTS, manifest.weights_sha256)
            if manifest.classes_sha256:
                check_part(CLASSES, manifest.classes_sha256)
        except LakeDamaged as error:
            yield Finding("I14", where, str(error))
            continue
        if difference := _difference(manifest):
            yield Finding("I14", where, difference)


def _difference(manifest: Manifest) -> str:
    totals = [total["assets_ticks"] for total in manifest.class_totals]
    records = sum(total["records"] for total in manifest.class_totals)
    if len(totals) != len(manifest.classes) or (records, sum(totals)) != (manifest.records, manifest.assets_ticks):
        return f"its classes have {records} records and the ticks {totals}, it has {manifest.records} records"
    return _different_weights(manifest, totals) if manifest.classes_sha256 else ""


def _different_weights(manifest: Manifest, totals: list[int]) -> str:
    with spool() as scratch, duck(scratch) as con:
        classes = literal(part(CLASSES, manifest.classes_sha256))
        weights = literal(part(WEIGHTS, manifest.weights_sha256))
        found = con.execute(DIFFERENT.format(classes=classes, weights=weights)).fetchall()
        ticks = con.execute(TOTALS.format(classes=classes)).fetchall()
    for contributor, classed, weighed in found:
        return f"by class {contributor} has {classed} ticks, by weight {weighed}"
    if ticks != list(enumerate(totals)):
        return f"its classes have the ticks {ticks}, the totals of the manifest say {totals}"
    return ""
