"""Money in suspense: where it waits, since when, and what releases it."""

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.db.models import Q

from revshare.allocation.corrections import with_left
from revshare.allocation.models import Bucket, Release, Rest
from revshare.policies.rules import Rulebook
from revshare.pools.queries import key_of, matches
from revshare.pools.rules import Key, Pinned, places


@dataclass(frozen=True)
class Waiting:
    """What one pool of a cycle left in suspense. `stands_for`: what its name is matched with by now; blank if it is
    not."""

    cycle: str
    pool: str
    kind: str
    name: str
    currency: str
    amount_micros: int
    reason: str
    since: datetime | None
    stands_for: str


def waiting() -> list[Waiting]:
    """All that is in suspense, oldest first."""
    matched = matches()
    found = []
    for rest in _suspended(None).filter(release__isnull=True, left_micros__gt=0).order_by("cycle__calculation", "pk"):
        kind, name = ("model", rest.pool.model) if rest.pool.model else ("dataset_version", rest.pool.dataset_version)
        found.append(
            Waiting(
                cycle=rest.cycle.key, pool=rest.pool.name, kind=kind, name=name, currency=rest.pool.currency,
                amount_micros=rest.left_micros, reason=rest.pool.suspense_reason, since=rest.cycle.locked_at,
                stands_for=matched.get(kind, {}).get(name, ""),
            )
        )  # fmt: skip
    return found


def releases(
    *, cycle_id: int, calculation: int | None, journals_upto: int | None, rulebook: Rulebook, pinned: Pinned
) -> list[Release]:  # fmt: skip
    """What a cycle releases, not written: all that the cycles calculated before it (`calculation`: its own number, if
    it has one) left in suspense under names that its lock found matched, and that none of them released; as restated by
    the journals up to a number (all, if None)."""
    if not pinned.matches:
        return []
    unreleased = Q(release__isnull=True)
    rests = _suspended(journals_upto).filter(left_micros__gt=0)
    if calculation is not None:
        rests = rests.filter(cycle__calculation__lt=calculation)
        unreleased |= Q(release__cycle__calculation__gte=calculation)
    return [
        Release(cycle_id=cycle_id, rest=rest, amount_micros=rest.left_micros)
        for rest in rests.filter(unreleased).order_by("pk")
        if places(key_of(rest.pool), rulebook, pinned)
    ]


def by_pool(released: Iterable[Release]) -> dict[Key, int]:
    """By the pool that it waited in, of all cycles together."""
    sums: dict[Key, int] = defaultdict(int)
    for release in released:
        sums[key_of(release.rest.pool)] += release.amount_micros
    return dict(sums)


def _suspended(journals_upto: int | None) -> Any:
    """Rests in suspense, each with what restatements have left of it."""
    rests = Rest.objects.filter(bucket=Bucket.SUSPENSE, cycle__calculation__isnull=False)
    return with_left(rests.select_related("pool", "cycle"), journals_upto=journals_upto)
