"""Which assets of a contributor stand in which dataset versions and models ("am I in it?"). Read from the lake."""

from collections import defaultdict
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime

import duckdb
from django.db.models import Q

from revshare.consents.models import Consent
from revshare.consents.rules import Decision, opted_out
from revshare.lake import duck, spool
from revshare.manifests.models import Manifest, Weight
from revshare.manifests.queries import models_trained, parts_of

MEMORY = "512MB"  # a page for one person, beside whatever else runs
Place = tuple[str, str]
"""Asset and dataset version: where a page begins or ends."""


@dataclass(frozen=True)
class Standing:
    """An asset in a dataset version. `opted_out`: when the version was frozen; of one that is not frozen yet, now."""

    asset_id: str
    dataset_version: str
    models: tuple[str, ...]
    frozen_at: datetime | None
    opted_out: bool

    @property
    def place(self) -> Place:
        return self.asset_id, self.dataset_version


@dataclass(frozen=True)
class Page:
    """Standings in code-point order of assets, then of dataset versions. `more`: whether others follow."""

    rows: list[Standing]
    more: bool


@dataclass(frozen=True)
class Held:
    """How many assets of a contributor a dataset version holds."""

    dataset_version: str
    models: tuple[str, ...]
    frozen_at: datetime | None
    assets: int


Records = tuple[duckdb.DuckDBPyConnection, str, dict[str, Manifest]]


def standings(*, contributor_id: str, at: datetime, size: int, search: str = "", after: Place = ("", "")) -> Page:
    """A page of what stands after `after`. `search`: how the asset's id begins. Raises LakeDamaged."""
    with _records(contributor_id) as records:
        return _page(records, contributor_id, at=at, size=size, search=search, after=after)


def held(*, contributor_id: str, asset_id: str = "", scope: str = "") -> list[Held]:
    """The dataset versions that hold assets of a contributor, in code-point order; only this asset, only this version,
    if they are given. Raises LakeDamaged."""
    with _records(contributor_id) as records:
        return _held(records, contributor_id, asset_id, scope)


def held_and_standings(
    *, contributor_id: str, at: datetime, size: int, search: str = "", after: Place = ("", "")
) -> tuple[list[Held], Page]:
    """Both, with the lake read once. Raises LakeDamaged."""
    with _records(contributor_id) as (con, own, manifests):
        con.execute(f"CREATE TEMP TABLE mine AS SELECT * FROM ({own}) WHERE contributor_id = ?", [contributor_id])
        records = (con, "SELECT * FROM mine", manifests)
        versions = _held(records, contributor_id)
        return versions, _page(records, contributor_id, at=at, size=size, search=search, after=after)


def _page(records: Records, contributor_id: str, *, at: datetime, size: int, search: str, after: Place) -> Page:
    con, own, manifests = records
    found = con.execute(
        f"SELECT asset_id, dataset_version FROM ({own}) WHERE contributor_id = ? AND starts_with(asset_id, ?) "
        "AND (asset_id > ? OR asset_id = ? AND dataset_version > ?) "
        "ORDER BY asset_id, dataset_version LIMIT ?",
        [contributor_id, search, after[0], after[0], after[1], size + 1],
    ).fetchall()
    decided = _decisions(contributor_id, {asset for asset, _ in found})
    models = _models_by_version()
    rows = []
    for asset, version in found[:size]:
        manifest = manifests[version]
        upto = manifest.frozen_arrival if manifest.frozen_at else None
        known = [decision for arrival, decision in decided if upto is None or arrival <= upto]
        out = opted_out(known, asset_id=asset, dataset_version=version, at=manifest.frozen_at or at)
        rows.append(Standing(asset, version, models[version], manifest.frozen_at, out))
    return Page(rows, more=len(found) > size)


def _held(records: Records, contributor_id: str, asset_id: str = "", scope: str = "") -> list[Held]:
    con, own, manifests = records
    counts = con.execute(
        f"SELECT dataset_version, count(*) FROM ({own}) WHERE contributor_id = ? AND ? IN ('', asset_id) "
        "AND ? IN ('', dataset_version) GROUP BY dataset_version ORDER BY dataset_version",
        [contributor_id, asset_id, scope],
    ).fetchall()
    models = _models_by_version()
    return [Held(version, models[version], manifests[version].frozen_at, number) for version, number in counts]


@contextmanager
def _records(contributor_id: str) -> Iterator[Records]:
    """A connection, the SQL of the records of all dataset versions in which the contributor may stand, and these."""
    holding = Weight.objects.filter(contributor_id=contributor_id).values_list("manifest_id", flat=True)
    waiting = Q(frozen_at__isnull=True, part_versions__isnull=False)
    found = Manifest.objects.filter(waiting | Q(pk__in=list(holding))).distinct()
    manifests = {manifest.dataset_version: manifest for manifest in found}
    with spool() as scratch, duck(scratch, memory=MEMORY) as con:
        yield con, parts_of(sorted(manifests)).query, manifests


def _decisions(contributor_id: str, assets: set[str]) -> Sequence[tuple[int, Decision]]:
    """What the contributor decided about these assets and about all, each with its arrival."""
    rows = Consent.objects.filter(contributor_id=contributor_id, asset_id__in=["", *assets])
    return [
        (row.arrival, Decision(row.asset_id, row.scope, row.effective_at, row.decision == "opt_out")) for row in rows
    ]


def _models_by_version() -> dict[str, tuple[str, ...]]:
    models: dict[str, tuple[str, ...]] = defaultdict(tuple)
    for model, versions in models_trained().items():
        for version in versions:
            models[version] += (model,)
    return models
