"""The only writer of the ledger: takes in the entries of a cycle, posts balanced journals, seals and reverses them."""

import hashlib
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Any, NamedTuple

from django.db import connection, transaction
from django.db.models import Sum

from revshare.audit_trail.operations import Act
from revshare.bulk import copy_images
from revshare.errors import Conflict, Refused
from revshare.ledger.folios import FOLIO, ROLL, Rolls, Statements
from revshare.ledger.models import AccountControl, Journal, PoolControl
from revshare.ledger.queries import ALLOCATION_JOURNAL, leg_lines
from revshare.ledger.rules import GENESIS, journal_hash
from revshare.locks import Lock, hold
from revshare.progress import Progress, no_progress

PEOPLE_AT_ONCE = 100_000
CHECK_MEMORY = "64MB"  # of the database's, while entries are checked: with more it is slower, for the caches' sake
FLUSHED_AFTER = "1MB"  # written by the system from then on, or all of it has to be at the commit


@transaction.atomic
def enter(
    *, cycle_id: int, rolls: Rolls, statements: Iterable[Statements], entries: int,
    controls: Callable[[], tuple[list[PoolControl], list[AccountControl]]], progress: Progress = no_progress,
) -> int:  # fmt: skip
    """Takes in the entries of a locked cycle, in order of their statements, each time those of whole rolls; returns how
    many. They become new partitions of rolls and of folios.

    `controls` is asked once all statements were taken. The database compares them with the entries, looks up every
    contributor, and refuses what differs.
    """
    with connection.cursor() as cursor:
        cursor.execute(f"SET LOCAL work_mem = '{CHECK_MEMORY}'; SET LOCAL backend_flush_after = '{FLUSHED_AFTER}'")
        cursor.execute("SELECT revshare_new_entries(%s)", [cycle_id])
        # Few rows, and large ones: their indexes are filled on the way sooner than by reading all again.
        cursor.execute("SELECT revshare_index_entries(%s)", [cycle_id])
        progress("post", 0, entries)
        taken = 0

        def folios() -> Iterator[memoryview]:
            nonlocal taken
            for some in statements:
                progress("post", taken, entries)
                taken += len(some.pools)
                yield rolls.folios(cycle_id, some)

        images = rolls.images(cycle_id, PEOPLE_AT_ONCE)
        copy_images(table=f"ledger_roll_{cycle_id}", columns=ROLL, images=images, frozen=True)
        copy_images(table=f"ledger_folio_{cycle_id}", columns=FOLIO, images=folios(), frozen=True)
        pools, accounts = controls()
        PoolControl.objects.bulk_create(pools)
        AccountControl.objects.bulk_create(accounts)
        progress("check", 0, taken)
        cursor.execute("SELECT revshare_attach_entries(%s)", [cycle_id])
    return taken


@transaction.atomic
def post(
    *, kind: str, key: str, legs_sql: str, params: list[Any], act: Act, cycle_id: int | None = None,
    reverses: Journal | None = None,
) -> Journal | None:  # fmt: skip
    """Posts the legs that a query gives (account, currency, side, amount_micros) as one journal, together with what
    was entered for a cycle if it is its allocation journal.

    Done once per kind and key: a second call returns the first one's journal. None if there are no legs. The database
    refuses to seal a journal whose debits and credits differ in any currency.
    """
    hold(Lock.JOURNAL_CHAIN)
    if known := Journal.objects.filter(kind=kind, key=key).first():
        return known
    with connection.cursor() as cursor:
        cursor.execute(f"SELECT EXISTS ({legs_sql})", params)
        if not cursor.fetchone()[0]:
            return None
        last = Journal.objects.order_by("-seq").values_list("seq", "hash").first()
        seq, prev_hash = (last[0] + 1, last[1]) if last else (1, GENESIS)
        journal = Journal.objects.create(
            seq=seq, kind=kind, key=key, cycle_id=cycle_id, posted_at=act.at, created_by=act.actor, prev_hash=prev_hash,
            reverses=reverses,
        )  # fmt: skip
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


class LegData(NamedTuple):
    """A leg to be posted: `side` D or C, more than nothing, each account once per currency."""

    account: str
    currency: str
    side: str
    amount_micros: int


@transaction.atomic
def post_legs(*, kind: str, key: str, legs: Sequence[LegData], act: Act, cycle_id: int | None = None) -> Journal | None:
    """Posts these legs as one journal. Done once per kind and key: the same legs again give the first one's journal,
    others are a Conflict. Many thousands of legs go through `post`, by a query."""
    columns = list(map(list, zip(*legs, strict=True))) if legs else [[], [], [], []]
    journal = post(
        kind=kind, key=key, act=act, cycle_id=cycle_id, params=columns,
        legs_sql="SELECT * FROM unnest(%s::text[], %s::text[], %s::text[], %s::bigint[]) "
        "AS leg (account, currency, side, amount_micros)",
    )  # fmt: skip
    stored = journal.named_legs.values_list("account", "currency", "side", "amount_micros") if journal else ()
    if journal and (journal.cycle_id != cycle_id or sorted(stored) != sorted(map(tuple, legs))):
        raise Conflict(f"Journal {kind} {key} was posted with other legs (number {journal.seq}).")
    return journal


@transaction.atomic
def reverse(*, journal: Journal, act: Act, kind: str = "", key: str = "") -> Journal:
    """Posts the exact mirror of a journal, once: a second call returns the first one's. Without a kind or key of its
    own it has those of the journal, so that it moves the same column of statements back.

    Raises Refused for what a cycle allocated, which is corrected in the next one, and for a reversal.
    """
    if known := Journal.objects.filter(reverses=journal).first():
        return known
    if journal.kind == ALLOCATION_JOURNAL or journal.reverses_id is not None:
        what = "the allocation of a cycle" if journal.kind == ALLOCATION_JOURNAL else "itself a reversal"
        raise Refused(f"Journal {journal.seq} is {what}: it cannot be reversed. Post what corrects it.")
    mirror = post(
        kind=kind or journal.kind, key=key or f"{journal.key} reversed", act=act, cycle_id=journal.cycle_id,
        reverses=journal, params=[journal.seq],
        legs_sql="SELECT account, currency, CASE side WHEN 'D' THEN 'C' ELSE 'D' END AS side, amount_micros "
        "FROM ledger_leg WHERE journal_id = %s",
    )  # fmt: skip
    assert mirror is not None, "a sealed journal has legs"
    if mirror.reverses_id != journal.seq:
        raise Conflict(f"Journal {mirror.seq} has the kind and key that the reversal of {journal.seq} would have.")
    return mirror


def _seal(journal: Journal) -> Journal:
    journal.legs_sha256 = legs_digest(journal)
    journal.hash = journal_hash(
        prev_hash=journal.prev_hash, seq=journal.seq, kind=journal.kind, key=journal.key, posted_at=journal.posted_at,
        created_by=journal.created_by, reverses=journal.reverses_id, legs_count=journal.legs_count,
        legs_sha256=journal.legs_sha256,
    )  # fmt: skip
    journal.sealed = True
    journal.save(update_fields=["legs_count", "legs_sha256", "hash", "sealed"])
    return journal


def legs_digest(journal: Journal) -> str:
    digest = hashlib.sha256()
    for block in leg_lines(journal):
        digest.update(block)
    return digest.hexdigest()
