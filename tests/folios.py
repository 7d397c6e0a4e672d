"""Rolls and folios by hand, as rows of the database: for tests that forge or spoil them."""

from collections.abc import Mapping, Sequence
from typing import Any

from django.db import connection

from revshare.bulk import HEADER, TRAILER
from revshare.ledger.folios import FOLIO, ROLL

Row = dict[str, Any]
Line = tuple[int, int, int]
"""A pool, ticks, an amount."""

TYPES = {
    "cycle_id": "integer", "roll": "integer", "first_id": "text", "contributors": "text[]", "currency": "varchar",
    "first_no": "integer", "members": "smallint[]", "openings": "bigint[]", "earned": "bigint[]", "ends": "integer[]",
    "pools": "integer[]", "ticks": "bigint[]", "amounts": "bigint[]",
}  # fmt: skip
ARRAYS = [name for name in FOLIO if TYPES[name].endswith("[]")]
OF_STATEMENT, OF_ENTRY = ("members", "openings", "earned", "ends"), ("pools", "ticks", "amounts")


def a_roll(cycle_id: int, *names: str, roll: int = 1) -> Row:
    return {"cycle_id": cycle_id, "roll": roll, "first_id": names[0], "contributors": list(names)}


def a_folio(
    cycle_id: int, lines: Mapping[int, Sequence[Line]], *, roll: int = 1, first_no: int = 1, currency: str = "USD"
) -> Row:
    """`lines`: of each member. All accounts open with nothing, and earn what their lines give."""
    entries = [line for own in lines.values() for line in own]
    ends = [0]
    for own in lines.values():
        ends.append(ends[-1] + len(own))
    return {
        "cycle_id": cycle_id, "roll": roll, "currency": currency, "first_no": first_no, "members": list(lines),
        "openings": [0] * len(lines), "earned": [sum(amount for _, _, amount in own) for own in lines.values()],
        "ends": ends[1:], "pools": [pool for pool, _, _ in entries], "ticks": [ticks for _, ticks, _ in entries],
        "amounts": [amount for _, _, amount in entries],
    }  # fmt: skip


def insert(*rows: Row) -> None:
    """Into the partitions of their cycles."""
    with connection.cursor() as cursor:
        for row in rows:
            columns = ROLL if "contributors" in row else FOLIO
            table = "ledger_roll" if columns is ROLL else "ledger_folio"
            cursor.execute(
                f"INSERT INTO {table}_{row['cycle_id']} ({', '.join(columns)}) VALUES ({_values(columns)})", row
            )


def image(*rows: Row) -> bytes:
    """As binary COPY has them, by the database itself: so they can be what the product would never lay out. An array may
    be given as a literal."""
    with connection.cursor() as cursor:
        found = b""
        for row in rows:
            columns = ROLL if "contributors" in row else FOLIO
            with cursor.copy(f"COPY (SELECT {_values(columns)}) TO STDOUT (FORMAT binary)", row) as copy:
                found += b"".join(copy)[len(HEADER) : -len(TRAILER)]
        return found


def _values(columns: Sequence[str]) -> str:
    return ", ".join(f"%({name})s::{TYPES[name]}" for name in columns)


def shifted(array: str, by: Mapping[int, int]) -> str:
    """SET of an UPDATE: adds to the elements in these places."""
    return ", ".join(f"{array}[{place}] = {array}[{place}] + {more}" for place, more in by.items())


WITHOUT_LAST = ", ".join(f"{name} = {name}[:cardinality({name}) - 1]" for name in ARRAYS)
"""SET of an UPDATE: the last statement is gone; it is one of a single line."""
