"""Reads over the ledger."""

from collections.abc import Iterator

from django.db import connection

from revshare.ledger.models import Journal

PAYABLE = "payable:"


def leg_lines(seq: int) -> Iterator[bytes]:
    """A journal's legs as canonical bytes: CSV, every value quoted, in code-point order of account, then currency."""
    query = (
        "SELECT account, currency, side, amount_micros FROM ledger_leg WHERE journal_id = %s ORDER BY account, currency"
    )
    with (
        connection.cursor() as cursor,
        cursor.copy(f"COPY ({query}) TO STDOUT (FORMAT csv, FORCE_QUOTE *)", [seq]) as copy,
    ):
        for block in copy:
            yield bytes(block)


def trial_balance() -> dict[str, int]:
    """Debits less credits per currency over all journals, in micros: zero, or something is broken."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT currency, sum(CASE side WHEN 'D' THEN amount_micros ELSE -amount_micros END)::text "
            "FROM ledger_leg GROUP BY currency ORDER BY currency"
        )
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
