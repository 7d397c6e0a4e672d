"""From sums of sales to pools: which pool a sale belongs to, what it has to share, what it carries. Pure."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date
from fractions import Fraction
from typing import Any

from revshare.apportion import apportion
from revshare.money import share_of
from revshare.policies.rules import DEFAULT, Rulebook
from revshare.policies.terms import ASSETS, DIRECTED, MEASURE, WEIGHT, Rate, Terms
from revshare.pools.division import JOINT, MIX, Part, Takings, divide
from revshare.pools.exchange import Converted, Exchange, added, converted
from revshare.sales.queries import Sum

CARRIED_ONLY = "nothing is shared: this policy has no such pool, and the deficit of an earlier one is carried on"
RELEASED = "; and what had waited in suspense, of earlier sales"
MOVEMENTS = "nothing is shared: what else moved the accounts since the cycle before"


@dataclass(frozen=True)
class Pinned:
    """What a lock fixed: the hash of each manifest in use, and what each model in use was trained on. `mixes`: of
    models that say how much of them comes from each dataset version, in any unit. `classes`: the hash of weights by
    class, of manifests that have them. `upto_arrival`: the last arrival of measures, outputs and use. `matches`: by
    kind (`model`, `dataset_version`), what names stand for that nobody knows. `claims`:
    the assets of these manifests that claims are about (`claims.rules`). `shared`: the money in suspense that somebody
    decided to share: the cycle that left it there, the key of its pool, and with which model's sales, if with any.
    `voided`: the files whose rows do not count; `also`: those that came later and do. `upto_debt_step`: the last step
    of a debt."""

    manifests: Mapping[str, str] = field(default_factory=dict)
    models: Mapping[str, Sequence[str]] = field(default_factory=dict)
    mixes: Mapping[str, Mapping[str, int]] = field(default_factory=dict)
    classes: Mapping[str, str] = field(default_factory=dict)
    upto_arrival: int = 0
    claims: Sequence[Mapping[str, Any]] = ()
    matches: Mapping[str, Mapping[str, str]] = field(default_factory=dict)
    voided: Sequence[int] = ()
    upto_debt_step: int = 0
    shared: Sequence[Sequence[str]] = ()
    also: Sequence[int] = ()

    def meant(self, *, model: str, dataset_version: str) -> tuple[str, str]:
        """What sales of a model or dataset version are of: itself if it is known, or what it was matched with."""
        if not self.matches or self.versions_of(model=model, dataset_version=dataset_version):
            return model, dataset_version
        if model:
            return self.matches.get("model", {}).get(model, model), ""
        return "", self.matches.get("dataset_version", {}).get(dataset_version, dataset_version)

    def versions_of(self, *, model: str, dataset_version: str) -> list[str]:
        """The dataset versions that a sale is shared over; none if its model or any of its datasets is unknown."""
        named = list(self.models.get(model, ())) if model else [dataset_version]
        return named if all(version in self.manifests for version in named) else []

    def all_versions(self) -> list[str]:
        """The dataset versions with records that a registered model was trained on, in code-point order."""
        return sorted({name for names in self.models.values() for name in names if name in self.manifests})


@dataclass(frozen=True, order=True)
class Key:
    """What makes a pool the same pool in the next cycle."""

    table: str
    model: str
    dataset_version: str
    currency: str
    part: str = ""


@dataclass(frozen=True, order=True)
class Waited:
    """Money from suspense: the pool that it waited in; and if not a match lets it out but somebody's decision, whether
    it goes with the sales of a model."""

    key: Key
    decided: bool = False
    model: str = ""


@dataclass(frozen=True)
class PoolSum:
    """One pool, worked out. net + carried_in + released = distributable + commons + platform + carried_out; all in
    micros. `released`: from suspense; it was the contributors' share already."""

    key: Key
    terms: Terms | None
    versions: list[str]
    suspense_reason: str
    count: int
    net_micros: int
    carried_in_micros: int
    deducted_micros: int = 0
    measure: str = ASSETS
    share: Fraction = Fraction(0)
    share_text: str = "0%"
    words: str = CARRIED_ONLY
    released_micros: int = 0

    @property
    def base_micros(self) -> int:
        return self.net_micros + self.carried_in_micros - self.deducted_micros

    @property
    def shared_micros(self) -> int:
        """floor(base × share); nothing if the base is negative."""
        return share_of(self.base_micros, self.share) if self.base_micros > 0 else 0

    @property
    def commons_micros(self) -> int:
        """What of that the policy gives to the commons fund."""
        return share_of(self.shared_micros, self.terms.commons) if self.terms else 0

    @property
    def distributable_micros(self) -> int:
        return self.shared_micros - self.commons_micros + self.released_micros

    @property
    def rule(self) -> str:
        """In words, as it stands on statements."""
        return f"{self.words}{RELEASED}" if self.released_micros else self.words

    @property
    def platform_micros(self) -> int:
        """What is left, and the tax and fees that were deducted; below zero if more of these came back by refunds."""
        return max(self.base_micros, 0) - self.shared_micros + self.deducted_micros

    @property
    def carried_out_micros(self) -> int:
        """A negative base is carried to the same pool of the next cycle, as long as it takes."""
        return min(self.base_micros, 0)


