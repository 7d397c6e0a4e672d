"""Money in suspense: where it waits, since when, and what releases it."""

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.db.models import Q

from revshare.allocation.corrections import with_left
from revshare.allocation.models import Bucket, Release, Rest, SuspenseDecision
from revshare.policies.rules import Rulebook
from revshare.policies.terms import ASSETS, WEIGHT
from revshare.pools.models import Pool
from revshare.pools.queries import key_of, matches
from revshare.pools.rules import Pinned, Waited, places


@dataclass(frozen=True)
class Waiting:
    """What one pool of a cycle left in suspense. `stands_for`: what its name is matched with by now; blank if it is
    not. `unknown`: nobody knows its name, so that a match lets it out. `decided`: that the next cycle shares it, and
    with the sales of which model, if of any."""

    number: int
    cycle: str
    pool: str
    kind: str
    name: str
    currency: str
    amount_micros: int
    reason: str
    since: datetime | None
    stands_for: str
    unknown: bool
    decided: bool
    decided_model: str


def waiting() -> list[Waiting]:
    """All that is in suspense, oldest first."""
    matched = matches()
    found = []
    left = undecided_or_shared().filter(release__isnull=True, left_micros__gt=0)
    for rest in left.order_by("cycle__calculation", "pk"):
        kind, name = ("model", rest.pool.model) if rest.pool.model else ("dataset_version", rest.pool.dataset_version)
        decision = decision_of(rest)
        found.append(
            Waiting(
                number=rest.pk, cycle=rest.cycle.key, pool=rest.pool.name, kind=kind, name=name,
                currency=rest.pool.currency, amount_micros=rest.left_micros, reason=rest.pool.suspense_reason,
                since=rest.cycle.locked_at, stands_for=matched.get(kind, {}).get(name, ""),
                unknown=is_unknown(rest.pool), decided=decision is not None,
                decided_model=decision.model if decision else "",
            )
        )  # fmt: skip
    return found


def is_unknown(pool: Pool) -> bool:
    """Whether a pool waits because nobody knows the model or dataset version of its sales."""
    return _divides_nothing(pool) and bool(pool.model or pool.dataset_version)


def is_nobodys(pool: Pool) -> bool:
    """Whether nothing says over whose assets it is divided, though its sales name nothing that is unknown."""
    return _divides_nothing(pool) and not (pool.model or pool.dataset_version)


def _divides_nothing(pool: Pool) -> bool:
    return pool.measure in (ASSETS, WEIGHT) and not pool.versions


def decision_of(rest: Rest) -> SuspenseDecision | None:
    return rest.decision if hasattr(rest, "decision") else None


def to_share() -> list[list[str]]:
    """All that somebody decided to share and no cycle has shared yet, as a lock pins it: in code-point order."""
    rests = undecided_or_shared().filter(release__isnull=True, decision__isnull=False, left_micros__gt=0)
    return sorted([*_natural(rest), rest.decision.model] for rest in rests)


def _natural(rest: Rest) -> list[str]:
    key = key_of(rest.pool)
    return [rest.cycle.key, key.table, key.model, key.dataset_version, key.part, key.currency]


def releases(
    *, cycle_id: int, calculation: int | None, journals_upto: int | None, rulebook: Rulebook, pinned: Pinned
) -> list[Release]:  # fmt: skip
    """What a cycle releases, not written: all that the cycles calculated before it (`calculation`: its own number, if
    it has one) left in suspense under names that its lock found matched, or that it found decided to be shared, and
    that none of them released; as restated by the journals up to a number (all, if None)."""
    if not pinned.matches and not pinned.shared:
        return []
    unreleased = Q(release__isnull=True)
    rests = undecided_or_shared(journals_upto=journals_upto).filter(left_micros__gt=0)
    if calculation is not None:
        rests = rests.filter(cycle__calculation__lt=calculation)
        unreleased |= Q(release__cycle__calculation__gte=calculation)
    shared = {tuple(item[:-1]) for item in pinned.shared}
    return [
        Release(cycle_id=cycle_id, rest=rest, amount_micros=rest.left_micros)
        for rest in rests.filter(unreleased).order_by("pk")
        if (decision_of(rest) is None or tuple(_natural(rest)) in shared) and places(_waited(rest), rulebook, pinned)
    ]


def by_pool(released: Iterable[Release]) -> dict[Waited, int]:
    """By what it waited for, of all cycles together."""
    sums: dict[Waited, int] = defaultdict(int)
    for release in released:
        sums[_waited(release.rest)] += release.amount_micros
    return dict(sums)


def _waited(rest: Rest) -> Waited:
    decision = decision_of(rest)
    return Waited(key_of(rest.pool), decided=decision is not None, model=decision.model if decision else "")


def undecided_or_shared(*, journals_upto: int | None = None) -> Any:
    """What cycles left in suspense, but for what went to the platform or the commons fund: each rest with what
    restatements have left of it (`left_micros`)."""
    rests = Rest.objects.filter(bucket=Bucket.SUSPENSE, cycle__calculation__isnull=False)
    rests = rests.exclude(decision__decision__in=SuspenseDecision.SETTLED)
    return with_left(rests.select_related("pool", "cycle", "decision"), journals_upto=journals_upto)
