"""Pools that owe: more was refunded than was sold, and their next sales make up for it first."""

from dataclasses import dataclass
from datetime import date

from django.db import connection

from revshare.pools.models import Pool

# A deficit is carried from one calculation to the next without a gap, or it is over.
DEFICITS = """
    WITH carried AS (
        SELECT p.*, c.calculation, c.key, c.starts_on, c.calculation - row_number() OVER (
                   PARTITION BY p."table", p.model, p.dataset_version, p.part, p.currency ORDER BY c.calculation) AS run
        FROM pools_pool p JOIN cycles_cycle c ON c.id = p.cycle_id AND c.calculation IS NOT NULL
        WHERE p.kind = 'sales' AND p.carried_out_micros < 0)
    SELECT "table", model, dataset_version, part, currency,
           -(array_agg(carried_out_micros ORDER BY calculation DESC))[1], -min(carried_out_micros),
           (array_agg(key ORDER BY calculation))[1], min(starts_on), count(*)
    FROM carried GROUP BY "table", model, dataset_version, part, currency, run
    HAVING max(calculation) = (SELECT max(calculation) FROM cycles_cycle)
    ORDER BY min(calculation), "table", model, dataset_version, part, currency
"""


@dataclass(frozen=True)
class Deficit:
    """What a pool owes now and owed at most, since which cycle (and the first day of that), and through how many."""

    pool: str
    currency: str
    amount_micros: int
    worst_micros: int
    since_cycle: str
    since: date
    cycles: int


def deficits() -> list[Deficit]:
    """What the last calculated cycle carries on, oldest first."""
    with connection.cursor() as cursor:
        cursor.execute(DEFICITS)
        return [
            Deficit(
                Pool(table=table, model=model, dataset_version=version, part=part, currency=currency).name, currency,
                *facts,
            )
            for table, model, version, part, currency, *facts in cursor.fetchall()
        ]  # fmt: skip
