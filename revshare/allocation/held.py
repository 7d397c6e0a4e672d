"""Reads: money that is held because its contributors had opted out, and that nobody has got yet."""

from dataclasses import dataclass, field

from django.db import connection

from revshare.allocation.numerators import OPTED_OUT

HELD = """
    SELECT r.contributor_id, n.name, c.key, p.currency,
           (r.amount_micros + coalesce((SELECT sum(x.amount_micros) FROM allocation_correction x
                                        WHERE x.rest_id = r.id), 0))::bigint
    FROM allocation_rest r JOIN pools_pool p ON p.id = r.pool_id JOIN cycles_cycle c ON c.id = r.cycle_id
    JOIN ledger_journal j ON j.cycle_id = c.id AND j.kind = 'allocation'
    JOIN contributors_contributor n ON n.id = r.contributor_id
    WHERE r.bucket = 'held' AND r.reason = %s
        AND NOT EXISTS (SELECT FROM allocation_held_release h WHERE h.rest_id = r.id)
    ORDER BY r.contributor_id, c.calculation, p.currency
"""


@dataclass
class HeldFor:
    """What cycles hold for a contributor, by currency."""

    contributor_id: str
    name: str
    cycles: list[str] = field(default_factory=list)
    micros: dict[str, int] = field(default_factory=dict)


def held_for_opt_outs() -> list[HeldFor]:
    """By contributor."""
    found: dict[str, HeldFor] = {}
    with connection.cursor() as cursor:
        cursor.execute(HELD, [OPTED_OUT])
        for contributor_id, name, cycle, currency, micros in cursor.fetchall():
            item = found.setdefault(contributor_id, HeldFor(contributor_id, name))
            if cycle not in item.cycles:
                item.cycles.append(cycle)
            item.micros[currency] = item.micros.get(currency, 0) + micros
    return list(found.values())
