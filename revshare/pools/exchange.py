"""What sales in other currencies come to in the one that a policy's pools are in. Pure.

The sales of one pool, day and currency are one sum, and each sum is rounded once: the exact product with the rate, to
whole micros, halves to the even one. So a sale and its refund at the same rate are nothing, and come to nothing.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import date
from fractions import Fraction

from revshare.errors import Refused
from revshare.money import INT64_MAX
from revshare.pools.division import Takings
from revshare.rates.rules import Found


class AmountTooLarge(Refused):
    """A converted amount does not fit into 64 bits."""

    code = "amount_too_large"


@dataclass(frozen=True)
class Exchange:
    """The rates to the currency `quote` that the sales of a cycle need, by day and currency. `words`: the policy's."""

    quote: str
    found: Mapping[tuple[date, str], Found]
    words: str = ""

    def micros(self, amount_micros: int, *, day: date, base: str) -> int:
        """Raises AmountTooLarge."""
        converted = round(amount_micros * self.found[day, base].rate)  # of a fraction: halves to the even number
        if abs(converted) > INT64_MAX:
            raise AmountTooLarge(
                f"The sales of {day} in {base} come to more {self.quote} than fits into 64 bits: look at that rate."
            )
        return converted

    def takings(self, taken: Takings, *, day: date, base: str) -> Takings:
        """What is in the currency already stays as it is."""
        if base == self.quote:
            return taken
        return replace(
            taken, net_micros=self.micros(taken.net_micros, day=day, base=base),
            deducted_micros=self.micros(taken.deducted_micros, day=day, base=base),
            attributed={
                role: self.micros(amount, day=day, base=base) for role, amount in (taken.attributed or {}).items()
            },
        )  # fmt: skip


@dataclass(frozen=True)
class Converted:
    """The net sales of one day in one currency, and what they came to; micros. `sums`: how many pools they belong to,
    each rounded for itself."""

    day: date
    base: str
    quote: str
    found: Found
    sums: int
    amount_in_micros: int
    amount_out_micros: int


def converted(nets: Iterable[tuple[date, str, int]], exchange: Exchange) -> list[Converted]:
    """By day and currency, in that order. `nets`: day, currency and micros of each pool's net sales. Raises
    AmountTooLarge."""
    days: dict[tuple[date, str], Converted] = {}
    for day, base, net in nets:
        if base == exchange.quote:
            continue
        nothing = Converted(day, base, exchange.quote, exchange.found[day, base], 0, 0, 0)
        known = days.get((day, base), nothing)
        days[day, base] = replace(
            known, sums=known.sums + 1, amount_in_micros=known.amount_in_micros + net,
            amount_out_micros=known.amount_out_micros + exchange.micros(net, day=day, base=base),
        )  # fmt: skip
    if sum(abs(item.amount_out_micros) for item in days.values()) > INT64_MAX:
        raise AmountTooLarge(f"The sales come to more {exchange.quote} than fits into 64 bits: look at the rates.")
    return [days[key] for key in sorted(days)]


def rate_text(rate: Fraction) -> str:
    """With 12 decimals, as rates come, less zeros at the end. Exactly it stands in `audit.fx_conversion`."""
    units, decimals = divmod(round(rate * 10**12), 10**12)
    return f"{units}.{decimals:012d}".rstrip("0").rstrip(".")


def added(one: Takings, other: Takings) -> Takings:
    """Both together."""
    roles = {**(one.attributed or {})}
    for role, amount in (other.attributed or {}).items():
        roles[role] = roles.get(role, 0) + amount
    return Takings(
        net_micros=one.net_micros + other.net_micros, deducted_micros=one.deducted_micros + other.deducted_micros,
        count=one.count + other.count, attributed=roles,
    )  # fmt: skip
