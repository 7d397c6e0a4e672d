"""From sums of sales to pools: which pool a sale belongs to, what it has to share, what it carries. Pure."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from revshare.money import share_of
from revshare.policies.rules import Rulebook, Terms
from revshare.sales.queries import Sum

CARRIED_ONLY = "nothing is shared: this policy has no such pool, and the deficit of an earlier one is carried on"
MOVEMENTS = "nothing is shared: what else moved the accounts since the cycle before"


@dataclass(frozen=True)
class Pinned:
    """What a lock fixed: the hash of each manifest in use, and what each model in use was trained on."""

    manifests: Mapping[str, str] = field(default_factory=dict)
    models: Mapping[str, Sequence[str]] = field(default_factory=dict)

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


@dataclass(frozen=True)
class PoolSum:
    """One pool, worked out. net + carried_in = distributable + platform + carried_out; all in micros."""

    key: Key
    terms: Terms | None
    versions: list[str]
    suspense_reason: str
    count: int
    net_micros: int
    carried_in_micros: int

    @property
    def base_micros(self) -> int:
        return self.net_micros + self.carried_in_micros

    @property
    def distributable_micros(self) -> int:
        """floor(base × share); nothing if the base is negative."""
        return share_of(self.base_micros, self.terms.share) if self.terms and self.base_micros > 0 else 0

    @property
    def platform_micros(self) -> int:
        return self.base_micros - self.distributable_micros if self.base_micros > 0 else 0

    @property
    def carried_out_micros(self) -> int:
        """A negative base is carried to the same pool of the next cycle, as long as it takes."""
        return min(self.base_micros, 0)


def gather(*, sums: Iterable[Sum], rulebook: Rulebook, pinned: Pinned, carried: Mapping[Key, int]) -> list[PoolSum]:
    """The pools of a cycle in order of their keys, from the sums of its sales and what earlier pools carried.

    Every stream must be covered by the rulebook (the lock saw to it).
    """
    nets: dict[Key, list[int]] = {key: [0, 0] for key in carried}
    for item in sums:
        terms = rulebook.terms_for(item.stream)
        assert terms is not None, item.stream
        known = pinned.versions_of(model=item.model, dataset_version=item.dataset_version)
        if terms.pooling == "single" and known:
            key = Key(terms.table, "", "", item.currency)
        else:
            key = Key(terms.table, item.model, item.dataset_version, item.currency)
        net = nets.setdefault(key, [0, 0])
        net[0] += item.net_micros
        net[1] += item.count
    return [
        _pool(key, rulebook.tables.get(key.table), pinned, net, count, carried.get(key, 0))
        for key, (net, count) in sorted(nets.items())
    ]


def _pool(key: Key, terms: Terms | None, pinned: Pinned, net: int, count: int, carried_in: int) -> PoolSum:
    if not key.model and not key.dataset_version:
        versions = pinned.all_versions()
        missing = "no registered model has a dataset with records"
    else:
        versions = pinned.versions_of(model=key.model, dataset_version=key.dataset_version)
        missing = f"{key.model or key.dataset_version} is not known, or a dataset of it has no records"
    return PoolSum(
        key=key, terms=terms, versions=versions, suspense_reason="" if versions else missing,
        count=count, net_micros=net, carried_in_micros=carried_in,
    )  # fmt: skip
