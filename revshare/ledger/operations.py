"""The only writer of the ledger: takes in the entries of a cycle, posts a balanced journal and seals it."""

import hashlib
from collections.abc import Callable, Iterable, Sequence
from typing import Any

from django.db import connection, transaction
from django.db.models import Sum

from revshare.audit_trail.operations import Act
from revshare.bulk import Array, copy_arrays
from revshare.ledger.models import AccountControl, Journal, PoolControl
from revshare.ledger.queries import ALLOCATION_JOURNAL, leg_lines
from revshare.ledger.rules import GENESIS, journal_hash
from revshare.locks import Lock, hold
from revshare.progress import Progress, no_progress

ENTRY = (
    "cycle_id", "statement_no", "numerator_ticks", "amount_micros", "opening_micros", "earned_micros", "pool_id",
    "statement_lines", "contributor_id",
)  # fmt: skip
"""The columns of an entry. On the last entry of a statement stand how many lines it has, the opening balance and what
was earned; on the others zeros."""

SORT_MEMORY = "64MB"  # of the database's, while entries are indexed: with more it is slower, for the caches' sake


@transaction.atomic
def enter(
    *, cycle_id: int, blocks: Iterable[Sequence[Array]], entries: int,
    controls: Callable[[], tuple[list[PoolControl], list[AccountControl]]], progress: Progress = no_progress,
) -> int:  # fmt: skip
    """Takes in the entries of a locked cycle, blocks of the columns of ENTRY, as one new partition; returns how many.

    `controls` is asked once all blocks were taken. The database compares them with the entries, looks up every
    contributor, and refuses what differs.
    """
    with connection.cursor() as cursor:
        cursor.execute(f"SET LOCAL work_mem = '{SORT_MEMORY}'; SET LOCAL maintenance_work_mem = '{SORT_MEMORY}'")
        cursor.execute("SELECT revshare_new_part('ledger_entry', 'cycle_id', %s)", [cycle_id])
        (part,) = cursor.fetchone()
        progress("post", 0, entries)
        rows = copy_arrays(table=part, columns=ENTRY, blocks=blocks, frozen=True)
        pools, accounts = controls()
        PoolControl.objects.bulk_create(pools)
        AccountControl.objects.bulk_create(accounts)
        progress("index", 0, rows)
        cursor.execute("SELECT revshare_index_entries(%s)", [cycle_id])
        progress("check", 0, rows)
        cursor.execute("SELECT revshare_attach_entries(%s)", [cycle_id])
    return rows


@transaction.atomic
def post(
    *, kind: str, key: str, legs_sql: str, params: list[Any], act: Act, cycle_id: int | None = None
) -> Journal | None:
    """Posts the legs that a query gives (account, currency, side, amount_micros) as one journal, together with what
    was entered for a cycle if it is its allocation journal.

    Done once per kind and key: a second call returns the first one's journal. None if there are no legs. The database
    refuses to seal a journal whose debits and credits differ in any currency.
    """
    if known := Journal.objects.filter(kind=kind, key=key).first():
        return known
    hold(Lock.JOURNAL_CHAIN)
    with connection.cursor() as cursor:
        cursor.execute(f"SELECT EXISTS ({legs_sql})", params)
        if not cursor.fetchone()[0]:
            return None
        last = Journal.objects.order_by("-seq").values_list("seq", "hash").first()
        seq, prev_hash = (last[0] + 1, last[1]) if last else (1, GENESIS)
        journal = Journal.objects.create(
            seq=seq, kind=kind, key=key, cycle_id=cycle_id, posted_at=act.at, created_by=act.actor, prev_hash=prev_hash
        )
        cursor.execute(
            "INSERT INTO ledger_leg (journal_id, account, currency, side, amount_micros) "
            f"SELECT {seq}, account, currency, side, amount_micros FROM ({legs_sql}) legs ORDER BY account, currency",
            params,
        )
        journal.legs_count = cursor.rowcount
    if kind == ALLOCATION_JOURNAL and cycle_id is not None:
        credited = AccountControl.objects.filter(cycle_id=cycle_id).aggregate(legs=Sum("credited"))["legs"]
        journal.legs_count += credited or 0
    return _seal(journal)


def _seal(journal: Journal) -> Journal:
    journal.legs_sha256 = legs_digest(journal)
    journal.hash = journal_hash(
        prev_hash=journal.prev_hash, seq=journal.seq, kind=journal.kind, key=journal.key, posted_at=journal.posted_at,
        created_by=journal.created_by, reverses=journal.reverses_id, legs_count=journal.legs_count,
        legs_sha256=journal.legs_sha256,
    )  # fmt: skip
    journal.sealed = True
    journal.save()
    return journal


def legs_digest(journal: Journal) -> str:
    digest = hashlib.sha256()
    for block in leg_lines(journal):
        digest.update(block)
    return digest.hexdigest()
