"""Writes the pools of a cycle."""

from collections.abc import Iterable, Mapping, Sequence

from django.db import transaction

from revshare.policies.rules import Rulebook
from revshare.pools.models import Pool
from revshare.pools.queries import ticks_of
from revshare.pools.rules import CARRIED_ONLY, MOVEMENTS, Key, Pinned, PoolSum, gather
from revshare.sales.queries import Range, sums_by_target


@transaction.atomic
def build(
    *, cycle_id: int, ranges: Sequence[Range], rulebook: Rulebook, pinned: Pinned, carried: Mapping[Key, int]
) -> list[Pool]:
    """Writes and returns a cycle's pools; if they are there already, only returns them."""
    if existing := list(Pool.objects.filter(cycle_id=cycle_id, kind=Pool.Kind.SALES)):
        return existing
    sums = gather(sums=sums_by_target(ranges), rulebook=rulebook, pinned=pinned, carried=carried)
    ticks = ticks_of(pinned.manifests)
    return Pool.objects.bulk_create(as_row(cycle_id, item, ticks) for item in sums)


def add_movements(*, cycle_id: int, currencies: Iterable[str]) -> list[Pool]:
    """Writes and returns the pools under which movements stand, one per currency."""
    return Pool.objects.bulk_create(movements_row(cycle_id, currency) for currency in sorted(currencies))


def movements_row(cycle_id: int, currency: str) -> Pool:
    return Pool(
        cycle_id=cycle_id, kind=Pool.Kind.MOVEMENTS, currency=currency, table="", rule=MOVEMENTS, share="0%",
        sales_count=0, net_micros=0, carried_in_micros=0, distributable_micros=0, platform_micros=0,
        carried_out_micros=0, denominator_ticks=0, versions=[],
    )  # fmt: skip


def as_row(cycle_id: int, item: PoolSum, ticks: Mapping[str, int]) -> Pool:
    return Pool(
        cycle_id=cycle_id, table=item.key.table, model=item.key.model, dataset_version=item.key.dataset_version,
        currency=item.key.currency, rule=item.terms.words if item.terms else CARRIED_ONLY,
        share=item.terms.share_text if item.terms else "0%", sales_count=item.count, net_micros=item.net_micros,
        carried_in_micros=item.carried_in_micros, distributable_micros=item.distributable_micros,
        platform_micros=item.platform_micros, carried_out_micros=item.carried_out_micros,
        denominator_ticks=sum(ticks[name] for name in item.versions), versions=item.versions,
        suspense_reason=item.suspense_reason,
    )  # fmt: skip
