"""Many journals of one kind posted at once: each the same, to the byte, as `operations.post_legs` would post it."""

import hashlib
from collections.abc import Sequence
from typing import Any, NamedTuple

from django.db import connection, transaction

from revshare.audit_trail.operations import Act
from revshare.errors import Conflict
from revshare.ledger.models import Journal
from revshare.ledger.operations import LegData
from revshare.ledger.rules import GENESIS, journal_hash
from revshare.locks import Lock, hold

JOURNAL = (
    "seq", "kind", "key", "posted_at", "created_by", "reverses_id", "legs_count", "legs_sha256", "prev_hash", "hash",
    "sealed",
)  # fmt: skip
LEG = ("journal_id", "account", "currency", "side", "amount_micros")


class Posting(NamedTuple):
    """One journal to be: its natural key, its legs, and the number of the journal whose mirror it is."""

    key: str
    legs: Sequence[LegData]
    reverses: int | None = None


@transaction.atomic
def post_many(*, kind: str, postings: Sequence[Posting], act: Act) -> None:
    """Posts these journals in this order. The database judges each when it is sealed, as any other. Raises Conflict if
    one of the keys is posted already, and then posts none."""
    hold(Lock.JOURNAL_CHAIN)
    known = Journal.objects.filter(kind=kind, key__in=[posting.key for posting in postings]).first()
    if known is not None:
        raise Conflict(f"Journal {kind} {known.key} is posted already (number {known.seq}).")
    last = Journal.objects.order_by("-seq").values_list("seq", "hash").first()
    seq, prev_hash = last or (0, GENESIS)
    first = seq + 1
    journals, legs = [], []
    for posting in postings:
        seq += 1
        own = sorted(posting.legs)  # in code-point order of accounts, then currencies
        digest = hashlib.sha256("".join(map(_line, own)).encode()).hexdigest()
        made = journal_hash(
            prev_hash=prev_hash, seq=seq, kind=kind, key=posting.key, posted_at=act.at, created_by=act.actor,
            reverses=posting.reverses, legs_count=len(own), legs_sha256=digest,
        )  # fmt: skip
        journals.append(
            (seq, kind, posting.key, act.at, act.actor, posting.reverses, len(own), digest, prev_hash, made, False)
        )
        legs += [(seq, *leg) for leg in own]
        prev_hash = made
    # With its hash from the start, so that the next one can follow it; sealed once its legs are there.
    _copy("ledger_journal", JOURNAL, journals)
    _copy("ledger_leg", LEG, legs)
    with connection.cursor() as cursor:
        cursor.execute("SELECT revshare_analyze('ledger_leg')")
        cursor.execute("UPDATE ledger_journal SET sealed = true WHERE seq BETWEEN %s AND %s", [first, seq])


def _line(leg: LegData) -> str:
    """As `queries.leg_lines` has it."""
    return ",".join('"' + str(value).replace('"', '""') + '"' for value in leg) + "\n"


def _copy(table: str, columns: Sequence[str], rows: Sequence[tuple[Any, ...]]) -> None:
    with (
        connection.cursor() as cursor,
        cursor.copy(f"COPY {table} ({', '.join(columns)}) FROM STDIN") as copy,
    ):
        for row in rows:
            copy.write_row(row)
