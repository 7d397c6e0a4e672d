"""Reads over pools."""

from revshare.pools.models import Pool
from revshare.pools.rules import Key


def carried_by(cycle_id: int | None) -> dict[Key, int]:
    """What each pool of a cycle hands on to the same pool of the next (micros, negative)."""
    pools = Pool.objects.filter(cycle_id=cycle_id, carried_out_micros__lt=0)
    return {key_of(pool): pool.carried_out_micros for pool in pools}


def key_of(pool: Pool) -> Key:
    return Key(pool.table, pool.model, pool.dataset_version, pool.currency)
