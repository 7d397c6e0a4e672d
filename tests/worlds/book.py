"""The accounts of a world once more, kept by hand in plain numbers: every posting beside the one of the product. Nothing
in here is read from it."""

from collections import defaultdict
from dataclasses import dataclass, field
from fractions import Fraction

from tests.cycles.slow_rules import split

Account = tuple[str, str]  # named account, or person; currency
Amounts = dict[Account, int]
COLUMNS = {"payment": "paid", "returned": "paid", "reserve": "held", "reserve_release": "held"}
UNIT = {"USD": 10_000, "EUR": 10_000, "GBP": 10_000, "JPY": 1_000_000}


def passed_on(earned: Amounts, parts: list[tuple[str, str, int]]) -> Amounts:
    """Splits: person, payee, millionths, of what a cycle earns."""
    legs: Amounts = defaultdict(int)
    for (who, currency), micros in earned.items():
        shares: dict[str, int] = defaultdict(int)
        for giver, payee, millionths in parts:
            if giver == who:
                shares[payee] += millionths
        if micros <= 0 or not shares:
            continue
        sides = shares | {who: 1_000_000 - sum(shares.values())}
        for payee, amount in split(micros, {side: sides[side] for side in sorted(sides)}).items():
            legs[f"payable:{payee}", currency] += amount
        legs[f"payable:{who}", currency] -= micros
    return {account: micros for account, micros in legs.items() if micros}


@dataclass
class Batch:
    """Of the product's number, and what it pays: person to micros."""

    number: int
    currency: str
    payments: dict[str, int]
    keys: dict[str, str]
    state: str = "draft"
    ended: dict[str, str] = field(default_factory=dict)  # what the bank said, by person


@dataclass
class Book:
    """`accounts`: credits less debits. `statements`: of each calculated cycle opening, earned, the other columns and
    closing. `closings`: what all contributors' accounts closed with then. `movements`: what moved them beside the
    cycles, each with the number of the statements that list it. `reserves`: each with the number of the cycle that gives it back."""

    accounts: Amounts = field(default_factory=lambda: defaultdict(int))
    statements: list[dict[Account, dict[str, int]]] = field(default_factory=list)
    closings: list[Amounts] = field(default_factory=list)
    movements: list[tuple[int, str, str, str, int]] = field(default_factory=list)
    held: dict[tuple[str, int, str], int] = field(default_factory=lambda: defaultdict(int))
    holds: dict[tuple[str, str], int] = field(default_factory=dict)
    batches: list[Batch] = field(default_factory=list)
    reserves: list[tuple[int, Amounts]] = field(default_factory=list)
    published: int = 0

    def post(self, kind: str, legs: Amounts) -> None:
        """A journal: credits above zero, debits below, nothing in sum."""
        sums: dict[str, int] = defaultdict(int)
        for (account, currency), micros in legs.items():
            sums[currency] += micros
            self.accounts[account, currency] += micros
            if account.startswith("payable:") and kind != "allocation" and micros:
                who = account.removeprefix("payable:")
                self.movements.append((len(self.statements), kind, who, currency, micros))
        assert not any(sums.values()), (kind, legs)

    def calculate(self, earned: Amounts, others: Amounts) -> None:
        """A cycle: what it gives contributors, and what to the named accounts."""
        number = len(self.statements)
        before = self.closings[-1] if self.closings else {}
        statements: dict[Account, dict[str, int]] = {}
        moved = [(kind, (who, currency), micros) for at, kind, who, currency, micros in self.movements if at == number]
        for about in {*(about for about, micros in earned.items() if micros), *(about for _, about, _ in moved)}:
            row = dict.fromkeys(("opening", "earned", "adjusted", "withheld", "held", "paid"), 0)
            row |= {"opening": before.get(about, 0), "earned": earned.get(about, 0)}
            for kind, whose, micros in moved:
                if whose == about:
                    column = COLUMNS.get(kind, "adjusted")
                    row[column] += micros if column == "adjusted" else -micros
            row["closing"] = (
                row["opening"] + row["earned"] + row["adjusted"] - row["withheld"] - row["held"] - row["paid"]
            )
            statements[about] = row
        self.post("allocation", others | {(f"payable:{who}", code): micros for (who, code), micros in earned.items()})
        self.statements.append(statements)
        self.closings.append(before | {about: row["closing"] for about, row in statements.items()})

    def reserve(self, earned: Amounts, part: Fraction, cycles: int) -> None:
        """Gives back the reserves that are due in the cycle that is being calculated; and keeps, so many cycles long, a
        part of what it earns everybody after splits."""
        number = len(self.statements)
        for legs in [legs for due, legs in self.reserves if due == number]:
            self.post("reserve_release", {account: -micros for account, micros in legs.items()})
        kept: Amounts = defaultdict(int)
        for (account, currency), micros in earned.items():
            if account.startswith("payable:") and (amount := (micros * part).__floor__()) > 0:
                kept[account, currency] -= amount
                kept["reserve", currency] += amount
        self.reserves.append((number + cycles, kept))
        self.post("reserve", kept)

    def release(self, kind: str, claim: int, *, person: str = "", to: str = "") -> None:
        """What is held for a claim, or (0) for a person's opt-out, goes to whom it was held for or to somebody else."""
        for about in [about for about in self.held if about[1] == claim and person in ("", about[0])]:
            who, _, currency = about
            if micros := self.held.pop(about):
                self.post(kind, {("held", currency): -micros, (f"payable:{to or who}", currency): micros})

    def available(self, about: Account) -> int:
        """The last published balance, less what has left it since."""
        moved = [m for at, _, who, code, m in self.movements if at >= self.published and (who, code) == about]
        return self.closings[self.published - 1].get(about, 0) + min(0, sum(moved))

    def in_payment(self, about: Account) -> bool:
        return any(
            batch.state != "cancelled" and batch.currency == about[1] and about[0] in batch.payments
            and about[0] not in batch.ended for batch in self.batches
        )  # fmt: skip
