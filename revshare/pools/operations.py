"""Writes the pools of a cycle."""

from collections.abc import Iterable, Mapping, Sequence

from django.db import transaction

from revshare.pools.conversions import as_row as conversion_row
from revshare.pools.exchange import Converted
from revshare.pools.models import Conversion, Pool
from revshare.pools.rules import MOVEMENTS, Key, PoolSum, nothing_to_divide_by


@transaction.atomic
def build(*, cycle_id: int, items: Sequence[PoolSum], denominators: Mapping[Key, int]) -> list[Pool]:
    """Writes and returns a cycle's pools. `denominators`: the units of all that each is divided by, none if 0."""
    return Pool.objects.bulk_create(as_row(cycle_id, item, denominators[item.key]) for item in items)


def keep_conversions(*, cycle_id: int, items: Iterable[Converted]) -> None:
    """Writes what of a cycle's sales was in other currencies than its pools."""
    Conversion.objects.bulk_create(conversion_row(cycle_id, item) for item in items)


def add_movements(*, cycle_id: int, currencies: Iterable[str]) -> list[Pool]:
    """Writes and returns the pools under which movements stand, one per currency."""
    return Pool.objects.bulk_create(movements_row(cycle_id, currency) for currency in sorted(currencies))


def movements_row(cycle_id: int, currency: str) -> Pool:
    return Pool(
        cycle_id=cycle_id, kind=Pool.Kind.MOVEMENTS, currency=currency, table="", rule=MOVEMENTS, share="0%",
        sales_count=0, net_micros=0, carried_in_micros=0, distributable_micros=0, platform_micros=0,
        carried_out_micros=0, denominator_ticks=0, versions=[],
    )  # fmt: skip


def as_row(cycle_id: int, item: PoolSum, denominator: int) -> Pool:
    reason = item.suspense_reason or ("" if denominator or item.terms is None else nothing_to_divide_by(item.measure))
    return Pool(
        cycle_id=cycle_id, table=item.key.table, model=item.key.model, dataset_version=item.key.dataset_version,
        part=item.key.part, currency=item.key.currency, measure=item.measure, rule=item.rule, share=item.share_text,
        sales_count=item.count, net_micros=item.net_micros, carried_in_micros=item.carried_in_micros,
        deducted_micros=item.deducted_micros, distributable_micros=item.distributable_micros,
        released_micros=item.released_micros, commons_micros=item.commons_micros, platform_micros=item.platform_micros,
        carried_out_micros=item.carried_out_micros, denominator_ticks=denominator, versions=item.versions,
        suspense_reason=reason,
    )  # fmt: skip
