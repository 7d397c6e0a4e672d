"""What each pool of a cycle is divided by in all, before it is written."""

from collections.abc import Sequence

from revshare.allocation.numerators import Numerators
from revshare.lake import duck, spool
from revshare.manifests.models import Manifest
from revshare.policies.eligibility import PAY, Eligibility, RecordClass
from revshare.policies.terms import ASSETS
from revshare.pools.queries import ticks_of
from revshare.pools.rules import Key, Pinned, PoolSum
from revshare.pools.sources import Sources


def denominators(*, items: Sequence[PoolSum], sources: Sources, pinned: Pinned) -> dict[Key, int]:
    """The units of each pool. Where the policy asks for no more than assets, they are the manifests' own counts.

    Raises LakeDamaged, UnitsTooLarge.
    """
    ticks = ticks_of(pinned.manifests)
    if _plain(items, sources, pinned):
        return {item.key: sum(ticks[name] for name in item.versions) for item in items}
    versions = sorted({name for item in items for name in item.versions})
    with spool() as scratch, duck(scratch) as con:
        numerators = Numerators(con, sources=sources, pinned=pinned, versions=versions, scratch=scratch)
        return {item.key: numerators.holding(item.key, item.measure, item.versions).denominator for item in items}


def _plain(items: Sequence[PoolSum], sources: Sources, pinned: Pinned) -> bool:
    eligibility = sources.rulebook.eligibility
    named = eligibility.excluded_contributors or eligibility.commons_contributors
    return (
        all(item.measure == ASSETS for item in items)
        and not any(terms.min_assets for terms in sources.rulebook.tables.values())
        and not named
        and all(treated == PAY for treated in _treatments(eligibility, pinned))
    )


def _treatments(eligibility: Eligibility, pinned: Pinned) -> set[str]:
    """What the policy does with the classes of records that there are."""
    manifests = Manifest.objects.filter(dataset_version__in=pinned.manifests)
    classes = [manifest.classes or [{}] for manifest in manifests]
    return {eligibility.treatment(RecordClass(**record)) for records in classes for record in records}
