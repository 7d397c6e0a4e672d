"""What of one contributor's money is payable, and why not yet: as `queries.standings` says it, without the
lake's file of everybody's balances."""

from dataclasses import dataclass
from datetime import date, timedelta

from django.db import connection

from revshare.files.queries import last_arrival
from revshare.payouts.queries import ACCOUNTS, LastPublished, last_published, recent_cycles
from revshare.payouts.rules import LIVE, Account, Standing, standing
from revshare.rates.queries import rates
from revshare.rates.rules import board
from revshare.statements.pages import balances

# The contributor is one constant, so that no part of it reads more than that one's rows.
OWN = (
    "WITH published_balance (contributor_id, currency, closing_micros) AS ("
    'SELECT %(own)s::text COLLATE "C", b.currency, b.micros FROM unnest(%(currencies)s::text[], %(micros)s::bigint[]) '
    f"AS b (currency, micros)) {ACCOUNTS}"
)


@dataclass(frozen=True)
class Own:
    """One account: what stands in the way of its money, from when a new contributor is paid, by which statement."""

    standing: Standing
    paid_from: date | None
    statement: str


def own_standings(*, contributor_id: str, today: date) -> list[Own]:
    """Of each account of a contributor with a published statement, in order of currencies. At most eight queries."""
    last = last_published()
    latest = balances(contributor_id) if last else []
    if last is None or not latest:
        return []
    recent = recent_cycles()
    with connection.cursor() as cursor:
        cursor.execute(OWN, {
            "own": contributor_id, "upto": last.journals_upto, "live": LIVE, "recent": recent,
            "currencies": [row.currency for row in latest], "micros": [row.closing_micros for row in latest],
        })  # fmt: skip
        rows = cursor.fetchall()
    accounts = [Account(**dict(zip(Account.__dataclass_fields__, row, strict=True))) for row in rows]
    converted = any(account.pays_in not in ("", account.currency) for account in accounts)
    todays = (
        board(rates(start=today, end=today + timedelta(days=1), upto_arrival=last_arrival())) if converted else None
    )
    numbers = {row.currency: row.number for row in latest}
    return [
        Own(
            standing(_filled(account, recent), terms=last.terms, period=last.period, today=today, rates=todays),
            _paid_from(account, last), numbers[account.currency],
        )
        for account in accounts
    ]  # fmt: skip


def _filled(account: Account, recent: list[int]) -> Account:
    """In a cycle without a statement nothing was earned."""
    missing = [0] * (len(recent) - len(account.earned_micros))
    return Account(**{**vars(account), "earned_micros": [*account.earned_micros, *missing]})


def _paid_from(account: Account, last: LastPublished) -> date | None:
    if not (account.known_since and last.terms.hold_new_payee_days):
        return None
    return account.known_since + timedelta(days=last.terms.hold_new_payee_days)
