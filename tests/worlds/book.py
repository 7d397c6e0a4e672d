"""The accounts of a world once more, kept by hand in plain numbers: every posting beside the one of the product. Nothing
in here is read from it."""

from collections import defaultdict
from collections.abc import Callable
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
    """Of the product's number. `payments`: out of which account how many micros of the batch's currency, and how many of
    the account's that costs."""

    number: int
    currency: str
    payments: dict[Account, tuple[int, int]]
    keys: dict[Account, str]
    state: str = "draft"
    ended: dict[Account, str] = field(default_factory=dict)  # what the bank said
    went_out: dict[Account, int] = field(default_factory=dict)  # what the bank paid


@dataclass
class Debt:
    """`number`: the product's; 0 if nobody asked for it. `starts`: the day from which on it is taken back."""

    number: int
    about: Account
    kind: str
    left: int
    starts: str
    state: str = "asked"

    @property
    def account(self) -> str:
        return "advance" if self.kind == "advance" else "receivable"


@dataclass
class Book:
    """`accounts`: credits less debits. `statements`: of each calculated cycle opening, earned, the other columns and
    closing. `closings`: what all contributors' accounts closed with then. `movements`: what moved them beside the
    cycles, each with the number of the statements that list it. `reserves`: each with the number of the cycle that
    gives it back. `pays_in`: in which currency people are paid, if not in that of each account."""

    accounts: Amounts = field(default_factory=lambda: defaultdict(int))
    statements: list[dict[Account, dict[str, int]]] = field(default_factory=list)
    closings: list[Amounts] = field(default_factory=list)
    movements: list[tuple[int, str, str, str, int]] = field(default_factory=list)
    held: dict[tuple[str, int, str], int] = field(default_factory=lambda: defaultdict(int))
    holds: dict[tuple[str, str], int] = field(default_factory=dict)
    batches: list[Batch] = field(default_factory=list)
    reserves: list[tuple[int, Amounts]] = field(default_factory=list)
    debts: list[Debt] = field(default_factory=list)
    pays_in: dict[str, str] = field(default_factory=dict)
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

    def give_back_reserves(self) -> Amounts:
        """Those that are due in the cycle that is being calculated: what each account got."""
        came_back: Amounts = defaultdict(int)
        for legs in [legs for due, legs in self.reserves if due == len(self.statements)]:
            self.post("reserve_release", {account: -micros for account, micros in legs.items()})
            for account, micros in legs.items():
                came_back[account] -= micros
        return came_back

    def reserve(self, earned: Amounts, part: Fraction, cycles: int) -> None:
        """Keeps, so many cycles long, a part of what the cycle that is being calculated earns everybody after splits."""
        kept: Amounts = defaultdict(int)
        for (account, currency), micros in earned.items():
            if account.startswith("payable:") and (amount := (micros * part).__floor__()) > 0:
                kept[account, currency] -= amount
                kept["reserve", currency] += amount
        self.reserves.append((len(self.statements) + cycles, kept))
        self.post("reserve", kept)

    def find_debts(self, starts: str, passed_on: Amounts) -> None:
        """Of everybody below zero before the cycle that is being calculated, and what it passes on."""
        below = {
            (account, currency): micros - passed_on.get((account, currency), 0)
            for (account, currency), micros in self.accounts.items()
            if account.startswith("payable:") and micros < passed_on.get((account, currency), 0)
        }
        for (account, currency), micros in sorted(below.items()):
            about = (account.removeprefix("payable:"), currency)
            self.debts.append(Debt(0, about, "overpayment", -micros, starts, "booked"))
            self.post("debt", {(account, currency): -micros, ("receivable", currency): micros})

    def take_back(self, due: list[Debt], earned: Amounts, came_back: Amounts, limit: Callable[[int, str], int]) -> None:
        """The first debt first: of what is earned up to the limit, and of all that came back of reserves."""
        for account, currency in sorted({*earned, *came_back}):
            micros = max(earned.get((account, currency), 0), 0)
            most = limit(micros, currency) + came_back.get((account, currency), 0)
            for debt in due:
                if (f"payable:{debt.about[0]}", debt.about[1]) == (account, currency):
                    taken = min(debt.left, most)
                    debt.left -= taken
                    most -= taken
                    self.post("recoupment", {(account, currency): -taken, (debt.account, currency): taken})

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
            batch.state != "cancelled" and about in batch.payments and about not in batch.ended for batch in self.batches
        )  # fmt: skip
