"""What the pools of a cycle will give contributors, worked out before they are allocated."""

from collections.abc import Sequence

import numpy as np
import pyarrow as pa

from revshare.allocation.numerators import Int64s, Numerators
from revshare.allocation.shares import share_out
from revshare.policies.rules import Rulebook
from revshare.pools.models import Pool
from revshare.pools.queries import key_of

EARNED = pa.schema([("contributor_id", pa.string()), ("currency", pa.string()), ("earned_micros", pa.int64())])


def earned(
    pools: Sequence[Pool], numerators: Numerators, rulebook: Rulebook, names: Sequence[str] | None = None
) -> pa.Table:
    """What the pools will give these people (else: everybody), by currency: more than nothing each."""
    everybody = np.arange(len(numerators.people.ids))
    codes = everybody if names is None else np.sort(numerators.people.codes_of(names))
    by_currency: dict[str, Int64s] = {}
    for pool in pools:
        holding = numerators.holding(key_of(pool), pool.measure, pool.versions)
        shares = share_out(
            total_micros=pool.distributable_micros, holding=holding, terms=rulebook.tables.get(pool.table)
        )
        amounts = by_currency.setdefault(pool.currency, np.zeros(len(everybody), np.int64))
        amounts[holding.codes] += shares.amounts
    tables = [EARNED.empty_table()]
    for currency, amounts in by_currency.items():
        earning = codes[amounts[codes] > 0]
        ids = numerators.people.ids.take(pa.array(earning)).cast(pa.string())
        tables.append(pa.table([ids, pa.repeat(currency, len(ids)), amounts[earning]], schema=EARNED))
    return pa.concat_tables(tables)
