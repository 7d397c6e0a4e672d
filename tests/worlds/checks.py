"""What must hold in a world after every step, and at the end of every cycle."""

from collections import defaultdict

from django.db import connection

from revshare.cycles.models import Cycle
from revshare.statements.models import Statement
from revshare.verification.operations import verify
from tests.stories import COLUMNS
from tests.worlds.book import Account
from tests.worlds.play import Play
from tests.worlds.steps_cycle import key

BALANCES = (
    "SELECT account, currency, sum(CASE side WHEN 'C' THEN amount_micros ELSE -amount_micros END)::bigint "
    "FROM ledger_every_leg GROUP BY 1, 2"
)
UNBALANCED = (
    "SELECT journal_id, currency, sum(CASE side WHEN 'C' THEN amount_micros ELSE -amount_micros END) "
    "FROM ledger_every_leg GROUP BY 1, 2 HAVING sum(CASE side WHEN 'C' THEN amount_micros ELSE -amount_micros END) <> 0"
)


def after(play: Play) -> None:
    """Every account is what the book says; every journal balances; and what was sold is owed, paid, or accounted for."""
    accounts = _accounts()
    ours = {about: micros for about, micros in play.book.accounts.items() if micros}
    differing = {
        about: (accounts.get(about, 0), ours.get(about, 0))
        for about in accounts.keys() | ours.keys() if accounts.get(about, 0) != ours.get(about, 0)
    }  # fmt: skip
    assert not differing, f"accounts of the product and of the book: {differing}"
    with connection.cursor() as cursor:
        cursor.execute(UNBALANCED)
        assert cursor.fetchall() == []
    _conserved(play, accounts)


def _accounts() -> dict[Account, int]:
    with connection.cursor() as cursor:
        cursor.execute(BALANCES)
        return {(account, currency): int(micros) for account, currency, micros in cursor.fetchall() if micros}


def _conserved(play: Play, accounts: dict[Account, int]) -> None:
    """in = owed + paid + platform + commons + suspense + held + reserve + carried, less what people owe, but for what was
    changed into another currency."""
    sold: dict[str, int] = defaultdict(int)
    for sale in play.facts.sales:
        if sale.cycle < play.calculated:
            sold[sale.currency] += sale.micros
    buckets: dict[str, dict[str, int]] = defaultdict(lambda: defaultdict(int))
    for (account, currency), micros in accounts.items():
        name = "owed" if account.startswith("payable:") else "paid" if account == "bank" else account
        assert name in (
            "owed",
            "paid",
            "sales",
            "platform",
            "commons",
            "suspense",
            "held",
            "reserve",
            "advance",
            "receivable",
            "carried",
            "fx",
        ), account
        buckets[currency][name] += micros
    for currency in buckets.keys() | sold.keys():
        of = buckets[currency]
        assert -of.pop("sales", 0) == sold[currency] == sum(of.values()), currency
        assert min(of["commons"], of["suspense"], of["held"], of["reserve"], of["paid"]) >= 0, of
        assert max(of["advance"], of["receivable"]) <= 0, of
        assert of["carried"] <= 0 or play.restated, of  # a deficit that is none by now


def statements(play: Play) -> None:
    """The last calculated cycle's are what the book says, and open with what the ones before closed with."""
    number = play.calculated - 1
    rows = Statement.objects.filter(cycle__key=key(number))
    found = {
        (row.contributor_id, row.currency): {name: getattr(row, f"{name}_micros") for name in COLUMNS} for row in rows
    }
    expected = play.book.statements[number]
    before = play.book.closings[number - 1] if number else {}
    for about, row in found.items():
        empty = dict.fromkeys(COLUMNS, 0) | {"opening": before.get(about, 0), "closing": before.get(about, 0)}
        assert row == expected.get(about, empty), about
    assert expected.keys() <= found.keys()


def verified(play: Play, *, all_cycles: bool) -> None:
    cycles = Cycle.objects.order_by("starts_at")
    if not all_cycles:
        cycles = cycles.filter(key=key(play.calculated - 1))
    assert verify(cycles=list(cycles)).findings == []
