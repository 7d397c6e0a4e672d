"""What somebody owes: the states of a debt, and how much of each a cycle takes back. Pure."""

from collections.abc import Iterable
from dataclasses import dataclass

ADVANCE, OVERPAYMENT = "advance", "overpayment"
KINDS = (ADVANCE, OVERPAYMENT)
ACCOUNTS = {ADVANCE: "advance", OVERPAYMENT: "receivable"}
"""The account that says what is owed, by kind."""
JOURNALS = {ADVANCE: "advance", OVERPAYMENT: "debt"}
"""The kind of the journal that books a debt: it credits the contributor's account."""
RECOUPMENT, WRITE_OFF = "recoupment", "debt_write_off"
ASKED, BOOKED = "asked", "booked"


@dataclass(frozen=True)
class Move:
    """One allowed move."""

    action: str
    source: str
    target: str


MOVES = {
    move.action: move
    for move in (
        Move("book", ASKED, BOOKED),
        Move("decline", ASKED, "declined"),
        Move("write_off", BOOKED, "written_off"),
    )
}
STATES = (ASKED, *(move.target for move in MOVES.values()))


@dataclass(frozen=True)
class Owed:
    """What is left of a debt."""

    debt: int
    left_micros: int


def taken(*, debts: Iterable[Owed], limit_micros: int) -> dict[int, int]:
    """What is taken back of each of somebody's debts in one currency, the first one first: together not more than the
    limit, of each not more than is left. Only what is more than nothing."""
    found = {}
    for owed in debts:
        amount = min(owed.left_micros, limit_micros)
        if amount > 0:
            found[owed.debt] = amount
            limit_micros -= amount
    return found
