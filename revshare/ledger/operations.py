"""The only writer of the ledger: posts a balanced journal and seals it."""

import hashlib
from typing import Any

from django.db import connection, transaction

from revshare.audit_trail.operations import Act
from revshare.ledger.models import Journal
from revshare.ledger.queries import leg_lines
from revshare.ledger.rules import GENESIS, journal_hash
from revshare.locks import Lock, hold


@transaction.atomic
def post(
    *, kind: str, key: str, legs_sql: str, params: list[Any], act: Act, cycle_id: int | None = None
) -> Journal | None:
    """Posts the legs that a query gives (account, currency, side, amount_micros) as one journal.

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
    return _seal(journal)


def _seal(journal: Journal) -> Journal:
    journal.legs_sha256 = legs_digest(journal.seq)
    journal.hash = journal_hash(
        prev_hash=journal.prev_hash, seq=journal.seq, kind=journal.kind, key=journal.key, posted_at=journal.posted_at,
        created_by=journal.created_by, reverses=journal.reverses_id, legs_count=journal.legs_count,
        legs_sha256=journal.legs_sha256,
    )  # fmt: skip
    journal.sealed = True
    journal.save()
    return journal


def legs_digest(seq: int) -> str:
    digest = hashlib.sha256()
    for block in leg_lines(seq):
        digest.update(block)
    return digest.hexdigest()
