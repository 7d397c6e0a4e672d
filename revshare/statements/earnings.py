"""What a contributor earned over time, by stream, model or dataset: from entries of published cycles."""

import json
from collections import defaultdict
from dataclasses import dataclass
from datetime import date

from django.db import connection

from revshare.ledger.places import ROLL
from revshare.policies.rules import DEFAULT
from revshare.statements.queries import PUBLISHED

BY = ("stream", "model", "dataset")
CYCLES_SHOWN = 24
SQL = """
    SELECT c.key, c.starts_on, c.ends_on, p."table", p.model, p.dataset_version, p.versions::text,
           sum(e.amount_micros)::bigint
    FROM (SELECT id, key, starts_on, ends_on, starts_at FROM cycles_cycle WHERE state = ANY(%(published)s)
          ORDER BY starts_at DESC LIMIT %(cycles)s) c
    LEFT JOIN LATERAL (SELECT e.pool_id, e.amount_micros FROM ledger_entry e
                       WHERE e.cycle_id = c.id AND e.contributor_id = %(contributor)s
                           AND e.roll = {roll}) e ON true
    LEFT JOIN pools_pool p ON p.id = e.pool_id AND p.kind = 'sales' AND p.currency = %(currency)s
    GROUP BY c.starts_at, c.key, c.starts_on, c.ends_on, p."table", p.model, p.dataset_version, p.versions
    ORDER BY c.starts_at
""".format(roll=ROLL.format(cycle="c.id", contributor="%(contributor)s"))


@dataclass(frozen=True)
class Earned:
    """A cycle: what was earned in it, by name. A name is '' where the policy does not divide by it."""

    key: str
    starts_on: date
    ends_on: date
    micros: dict[str, int]

    @property
    def total_micros(self) -> int:
        return sum(self.micros.values())


def earnings(*, contributor_id: str, currency: str, by: str) -> list[Earned]:
    """The last published cycles, the earliest first, also those without earnings. One query."""
    assert by in BY, "the skin checks it"
    with connection.cursor() as cursor:
        cursor.execute(SQL, {
            "published": list(PUBLISHED), "cycles": CYCLES_SHOWN, "contributor": contributor_id, "currency": currency,
        })  # fmt: skip
        rows = cursor.fetchall()
    cycles: dict[str, tuple[date, date]] = {}
    found: dict[str, dict[str, int]] = defaultdict(lambda: defaultdict(int))
    for key, starts_on, ends_on, table, model, dataset, versions, micros in rows:
        cycles[key] = (starts_on, ends_on)
        if table is not None:
            found[key][_name(by, table, model, dataset, versions)] += micros
    return [Earned(key, *days, dict(found[key])) for key, days in cycles.items()]


def _name(by: str, table: str, model: str, dataset: str, versions: str) -> str:
    if by == "stream":
        return "" if table == DEFAULT else table
    if by == "model":
        return model
    return dataset or " + ".join(json.loads(versions))
