"""Named locks of the database, each held until the end of its transaction.

A lock is always taken in the order of this list, so that two transactions cannot wait for each other.
"""

from enum import IntEnum

from django.db import connection


class Lock(IntEnum):
    CYCLE = 1  # one stage of one cycle at a time: with the cycle's id
    CALCULATION = 2  # pools carry sums from one cycle to the next, so cycles calculate one after the other
    INTAKE = 3  # rows come in, or a cycle closes over them, never both
    PAYOUTS = 6  # one batch of payments is prepared, released or booked at a time
    JOURNAL_CHAIN = 4
    EVENT_CHAIN = 5


def hold(lock: Lock, key: int = 0) -> None:
    """Waits for the lock and holds it until the transaction ends."""
    assert connection.in_atomic_block, "a lock without a transaction is released at once"
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_advisory_xact_lock(%s, %s)", [int(lock), key])
