"""Splits each pool of a cycle, exactly, and writes every amount."""

from collections.abc import Sequence
from pathlib import Path

import duckdb
import pyarrow as pa
from django.db import transaction

from revshare.allocation.models import Allocation
from revshare.allocation.queries import Weights, weights_over
from revshare.apportion import apportion_array
from revshare.lake import copy_in, duck, spool
from revshare.pools.models import Pool
from revshare.progress import Progress, no_progress

Bucket = Allocation.Bucket
COLUMNS = "cycle_id, pool_id, currency, bucket, contributor_id, numerator_ticks, amount_micros"


@transaction.atomic
def allocate(*, cycle_id: int, pools: Sequence[Pool], progress: Progress = no_progress) -> None:
    """Writes the allocations of all pools of a cycle; if they are there already, does nothing.

    Every contributor with ticks in a pool gets a row, also where the amount is 0.
    """
    if Allocation.objects.filter(cycle_id=cycle_id).exists():
        return
    with spool() as scratch, duck(scratch) as con:
        weights: dict[tuple[str, ...], Weights] = {}
        for done, pool in enumerate(pools):
            progress("allocation", done, len(pools))
            versions = tuple(pool.versions)
            if versions and versions not in weights:
                weights[versions] = weights_over(con, versions, scratch)
            if versions and weights[versions].ticks.any():
                _to_contributors(con, pool, weights[versions], scratch)
    Allocation.objects.bulk_create(row for pool in pools for row in _rest(pool))


def _to_contributors(con: duckdb.DuckDBPyConnection, pool: Pool, weights: Weights, scratch: Path) -> None:
    split = apportion_array(total=pool.distributable_micros, weights=weights.ticks)
    con.register(
        "split", pa.table({"contributor_id": weights.contributors, "ticks": weights.ticks, "amount": split.amounts})
    )
    copy_in(
        con,
        f"SELECT {pool.cycle_id}, {pool.pk}, '{pool.currency}', '{Bucket.CONTRIBUTOR.value}', contributor_id, ticks, "
        "amount FROM split",
        table="allocation_allocation", columns=COLUMNS, scratch=scratch,
    )  # fmt: skip
    con.unregister("split")


def _rest(pool: Pool) -> list[Allocation]:
    """What of a pool goes to no contributor."""
    suspense = pool.distributable_micros if pool.denominator_ticks == 0 else 0
    amounts = {
        Bucket.PLATFORM: pool.platform_micros, Bucket.SUSPENSE: suspense, Bucket.CARRIED: pool.carried_out_micros,
    }  # fmt: skip
    return [
        Allocation(cycle_id=pool.cycle_id, pool_id=pool.pk, currency=pool.currency, bucket=bucket, amount_micros=amount)
        for bucket, amount in amounts.items()
        if amount
    ]