def nothing_to_divide_by(measure: str) -> str:
    """Why a pool whose dataset versions are known has nobody to go to."""
    if measure in (ASSETS, WEIGHT):
        return "no asset of its dataset versions earns under this policy"
    return f"nobody has any {measure.removeprefix(MEASURE).removeprefix(DIRECTED)} in this cycle"


@dataclass(frozen=True)
class Attributed:
    """How much of the sales to one target is attributed to contributors in a role, in micros."""

    stream: str
    model: str
    dataset_version: str
    currency: str
    rate: str
    role: str
    micros: int
    day: date | None = None  # of the exchange rate, if there is one


def gather(
    *, sums: Iterable[Sum], rulebook: Rulebook, pinned: Pinned, carried: Mapping[Key, int],
    attributed: Iterable[Attributed] = (), exchange: Exchange | None = None,
    released: Mapping[Waited, int] | None = None,
) -> list[PoolSum]:  # fmt: skip
    """The pools of a cycle in order of their keys, from the sums of its sales, what earlier pools carried, and what
    suspense releases: by what it waited for (`places` of which there must be). `exchange`: if all pools are in
    one currency.

    Every stream must be covered by the rulebook (the lock saw to it).
    """
    carried = _placed(carried, rulebook, pinned)
    takings = _in_pools(_takings(sums, attributed, rulebook, pinned), exchange)
    pools: dict[Key, PoolSum] = {}
    for (key, label), taken in takings.items():
        terms = rulebook.tables[key.table]
        rate = next((rate for rate in terms.every_rate if rate and rate.label == label), None)
        for part in _parts(key, terms, rate, taken, pinned):
            pool = _pool(key, terms, part, pinned, carried)
            assert pool.key not in pools, pool.key
            pools[pool.key] = pool
    for key in carried.keys() - pools.keys():
        pools[key] = _carried(key, rulebook, pinned, carried[key])
    for waited, micros in sorted((released or {}).items()):
        found = places(waited, rulebook, pinned)
        for place, amount in zip(found, apportion(total=micros, weights=[p.weight for p in found]), strict=True):
            pool = pools.get(place.key) or _pool(place.key, place.terms, place.part, pinned, carried)
            pools[place.key] = replace(pool, released_micros=pool.released_micros + amount)
    return [_in_words(pools[key], exchange) for key in sorted(pools)]


def conversions(
    *, sums: Iterable[Sum], rulebook: Rulebook, pinned: Pinned, exchange: Exchange | None
) -> list[Converted]:
    """What of these sales is in other currencies than the pools of `gather`, and what it comes to there."""
    if exchange is None:
        return []
    takings = _takings(sums, (), rulebook, pinned)
    return converted(((_dated(day), key.currency, t.net_micros) for (key, _, day), t in takings.items()), exchange)


def _takings(
    sums: Iterable[Sum], attributed: Iterable[Attributed], rulebook: Rulebook, pinned: Pinned
) -> dict[tuple[Key, str, date | None], Takings]:
    """By pool in the currency of the sales, label of the policy's rate, and day of the exchange rate."""
    takings: dict[tuple[Key, str, date | None], Takings] = {}
    for item in sums:
        at = (pool_key(item, rulebook, pinned), item.rate, item.day)
        sold = Takings(net_micros=item.net_micros, deducted_micros=item.deducted_micros, count=item.count)
        takings[at] = added(takings.get(at, Takings()), sold)
    for role in attributed:
        at = (pool_key(role, rulebook, pinned), role.rate, role.day)
        takings[at] = added(takings[at], Takings(attributed={role.role: role.micros}))
    return takings


def _in_pools(
    by_day: Mapping[tuple[Key, str, date | None], Takings], exchange: Exchange | None
) -> dict[tuple[Key, str], Takings]:
    """By pool and label of the policy's rate, in the currency of the pool."""
    takings: dict[tuple[Key, str], Takings] = {}
    for (sold, label, day), taken in by_day.items():
        key = sold
        if exchange is not None:
            taken = exchange.takings(taken, day=_dated(day), base=sold.currency)
            key = replace(sold, currency=exchange.quote)
        takings[key, label] = added(takings.get((key, label), Takings()), taken)
    return takings


def _dated(day: date | None) -> date:
    assert day is not None, "with exchange rates every sum has a day"
    return day


def _in_words(pool: PoolSum, exchange: Exchange | None) -> PoolSum:
    if exchange is None or pool.terms is None or pool.key.currency != exchange.quote:
        return pool
    return replace(pool, words=pool.words + JOINT + exchange.words)


def pool_key(item: Sum | Attributed, rulebook: Rulebook, pinned: Pinned) -> Key:
    """The pool that sales to a target belong to, before it is divided into parts."""
    terms = rulebook.terms_for(item.stream)
    assert terms is not None, item.stream
    model, version = pinned.meant(model=item.model, dataset_version=item.dataset_version)
    if terms.pooling == "single" and pinned.versions_of(model=model, dataset_version=version):
        return Key(terms.table, "", "", item.currency)
    return Key(terms.table, model, version, item.currency)


