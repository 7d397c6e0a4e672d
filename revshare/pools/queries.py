"""Reads over pools."""

from collections.abc import Iterable

from revshare.manifests.models import Manifest
from revshare.pools.models import CarryCorrection, Match, Pool
from revshare.pools.rules import Key


def carried_by(cycle_id: int | None) -> dict[Key, int]:
    """What each pool of a cycle hands on to the same pool of the next (micros, negative)."""
    if cycle_id is None:
        return {}
    pools = Pool.objects.filter(cycle_id=cycle_id, carried_out_micros__lt=0)
    return {key_of(pool): pool.carried_out_micros for pool in pools}


def carry_corrections(*, after: int, upto: int | None) -> dict[Key, int]:
    """What restatements posted as journals (after, upto] (all after it, if None) changed of what pools carry."""
    found: dict[Key, int] = {}
    rows = CarryCorrection.objects.filter(journal_id__gt=after)
    for row in rows if upto is None else rows.filter(journal_id__lte=upto):
        key = Key(row.table, row.model, row.dataset_version, row.currency, row.part)
        found[key] = found.get(key, 0) + row.amount_micros
    return found


def ticks_of(versions: Iterable[str]) -> dict[str, int]:
    """The ticks of each of these frozen dataset versions: 720,720 to an asset."""
    found = Manifest.objects.filter(dataset_version__in=list(versions)).values_list("dataset_version", "assets_ticks")
    return {version: int(ticks) for version, ticks in found}


def key_of(pool: Pool) -> Key:
    return Key(pool.table, pool.model, pool.dataset_version, pool.currency, pool.part)


def matches() -> dict[str, dict[str, str]]:
    """By kind: what each name that was matched stands for; the latest word counts."""
    found: dict[str, dict[str, str]] = {}
    for match in Match.objects.order_by("pk"):
        found.setdefault(match.kind, {})[match.name] = match.stands_for
    return found
