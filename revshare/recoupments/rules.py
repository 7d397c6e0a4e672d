"""What somebody owes: the states of a debt, how much of each a cycle takes back, and what reserves it leaves. Pure."""

from collections.abc import Iterable, Mapping
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


def by_reserve(*, amount_micros: int, earned_micros: Mapping[str, int]) -> dict[str, int]:
    """An amount that was passed on, or kept, of what somebody earned under several reserves: of each in proportion, in
    the order of their names, rounded down as it adds up. All of it is of one of them."""
    whole, found, upto = sum(earned_micros.values()), {}, 0
    for name, micros in sorted(earned_micros.items()):
        found[name] = amount_micros * (upto + micros) // whole - amount_micros * upto // whole
        upto += micros
    return found
