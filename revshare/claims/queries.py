"""Reads: where claims stand, and what the lake holds of the assets they are about."""

from collections.abc import Iterable, Sequence
from decimal import Decimal
from pathlib import Path
from typing import Any

import duckdb
import pyarrow as pa
from django.db.models import OuterRef, QuerySet, Subquery, TextField, Value
from django.db.models.functions import Coalesce

from revshare.claims.models import Claim, ClaimStep
from revshare.claims.rules import FILED, OPEN, UPHELD, Contested, Holder
from revshare.consents.queries import DecisionsAt
from revshare.errors import NotFound
from revshare.lake import duck, literal, spool
from revshare.manifests.classes import MADE_BY_A_MACHINE
from revshare.manifests.models import Manifest
from revshare.manifests.queries import parts_of
from revshare.manifests.rules import weigh_sql
from revshare.policies.eligibility import RecordClass

RECORD = "dataset_version, asset_id, contributor_id, share, weight"


def with_state() -> QuerySet[Claim, Any]:
    """Claims, each with its `state`."""
    last = ClaimStep.objects.filter(claim=OuterRef("pk")).order_by("-pk").values("target")[:1]
    return Claim.objects.annotate(state=Coalesce(Subquery(last), Value(FILED, TextField())))


def in_states(*states: str, **where: Any) -> list[Any]:
    """The claims in these states, each with its `state`, in the order they were filed."""
    claims: Any = with_state()
    return list(claims.filter(state__in=states, **where).order_by("pk"))


def find(number: int) -> Any:
    """A claim with its `state`. Raises NotFound."""
    claim = with_state().filter(pk=number).first()
    if claim is None:
        raise NotFound(f"There is no claim {number}: `claims list` shows those there are.")
    return claim


def has_records(*, dataset_version: str, asset_id: str) -> bool:
    """Whether the lake holds records of the asset. Raises LakeDamaged."""
    with spool() as scratch, duck(scratch) as con:
        found = con.execute(
            f"SELECT 1 FROM ({parts_of([dataset_version]).query}) WHERE dataset_version = ? AND asset_id = ? LIMIT 1",
            [dataset_version, asset_id],
        ).fetchall()
    return bool(found)


def contested(versions: Iterable[str]) -> list[Contested]:
    """The assets of these frozen dataset versions that an open or an upheld claim is about, by version and asset.
    Raises LakeDamaged."""
    by_asset: dict[tuple[str, str], list[Any]] = {}
    for claim in in_states(*OPEN, UPHELD, dataset_version__in=list(versions)):
        by_asset.setdefault((claim.dataset_version, claim.asset_id), []).append(claim)
    if not by_asset:
        return []
    held = holders(sorted(by_asset))
    return [
        Contested(
            *asset, next((claim.claimant_id for claim in reversed(claims) if claim.state == UPHELD), ""),
            next((claim.pk for claim in claims if claim.state in OPEN), 0), held[asset],
        )
        for asset, claims in sorted(by_asset.items())
    ]  # fmt: skip


def holders(assets: Sequence[tuple[str, str]]) -> dict[tuple[str, str], tuple[Holder, ...]]:
    """Who holds what of these assets (dataset version, asset). Raises LakeDamaged."""
    versions = sorted({version for version, _ in assets})
    manifests = {m.dataset_version: m for m in Manifest.objects.filter(dataset_version__in=versions)}
    found = {}
    with spool() as scratch, duck(scratch) as con:
        columns = [pa.array(values, pa.string()) for values in zip(*assets, strict=True)]
        con.register("wanted", pa.table(columns, names=["dataset_version", "asset_id"]))
        con.execute(
            f"CREATE TEMP TABLE record AS SELECT * FROM ({parts_of(versions).query}) "
            "SEMI JOIN wanted USING (dataset_version, asset_id)"
        )
        for version, asset_id in assets:
            found[version, asset_id] = tuple(_holders_of(con, manifests[version], asset_id, scratch))
    return found


def _holders_of(con: duckdb.DuckDBPyConnection, manifest: Manifest, asset_id: str, scratch: Path) -> list[Holder]:
    """Whether a record had been opted out is as it was when its manifest was frozen (`manifests.classes`)."""
    assert manifest.frozen_at is not None, "cycles pin frozen manifests only"
    DecisionsAt(manifest.frozen_at, manifest.frozen_arrival, scratch)(con, manifest.dataset_version)
    own = f"dataset_version = {literal(manifest.dataset_version)} AND asset_id = {literal(asset_id)}"
    rows = con.execute(
        f"SELECT weight.contributor_id, assets_ticks, weight_ticks, licence, {MADE_BY_A_MACHINE}, media_type, "
        f"coalesce(one.opted_out, every.opted_out, false) "
        f"FROM ({weigh_sql(f'SELECT {RECORD} FROM record WHERE {own}')}) weight "
        f"JOIN (SELECT * FROM record WHERE {own}) said USING (contributor_id) "
        "LEFT JOIN decision one ON one.contributor_id = said.contributor_id AND one.asset_id = said.asset_id "
        "LEFT JOIN decision every ON every.contributor_id = said.contributor_id AND every.asset_id = '' "
        "ORDER BY weight.contributor_id"
    ).fetchall()
    return [Holder(name, RecordClass(*said), int(ticks), Decimal(weight)) for name, ticks, weight, *said in rows]
