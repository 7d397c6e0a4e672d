"""Which assets of a contributor stand in which dataset versions and models ("am I in it?"). Read from the lake."""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

import pyarrow as pa
from django.db.models import Q

from revshare.consents.models import Consent
from revshare.consents.own_records import counted, own_records, page_of
from revshare.consents.rules import Decision, opted_out
from revshare.manifests.models import Manifest, Weight
from revshare.manifests.places import OnRollOf
from revshare.manifests.queries import models_trained, parts_of

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


@dataclass(frozen=True)
class Own:
    """A contributor's records, and the dataset versions in which they may stand."""

    contributor_id: str
    records: pa.Table
    manifests: dict[str, Manifest]


def standings(*, contributor_id: str, at: datetime, size: int, search: str = "", after: Place = ("", "")) -> Page:
    """A page of what stands after `after`. `search`: how the asset's id begins. Raises LakeDamaged."""
    return _page(_own(contributor_id), at=at, size=size, search=search, after=after)


def held(*, contributor_id: str, asset_id: str = "", scope: str = "") -> list[Held]:
    """The dataset versions that hold assets of a contributor, in code-point order; only this asset, only this version,
    if they are given. Raises LakeDamaged."""
    return _held(_own(contributor_id), asset_id, scope)


def held_and_standings(
    *, contributor_id: str, at: datetime, size: int, search: str = "", after: Place = ("", "")
) -> tuple[list[Held], Page]:
    """Both, with the lake read once. Raises LakeDamaged."""
    own = _own(contributor_id)
    return _held(own), _page(own, at=at, size=size, search=search, after=after)


def _page(own: Own, *, at: datetime, size: int, search: str, after: Place) -> Page:
    found = page_of(own.records, size=size + 1, search=search, after=after)
    decided = _decisions(own.contributor_id, {asset for asset, _ in found})
    models = _models_by_version()
    rows = []
    for asset, version in found[:size]:
        manifest = own.manifests[version]
        upto = manifest.frozen_arrival if manifest.frozen_at else None
        known = [decision for arrival, decision in decided if upto is None or arrival <= upto]
        out = opted_out(known, asset_id=asset, dataset_version=version, at=manifest.frozen_at or at)
        rows.append(Standing(asset, version, models[version], manifest.frozen_at, out))
    return Page(rows, more=len(found) > size)


def _held(own: Own, asset_id: str = "", scope: str = "") -> list[Held]:
    models = _models_by_version()
    return [
        Held(version, models[version], own.manifests[version].frozen_at, number)
        for version, number in counted(own.records, asset_id=asset_id, scope=scope)
    ]


def _own(contributor_id: str) -> Own:
    holding = Weight.objects.filter(
        OnRollOf(contributor_id, view=Weight._meta.db_table), contributor_id=contributor_id
    ).values_list("manifest_id", flat=True)
    waiting = Q(frozen_at__isnull=True, part_versions__isnull=False)
    found = Manifest.objects.filter(waiting | Q(pk__in=list(holding))).distinct()
    manifests = {manifest.dataset_version: manifest for manifest in found}
    query = parts_of(sorted(manifests)).query
    return Own(contributor_id, own_records(contributor_id=contributor_id, query=query), manifests)


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
