"""Legs page by page: from one partition of the entries by their numbers, or by contributor, never from all of them."""

from collections.abc import Iterable
from typing import Any

from revshare.ledger.models import Leg, NamedLeg
from revshare.ledger.places import OF_NUMBERS, on_roll_of
from revshare.ledger.queries import PAYABLE

# As in the view `ledger_every_leg`, which hides the columns that say where an entry lies.
ENTRIES = """
    SELECT e.cycle_id * 1000000000::bigint + e.statement_no AS id, j.seq AS journal_id,
           'payable:' || e.contributor_id AS account, e.currency, 'C' AS side, e.earned_micros AS amount_micros
    FROM ledger_account e
    JOIN ledger_journal j ON j.cycle_id = e.cycle_id AND j.kind = 'allocation'
    WHERE e.earned_micros > 0 AND {}
    ORDER BY e.cycle_id DESC, e.statement_no DESC
"""


def entry_legs(*, cycle_id: int, first: int, last: int) -> list[Leg]:
    """The legs of contributors' accounts numbered `first` to `last` in a cycle, the highest first."""
    return _entries(
        f"e.cycle_id = %s AND e.statement_no BETWEEN %s AND %s AND e.first_no BETWEEN {OF_NUMBERS}",
        cycle_id, first, last, cycle_id, first, last,
    )  # fmt: skip


def contributor_legs(account: str) -> list[Leg]:
    """The legs of one contributor's account, `payable:ID`, latest first: what cycles allocated, at most one per cycle
    and currency, and what else moved it."""
    moved = named_legs(NamedLeg.objects.filter(account=account).select_related("journal"))
    own = account.removeprefix(PAYABLE)
    entries = _entries(f"e.contributor_id = %s AND {on_roll_of('e', '%s')}", own, own, own)
    legs = [*entries, *moved]
    return sorted(legs, key=lambda leg: (leg.journal_id, leg.currency), reverse=True)


def named_legs(rows: Iterable[NamedLeg]) -> list[Leg]:
    """Legs of named accounts, as the list of every leg has them."""
    return [
        Leg(
            id=-leg.pk, journal=leg.journal, account=leg.account, currency=leg.currency, side=leg.side,
            amount_micros=leg.amount_micros,
        )
        for leg in rows
    ]  # fmt: skip


def find_leg(pk: int) -> Leg | None:
    """The leg of this id."""
    if pk < 0:
        found = named_legs(NamedLeg.objects.filter(pk=-pk).select_related("journal"))
    else:
        cycle_id, number = divmod(pk, 1_000_000_000)
        found = entry_legs(cycle_id=cycle_id, first=number, last=number)
    return found[0] if found else None


def _entries(condition: str, *params: Any) -> list[Leg]:
    return list(Leg.objects.raw(ENTRIES.format(condition), params).prefetch_related("journal"))
