"""Reads over the ledger."""

from collections.abc import Iterator

from django.db import connection
from django.db.models import Max

from revshare.bulk import copied_out
from revshare.ledger.models import Journal

PAYABLE = "payable:"
ALLOCATION_JOURNAL = "allocation"
# Debits less credits of all that was posted, by currency. Entries are in their controls.
POSTED = """
    SELECT currency, CASE side WHEN 'D' THEN amount_micros ELSE -amount_micros END AS amount FROM ledger_leg
    UNION ALL
    SELECT k.currency, -k.earned_micros FROM ledger_account_control k
    JOIN ledger_journal j ON j.cycle_id = k.cycle_id AND j.kind = 'allocation'
"""


def leg_lines(journal: Journal) -> Iterator[bytes]:
    """A journal's legs as canonical bytes: CSV, every value quoted. First the legs of named accounts (account,
    currency, side, micros) in code-point order of account, then currency. Then, in an allocation journal, a line per
    currency for the contributors' accounts: `payable`, currency, `C`, micros earned in all, how many accounts, how
    many of them were credited, and the hash of the accounts' control."""
    named = (
        "SELECT account, currency, side, amount_micros FROM ledger_leg WHERE journal_id = %s ORDER BY account, currency"
    )
    yield from _csv(named, journal.seq)
    if journal.kind == ALLOCATION_JOURNAL:
        accounts = (
            "SELECT 'payable', currency, 'C', earned_micros, accounts, credited, sha256 FROM ledger_account_control "
            "WHERE cycle_id = %s ORDER BY currency"
        )
        yield from _csv(accounts, journal.cycle_id)


def _csv(query: str, parameter: int | None) -> Iterator[bytes]:
    return (rows.data for rows in copied_out(query, [parameter], options=", FORCE_QUOTE *"))


# What moved each contributor's account in the journals numbered (after, upto], net, in micros. `;` follows `:`.
MOVED = """
    SELECT substr(account, 9) AS contributor_id, currency,
           sum(CASE side WHEN 'C' THEN amount_micros ELSE -amount_micros END)::bigint AS amount_micros
    FROM ledger_leg
    WHERE journal_id > {after:d} AND journal_id <= {upto:d} AND account >= 'payable:' AND account < 'payable;'
    GROUP BY account, currency
"""

# The same of the journal of a kind and key.
MOVED_BY = """
    SELECT substr(account, 9) AS contributor_id, currency,
           CASE side WHEN 'C' THEN amount_micros ELSE -amount_micros END AS amount_micros
    FROM ledger_leg JOIN ledger_journal ON seq = journal_id
    WHERE kind = %s AND key = %s AND account >= 'payable:' AND account < 'payable;'
"""

# The same of all journals of a kind after the one with a number, in sum.
MOVED_SINCE = """
    SELECT substr(account, 9) AS contributor_id, currency,
           sum(CASE side WHEN 'C' THEN amount_micros ELSE -amount_micros END)::bigint AS amount_micros
    FROM ledger_leg JOIN ledger_journal ON seq = journal_id
    WHERE kind = %s AND journal_id > %s AND account >= 'payable:' AND account < 'payable;'
    GROUP BY account, currency
"""


def last_journal() -> int:
    """The number of the last journal; all below it are there too, since each is posted under the chain's lock."""
    return Journal.objects.aggregate(last=Max("seq"))["last"] or 0


def moved_currencies(*, after: int, upto: int) -> list[str]:
    """The currencies in which anything but an allocation moved contributors' accounts in the journals (after, upto]."""
    with connection.cursor() as cursor:
        cursor.execute(
            f"SELECT DISTINCT currency FROM ({MOVED.format(after=after, upto=upto)}) moved ORDER BY currency"
        )
        return [currency for (currency,) in cursor.fetchall()]


TRIAL_BALANCE = f"SELECT currency, sum(amount)::text AS total FROM ({POSTED}) posted GROUP BY currency"


def trial_balance() -> dict[str, int]:
    """Debits less credits per currency over all journals, in micros: zero, or something is broken."""
    with connection.cursor() as cursor:
        cursor.execute(f"{TRIAL_BALANCE} ORDER BY currency")
        return {currency: int(total) for currency, total in cursor.fetchall()}


def account_balances(accounts: list[str]) -> dict[tuple[str, str], int]:
    """Credits less debits of named accounts, by (account, currency), in micros."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT account, currency, sum(CASE side WHEN 'C' THEN amount_micros ELSE -amount_micros END)::text "
            "FROM ledger_leg WHERE account = ANY(%s) GROUP BY account, currency",
            [accounts],
        )
        return {(account, currency): int(total) for account, currency, total in cursor.fetchall()}


def chain_head() -> tuple[int, str] | None:
    """Number and hash of the last journal."""
    return Journal.objects.filter(sealed=True).order_by("-seq").values_list("seq", "hash").first()
