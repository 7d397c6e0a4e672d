"""The canonical text of a statement, over which its hash is taken. Pure; the database builds the same in SQL."""

import hashlib
from dataclasses import dataclass
from typing import NamedTuple

from django.utils.translation import gettext_noop


class Line(NamedTuple):
    """One line: pool × numerator ÷ denominator = amount, in units of the measure (ticks, for assets) and micros. A
    tuple: there may be ten thousand."""

    number: int
    kind: str
    table: str
    model: str
    dataset_version: str
    part: str
    measure: str
    pool_micros: int
    numerator_ticks: int
    denominator_ticks: int
    amount_micros: int


COLUMNS = {
    "payment": "paid", "returned": "paid", "withholding": "withheld", "reserve": "held", "reserve_release": "held",
    "hold": "held",
}  # fmt: skip
WORDS = {
    "payment": gettext_noop("Paid out"),
    "returned": gettext_noop("Payment returned by the bank"),
    "withholding": gettext_noop("Tax withheld"),
    "reserve": gettext_noop("Held in reserve"),
    "hold": gettext_noop("Held while in dispute"),
    "split": gettext_noop("Shared by agreement"),
    "claim": gettext_noop("Settlement of a claim"),
    "hold_release": gettext_noop("Released from hold"),
    "restatement": gettext_noop("Correction of earlier cycles"),
    "reserve_release": gettext_noop("Released from reserve"),
    "debt": gettext_noop("Overpayment, taken back later"),
    "recoupment": gettext_noop("Taken back of what is owed"),
    "advance": gettext_noop("Advance"),
}


def column_of(kind: str) -> str:
    """The column of a statement that a journal of this kind moves: `paid`, `withheld`, `held`, or `adjusted`."""
    return COLUMNS.get(kind, "adjusted")


@dataclass(frozen=True)
class Movement:
    """A line for what moved the account beside the cycle's pools: a journal's kind and key, and the amount as it moves
    the balance. `note`: what else there is to say of it, in words."""

    number: int
    kind: str
    reference: str
    amount_micros: int
    note: str = ""

    @property
    def words(self) -> str:
        said = WORDS.get(self.kind, self.kind.capitalize())
        return f"{said}: {self.note}" if self.note else said


@dataclass(frozen=True)
class Content:
    """All that a statement says about money; names and addresses are not part of it."""

    number: str
    cycle: str
    policy_sha256: str
    contributor_id: str
    currency: str
    opening_micros: int
    earned_micros: int
    adjusted_micros: int
    withheld_micros: int
    held_micros: int
    paid_micros: int
    closing_micros: int
    journal_hash: str
    lines: tuple[Line, ...]
    movements: tuple[Movement, ...] = ()


def canonical_text(content: Content) -> str:
    """One fact a line, its parts separated by tabs, `\\n` line ends, in this order."""
    c = content
    facts: list[tuple[object, ...]] = [
        ("statement", c.number), ("cycle", c.cycle), ("policy", c.policy_sha256), ("contributor", c.contributor_id),
        ("currency", c.currency), ("opening", c.opening_micros), ("earned", c.earned_micros),
        ("adjusted", c.adjusted_micros), ("withheld", c.withheld_micros), ("held", c.held_micros),
        ("paid", c.paid_micros), ("closing", c.closing_micros), ("journal", c.journal_hash),
    ]  # fmt: skip
    texts = ["\t".join(str(part) for part in fact) + "\n" for fact in facts]
    # There may be ten thousand.
    texts += [
        f"line\t{line.number}\t{line.kind}\t{line.table}\t{line.model}\t{line.dataset_version}\t{line.part}\t"
        f"{line.measure}\t{line.pool_micros}\t{line.numerator_ticks}\t{line.denominator_ticks}\t{line.amount_micros}\n"
        for line in c.lines
    ]
    texts += [
        f"line\t{moved.number}\t{moved.kind}\t{moved.reference}\t{moved.amount_micros}\n" for moved in c.movements
    ]
    return "".join(texts)


def content_sha256(content: Content) -> str:
    return hashlib.sha256(canonical_text(content).encode()).hexdigest()
