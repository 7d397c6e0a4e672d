"""Whose assets became many more from one cycle's manifests to the next one's."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from revshare.lake import duck, literal, part, spool
from revshare.manifests.models import Manifest
from revshare.manifests.queries import WEIGHTS

NOTHING = "SELECT '' AS contributor_id, 0::BIGINT AS ticks WHERE false"
HELD = "SELECT contributor_id, sum(assets_ticks) AS ticks FROM read_parquet([{paths}]) GROUP BY contributor_id"
# 128 bits: ticks of all dataset versions together may be more than 64 hold.
TOTALS = "SELECT coalesce(sum(after), 0), count(*) FILTER (before > 0) FROM held"
GROWN = """
    SELECT contributor_id, before, after FROM held WHERE after > before ORDER BY after - before DESC, contributor_id
    LIMIT {most}
"""
CANDIDATES = 200


@dataclass(frozen=True)
class Holding:
    contributor_id: str
    before_ticks: int
    after_ticks: int


@dataclass(frozen=True)
class Growth:
    """All ticks now, how many held something before, and whose holdings grew most."""

    total_ticks: int
    holders_before: int
    grown: tuple[Holding, ...]


NO_GROWTH = Growth(0, 0, ())  # of a first cycle, and from manifests to the same ones


def growth(*, after: Mapping[str, str], before: Mapping[str, str]) -> Growth:
    """`after`, `before`: the dataset versions that two locks pinned, by hash. The same ones: nothing grew. Raises
    LakeDamaged."""
    if after == before:
        return NO_GROWTH
    with spool() as scratch, duck(scratch) as con:
        con.execute(
            "CREATE TEMP TABLE held AS SELECT contributor_id, coalesce(b.ticks, 0) AS before, "
            f"coalesce(a.ticks, 0) AS after FROM ({_held(after)}) a "
            f"FULL JOIN ({_held(before)}) b USING (contributor_id)"
        )
        ((total, holders),) = con.execute(TOTALS).fetchall()
        rows = con.execute(GROWN.format(most=CANDIDATES)).fetchall()
    return Growth(int(total), holders, tuple(Holding(name, int(was), int(now)) for name, was, now in rows))


def _held(versions: Iterable[str]) -> str:
    digests = Manifest.objects.filter(dataset_version__in=list(versions)).exclude(weights_sha256="")
    paths = [literal(part(WEIGHTS, digest)) for digest in digests.values_list("weights_sha256", flat=True)]
    return HELD.format(paths=", ".join(paths)) if paths else NOTHING
