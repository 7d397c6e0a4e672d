"""What a pool is divided by: who holds how many units of it, and what of it is set aside for nobody or for later.

Units are ticks (720,720 to an asset), parts of ticks times an asset's weight, or micros of a measure or of what sales
were attributed. They are integers of 64 bits; only their ratio matters.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path

import duckdb
import numpy as np
import numpy.typing as npt
import pyarrow as pa

from revshare.allocation.disputes import Disputes, Payable
from revshare.allocation.models import Bucket
from revshare.allocation.queries import Int64s, People
from revshare.apportion import TICKS_PER_ASSET, exact_sum
from revshare.claims.rules import contested_of
from revshare.errors import Refused
from revshare.lake import copy_out, csv_scan
from revshare.manifests.queries import Weights
from revshare.policies.eligibility import COMMONS, EXCLUDE, HOLD, PAY
from revshare.policies.terms import ASSETS, DIRECTED, JOINT, MEASURE, OUTPUTS, WEIGHT
from revshare.pools.conversions import units_query
from revshare.pools.rules import Attributed, Key, Pinned, pool_key
from revshare.pools.sources import Sources, measured_query

INT64_MAX = 2**63 - 1
OPTED_OUT = "opted out"
LICENCE = "licence"
TARGET = ("stream", "model", "dataset_version", "currency", "rate")
ATTRIBUTED = {**dict.fromkeys((*TARGET, "role", "contributor_id"), "VARCHAR"), "units": "BIGINT"}
MEASURED = {"measure": "VARCHAR", "contributor_id": "VARCHAR", "units": "BIGINT"}


class UnitsTooLarge(Refused):
    """The units of a pool do not fit into 64 bits."""

    code = "units_too_large"


@dataclass(frozen=True)
class Aside:
    """Units whose money no contributor gets, at least not now. `contributor_id`: whose they are, where it matters."""

    bucket: str
    reason: str
    units: int
    contributor_id: str = ""


@dataclass(frozen=True)
class Holding:
    """Who holds units of a pool: `codes` are positions among the people, ascending; `ticks` as many units, in whatever
    unit the pool has."""

    codes: Int64s
    ticks: Int64s
    aside: tuple[Aside, ...] = ()

    @cached_property
    def denominator(self) -> int:
        return exact_sum(self.ticks) + sum(item.units for item in self.aside)


class Numerators:
    """The units of a cycle's pools."""

    def __init__(
        self, con: duckdb.DuckDBPyConnection, *, sources: Sources, pinned: Pinned, versions: Sequence[str],
        scratch: Path, also: Sequence[str] = (), drafts: Mapping[str, Weights] | None = None,
    ) -> None:  # fmt: skip
        """`versions`: all dataset versions of the pools. `also`: tables of the connection that name contributors
        as well. `drafts`: weights of versions that are not frozen. Raises LakeDamaged."""
        self._con = con
        self._sources = sources
        self._pinned = pinned
        others = list(also)
        if found := units_query(sources):
            self._load("attributed", *found, ATTRIBUTED, scratch)
            others.append("attributed")
        if found := measured_query(sources):
            self._load("measured", *found, MEASURED, scratch)
            others.append("measured")
        # Of other dataset versions claims are none of these pools' business.
        self._contested = [item for item in contested_of(pinned.claims) if item.dataset_version in versions]
        if self._contested:
            owners = pa.array([item.owner for item in self._contested if item.owner], pa.string())
            con.register("owner", pa.table({"contributor_id": owners}))
            others.append("owner")
        self.people = People(con, versions, others, drafts=drafts)
        self._of_versions: dict[tuple[str, tuple[str, ...], int], Holding] = {}

    def holding(self, key: Key, measure: str, versions: Sequence[str]) -> Holding:
        """Who holds what of the pool of this key. Raises UnitsTooLarge."""
        if measure in (ASSETS, WEIGHT):
            terms = self._sources.rulebook.tables.get(key.table)
            holding = self._of_manifests(measure, tuple(versions), terms.min_assets if terms else 0)
        elif measure.startswith(MEASURE):
            holding = self._found(
                "SELECT contributor_id, units FROM measured WHERE measure = ?", [measure[len(MEASURE) :]]
            )
        else:
            assert measure == OUTPUTS or measure.startswith(DIRECTED), measure
            holding = self._of_outputs(key, measure)
        if holding.denominator > INT64_MAX:
            raise UnitsTooLarge(
                f"The {measure} of pool {key.table} {key.model} {key.dataset_version} sum to more than 2^63."
            )
        return self._except(holding)

    def _of_manifests(self, measure: str, versions: tuple[str, ...], min_assets: int) -> Holding:
        cached = (measure, versions, min_assets)
        if cached not in self._of_versions:
            self._of_versions[cached] = self._weigh(measure, versions, min_assets)
        return self._of_versions[cached]

    def _weigh(self, measure: str, versions: Sequence[str], min_assets: int) -> Holding:
        """Ticks, or weights, by what the policy says of their class."""
        eligibility = self._sources.rulebook.eligibility
        disputes = self._disputes()
        decimals = None
        if measure == WEIGHT:
            decimals = max(self.people.decimals(versions), disputes.decimals(versions))
        if whole := self._as_it_stands(versions, decimals, min_assets):
            return whole
        by_treatment = {name: np.zeros(len(self.people.ids), np.int64) for name in (PAY, HOLD, COMMONS)}
        holds = np.zeros(len(self.people.ids), bool)
        ticks = np.zeros(len(self.people.ids), np.int64)
        for version in versions:
            for record, units in self.people.units(version, decimals):
                treatment = eligibility.treatment(record)
                if treatment == EXCLUDE:
                    continue
                by_treatment[treatment][units.codes] += units.units
                if treatment == PAY:
                    holds[units.codes] = True
                    ticks[units.codes] += units.ticks
        disputes.move(Payable(by_treatment[PAY], ticks, holds), versions=versions, decimals=decimals)
        if min_assets:
            holds &= ticks >= min_assets * TICKS_PER_ASSET
        codes = np.flatnonzero(holds)
        held = by_treatment[HOLD]
        aside = [
            Aside(Bucket.HELD, OPTED_OUT, int(held[code]), str(self.people.ids[int(code)]))
            for code in np.flatnonzero(held)
        ]
        aside += [
            Aside(Bucket.HELD, f"claim {claim}", units, str(self.people.ids[code]))
            for (claim, code), units in sorted(disputes.held.items())
            if units and holds[code]
        ]
        if commons := exact_sum(by_treatment[COMMONS]):
            aside.insert(0, Aside(Bucket.COMMONS, LICENCE, commons))
        return Holding(codes, by_treatment[PAY][codes], tuple(aside))

    def _as_it_stands(self, versions: Sequence[str], decimals: int | None, min_assets: int) -> Holding | None:
        """What is held of a single version of which all is paid and nothing contested: the rows of its file. None for
        others, and for a file whose rows are not found in order."""
        treatment = self._sources.rulebook.eligibility.treatment
        if self._contested or [treatment(record) for own in versions for record in self.people.classes(own)] != [PAY]:
            return None
        [(_, units)] = self.people.units(versions[0], decimals)
        if (units.codes[1:] <= units.codes[:-1]).any():
            return None
        if not min_assets:
            return Holding(units.codes, units.units)
        enough = units.ticks >= min_assets * TICKS_PER_ASSET
        return Holding(units.codes[enough], units.units[enough])

    def _disputes(self) -> Disputes:
        places = self.people.places({name for asset in self._contested for name in asset.people})
        return Disputes(self._contested, places, self._sources.rulebook.eligibility)

    def _of_outputs(self, key: Key, measure: str) -> Holding:
        """Micros of the pool's sales that are attributed to each; none where refunds of earlier sales are more."""
        role = measure.removeprefix(DIRECTED) if measure.startswith(DIRECTED) else "output"
        rate = key.part.removesuffix(measure).removesuffix(JOINT)
        targets = self._con.execute(f"SELECT DISTINCT {', '.join(TARGET)} FROM attributed").fetchall()
        wanted = [
            target for target in targets
            if target[-1] == rate and self._key(*target) == replace(key, part="")
        ]  # fmt: skip
        columns = list(zip(*wanted, strict=True)) or [()] * len(TARGET)
        self._con.register("wanted", pa.table([pa.array(c, pa.string()) for c in columns], names=list(TARGET)))
        return self._found(
            "SELECT contributor_id, greatest(sum(units), 0) AS units FROM attributed "
            f"SEMI JOIN wanted USING ({', '.join(TARGET)}) WHERE role = ? GROUP BY contributor_id",
            [role],
        )

    def _key(self, stream: str, model: str, version: str, currency: str, rate: str) -> Key:
        return pool_key(Attributed(stream, model, version, currency, rate, "", 0), self._sources.rulebook, self._pinned)

    def _found(self, query: str, params: list[str]) -> Holding:
        columns = self._con.execute(
            f"SELECT code, CAST(units AS BIGINT) AS units FROM ({query}) JOIN holder USING (contributor_id) "
            "ORDER BY code",
            params,
        ).fetchnumpy()
        return Holding(np.asarray(columns["code"], np.int64), np.asarray(columns["units"], np.int64))

    def _except(self, holding: Holding) -> Holding:
        """Without placeholders; and what stands for the public goes to the commons fund."""
        eligibility = self._sources.rulebook.eligibility
        named = (*eligibility.excluded_contributors, *eligibility.commons_contributors)
        if not named:
            return holding
        public = self._places(holding, eligibility.commons_contributors)
        kept = np.ones(len(holding.codes), bool)
        kept[public] = False
        kept[self._places(holding, eligibility.excluded_contributors)] = False
        aside = holding.aside
        if units := exact_sum(holding.ticks[public]):
            aside = (Aside(Bucket.COMMONS, "public", units), *aside)
        return Holding(holding.codes[kept], holding.ticks[kept], aside)

    def _places(self, holding: Holding, names: Sequence[str]) -> npt.NDArray[np.int64]:
        return np.flatnonzero(np.isin(holding.codes, self.people.codes_of(names)))

    def _load(self, table: str, query: str, params: list[object], types: dict[str, str], scratch: Path) -> None:
        draft = scratch / f"{table}.copy"
        copy_out(query, draft, params)
        self._con.execute(f"CREATE OR REPLACE TEMP TABLE {table} AS SELECT * FROM {csv_scan(draft, types)}")
        draft.unlink()