@dataclass(frozen=True)
class Place:
    """A pool that takes what waited in suspense; `weight`: of how much, beside the others."""

    key: Key
    terms: Terms
    part: Part
    weight: int


def places(waited: Waited, rulebook: Rulebook, pinned: Pinned) -> list[Place]:
    """Where money goes that waited in suspense. Once its name is matched: the parts by assets of the pool that sales of
    that name belong to now; of the same rate and factor, if the policy still has them. By a decision: the part that it
    waited in, if the policy still has it; else, or where a model is named, as by a match. None if nothing divides by
    assets under these rules."""
    key = waited.key
    terms = rulebook.tables.get(key.table) or rulebook.tables.get(DEFAULT)
    if terms is None:
        return []
    single = terms.pooling == "single"
    if waited.decided and not waited.model:
        base = replace(key, table=terms.table)
        same = [part for part in _all_parts(base, terms, pinned) if part.label == key.part]
        if same:
            return [Place(key=base, terms=terms, part=same[0], weight=1)]
    if not waited.decided and not _is_matched(key, pinned):
        return []
    named = (waited.model, "") if waited.model else (key.model, key.dataset_version)
    model, version = pinned.meant(model=named[0], dataset_version=named[1])
    if not pinned.versions_of(model=model, dataset_version=version):
        return []
    base = Key(terms.table, "" if single else model, "" if single else version, key.currency)
    parts = [part for part in _all_parts(base, terms, pinned) if part.measure in (ASSETS, WEIGHT)]
    same = [part for part in parts if _stem(part.label) == _stem(key.part)]
    chosen = same or [part for part in parts if _stem(part.label) == _stem(parts[0].label)]
    return [
        Place(
            replace(base, part=part.label), terms, part,
            pinned.mixes[base.model][part.versions[0]] if part.versions else 1,
        )
        for part in chosen
    ]  # fmt: skip


def _all_parts(base: Key, terms: Terms, pinned: Pinned) -> list[Part]:
    """The parts of a pool to which nothing was sold, at every rate."""
    return [part for rate in terms.every_rate for part in _parts(base, terms, rate, Takings(), pinned)]


def _stem(label: str) -> str:
    """A part's label without the dataset version of a mix."""
    return JOINT.join(piece for piece in label.split(JOINT) if not piece.startswith(MIX))


def _is_matched(key: Key, pinned: Pinned) -> bool:
    kind, name = ("model", key.model) if key.model else ("dataset_version", key.dataset_version)
    return name in pinned.matches.get(kind, {})


def _placed(carried: Mapping[Key, int], rulebook: Rulebook, pinned: Pinned) -> dict[Key, int]:
    """Deficits of pools whose name is matched by now go with its sales; of several places, to the first."""
    moved: dict[Key, int] = {}
    for key, micros in carried.items():
        found = places(Waited(key), rulebook, pinned)
        place = found[0].key if found else key
        moved[place] = moved.get(place, 0) + micros
    return moved


def _parts(key: Key, terms: Terms, rate: Rate | None, taken: Takings, pinned: Pinned) -> list[Part]:
    return divide(takings=taken, terms=terms, rate=rate, mix=pinned.mixes.get(key.model, {}))


def _pool(key: Key, terms: Terms, part: Part, pinned: Pinned, carried: Mapping[Key, int]) -> PoolSum:
    key = replace(key, part=part.label)
    versions, missing = _versions(key, terms, part, pinned)
    return PoolSum(
        key=key, terms=terms, versions=versions, suspense_reason="" if versions else missing, count=part.count,
        net_micros=part.net_micros, carried_in_micros=carried.get(key, 0), deducted_micros=part.deducted_micros,
        measure=part.measure, share=part.share, share_text=part.share_text, words=part.words,
    )  # fmt: skip


def _carried(key: Key, rulebook: Rulebook, pinned: Pinned, carried_in: int) -> PoolSum:
    """A pool to which nothing was sold, and whose deficit is carried on."""
    terms = rulebook.tables.get(key.table)
    if terms is not None:
        for part in _all_parts(key, terms, pinned):
            if part.label == key.part:
                return _pool(key, terms, part, pinned, {key: carried_in})
    versions = _versions(key, terms, None, pinned)[0]
    return PoolSum(
        key=key, terms=None, versions=versions, suspense_reason="", count=0, net_micros=0, carried_in_micros=carried_in
    )


def _versions(key: Key, terms: Terms | None, part: Part | None, pinned: Pinned) -> tuple[list[str], str]:
    """The dataset versions that a pool is shared over, and why there are none if so."""
    if part is not None and part.measure not in (ASSETS, WEIGHT):
        return [], ""
    if not key.model and not key.dataset_version:
        if terms is not None and terms.pooling != "single":
            return [], "nothing says what these customers used"
        return pinned.all_versions(), "no registered model has a dataset with records"
    versions = pinned.versions_of(model=key.model, dataset_version=key.dataset_version)
    if part is not None and part.versions is not None and versions:
        versions = list(part.versions)
    return versions, f"{key.model or key.dataset_version} is not known, or a dataset of it has no records"
