"""The tables `[recoupment]` and `[reserve]` of a policy: what a cycle keeps back of what it earns people. Pure.

```toml
[recoupment]
cap = "25%"                     # of what a cycle earns somebody, and not more is taken for their debts; all if left out
at_most = {USD = "50.00"}       # and not more than this a cycle, by currency
notice_days = 30                # from the day on which an overpayment was found; 0 if left out

[reserve]
share = "10%"                   # of what a cycle earns everybody, kept for refunds to come
cycles = 3                      # how many cycles later it is released

[streams.data_deal.reserve]     # of what this table of terms earns everybody; `[reserve]` is of all others
share = "30%"
cycles = 6
```
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from fractions import Fraction
from typing import Any

from revshare.currencies import is_currency
from revshare.money import format_micros, share_of
from revshare.policies import reading
from revshare.policies.reading import BadPolicy

MOST_DAYS = 3650
MOST_CYCLES = 120


@dataclass(frozen=True)
class Recoupment:
    """How debts are taken back. `at_most_micros`: by currency; without one there is no such limit."""

    cap: Fraction = Fraction(1)
    at_most_micros: Mapping[str, int] = field(default_factory=dict)
    notice_days: int = 0

    def limit_micros(self, *, earned_micros: int, currency: str) -> int:
        """The most that a cycle takes back of what it earned somebody."""
        limit = share_of(earned_micros, self.cap)
        return min(limit, self.at_most_micros.get(currency, limit))

    @property
    def sentences(self) -> list[str]:
        most = "".join(
            f", {format_micros(micros, code)} {code} at most" for code, micros in sorted(self.at_most_micros.items())
        )
        share = "all" if self.cap == 1 else reading.percent(self.cap)
        return [
            f"Advances and overpayments are taken back from {share} of what a cycle earns{most}.",
            f"Notice of an overpayment is given {self.notice_days} days before the first is taken.",
        ]


@dataclass(frozen=True)
class Reserve:
    share: Fraction
    cycles: int

    @property
    def sentences(self) -> list[str]:
        return [self.words("a cycle earns somebody")]

    def words(self, of: str) -> str:
        many = "cycle" if self.cycles == 1 else "cycles"
        if not self.share:
            return f"Of what {of} nothing is held in reserve."
        return (
            f"Of what {of} {reading.percent(self.share)} is held in reserve, and released {self.cycles} {many} later."
        )


def read_recoupment(data: dict[str, Any]) -> Recoupment | None:
    """Reads the table `[recoupment]`; None if there is none: then nothing is taken. Raises BadPolicy."""
    if "recoupment" not in data:
        return None
    where = "[recoupment]"
    given = reading.table(data, "recoupment", "the policy")
    reading.only(given, {"cap", "at_most", "notice_days"}, where)
    limits = reading.table(given, "at_most", where)
    for currency in limits:
        if not is_currency(currency):
            raise BadPolicy(f"{where} at_most names {currency!r}, which is not an active ISO 4217 currency.")
    if not given.keys() & {"cap", "at_most"}:
        raise BadPolicy(f'{where} needs cap, such as "25%", or at_most, such as {{USD = "50.00"}}.')
    days = reading.whole(given, "notice_days", where)
    if days > MOST_DAYS:
        raise BadPolicy(f"{where} notice_days can be {MOST_DAYS} at most.")
    return Recoupment(
        cap=reading.share(given, "cap", where) if "cap" in given else Fraction(1),
        at_most_micros={code: reading.amount_micros(limits, code, f"{where} at_most") for code in limits},
        notice_days=days,
    )


def read_reserve(data: dict[str, Any], where: str = "") -> Reserve | None:
    """Reads the table `[reserve]` of the policy, or of the table `where` of a stream; None if there is none. Raises
    BadPolicy."""
    if "reserve" not in data:
        return None
    given = reading.table(data, "reserve", where or "the policy")
    where = f"{where} reserve" if where else "[reserve]"
    reading.only(given, {"share", "cycles"}, where)
    share, cycles = reading.share(given, "share", where), reading.whole(given, "cycles", where)
    if cycles > MOST_CYCLES or (share and not cycles):
        raise BadPolicy(f"{where} cycles must be a whole number from 1 to {MOST_CYCLES}: when it is released.")
    return Reserve(share=share, cycles=cycles)
