"""Reads: who gets a part of whose money on a day."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date
from typing import Any

from django.db import connection

from revshare.bulk import copied_out

# The row that opened a split and the one that ended it agree in everything else.
IN_FORCE = """
    SELECT contributor_id, payee_id, share_millionths, reason FROM splits_split
    WHERE arrival <= %s AND starts_on <= %s
    GROUP BY contributor_id, payee_id, starts_on, share_millionths, reason
    HAVING coalesce(max(ends_on) > %s, true)
    ORDER BY contributor_id COLLATE "C", payee_id COLLATE "C", starts_on
"""


@dataclass(frozen=True)
class Part:
    """What part of a contributor's money is a payee's."""

    contributor_id: str
    payee_id: str
    share_millionths: int
    reason: str


def in_force(*, day: date, upto_arrival: int) -> Iterator[Part]:
    """The splits that count on a day, of the rows that had arrived, by contributor and payee."""
    query, params = in_force_query(day=day, upto_arrival=upto_arrival)
    with connection.cursor() as cursor:
        cursor.execute(query, params)
        for row in cursor.fetchall():
            yield Part(*row)


def in_force_query(*, day: date, upto_arrival: int) -> tuple[str, list[Any]]:
    """The same as SQL, with the fields of `Part` as columns."""
    return IN_FORCE, [upto_arrival, day, day]


def canonical_lines(*, day: date, upto_arrival: int) -> Iterator[bytes]:
    """The same as bytes: CSV, every value quoted. Nothing, where there are none."""
    query, params = in_force_query(day=day, upto_arrival=upto_arrival)
    rows = copied_out(f"SELECT 'split', * FROM ({query}) in_force", params, options=", FORCE_QUOTE *")
    return (block.data for block in rows)
