"""Rows of a small marketplace, and the rules of sharing in plain Python: fractions, one after another."""

from dataclasses import dataclass, field
from fractions import Fraction
from typing import Any

from tests.cycles.slow_rates import Rate

Consent = tuple[str, str, str, str, str]  # person, asset, decision, day, scope
Target = tuple[str, str]  # model, dataset version


@dataclass(frozen=True)
class Sold:
    """A sale, or with `refund_of` a refund. `cycle`: the place of the cycle that closes over it."""

    sale_id: str
    cycle: int
    day: str
    stream: str
    target: Target
    currency: str
    micros: int
    fees: int | None = None
    tax: int | None = None
    customer: str = ""
    plan: str = ""
    refund_of: str = ""


@dataclass(frozen=True)
class Record:
    version: str
    asset: str
    person: str
    weight: Fraction = Fraction(1)
    licence: str = ""
    ai_generated: bool = False
    media_type: str = ""


@dataclass
class Claimed:
    """A claim on an asset as it stands."""

    number: int
    version: str
    asset: str
    claimant: str
    state: str = "filed"


@dataclass
class World:
    """Rows, and a policy as TOML. `outputs`: sale, person, role, score. `usage`: cycle, customer, model, units.
    `measures`: cycle, person, name, value. `consents`: person, asset, decision, day, scope; they bind all dataset
    versions but those in `frozen`, which have those that bound them then. `matches`: what unknown models and datasets
    stand for. `shared`: what is to be shared of what waits in suspense, with which model's sales, if any's. `days`: of each
    cycle, the end exclusive."""

    policy: str
    records: list[Record] = field(default_factory=list)
    models: list[tuple[str, str, str]] = field(default_factory=list)  # model, version, mix
    sales: list[Sold] = field(default_factory=list)
    outputs: list[tuple[str, str, str, Fraction]] = field(default_factory=list)
    usage: list[tuple[int, str, str, int]] = field(default_factory=list)
    measures: list[tuple[int, str, str, int]] = field(default_factory=list)
    consents: list[Consent] = field(default_factory=list)
    frozen: dict[str, list[Consent]] = field(default_factory=dict)
    rates: list[Rate] = field(default_factory=list)
    days: list[tuple[str, str]] = field(default_factory=list)
    matches: dict[Target, Target] = field(default_factory=dict)
    shared: dict[Any, str] = field(default_factory=dict)
    claims: list[Claimed] = field(default_factory=list)


def share(text: str) -> Fraction:
    return Fraction(text.rstrip("%")) / 100


def split(total: int, weights: dict[Any, Any]) -> dict[Any, int]:
    """Largest remainder, ties to whom comes first; below zero the mirror image."""
    if total < 0:
        return {name: -amount for name, amount in split(-total, weights).items()}
    whole = sum(weights.values())
    quotas = {name: Fraction(total) * weight / whole if whole else Fraction(0) for name, weight in weights.items()}
    amounts = {name: quota.__floor__() for name, quota in quotas.items()}
    waiting = sorted(weights, key=lambda name: quotas[name] % 1, reverse=True)  # stable: ties stay in order
    for name in waiting[: total - sum(amounts.values()) if whole else 0]:
        amounts[name] += 1
    return amounts


def treatment(said: dict[str, Any], record: Record, consents: list[Consent]) -> str:
    """What the table `[eligibility]` does with a record."""
    if record.ai_generated or record.licence in said.get("excluded_licences", []):
        return "exclude"
    if said.get("media_types") and record.media_type not in said["media_types"]:
        return "exclude"
    if said.get("opted_out", "exclude") != "pay" and opted_out(record, consents):
        return str(said.get("opted_out", "exclude"))
    if record.licence in said.get("commons_licences", []):
        return "commons"
    return "pay" if not said.get("licences") or record.licence in said["licences"] else "exclude"


def opted_out(record: Record, consents: list[Consent]) -> bool:
    """One about the asset before one about the person, one about the version before one about all, then the latest."""
    for asset in (record.asset, ""):
        for scope in (record.version, ""):
            about = (record.person, asset, scope)
            own = [(day, decision) for who, of, decision, day, where in consents if (who, of, where) == about]
            if own:
                return max(own)[1] == "opt_out"
    return False


def label_of(rate: dict[str, Any]) -> str:
    return f"{rate.get('plan', '')} {rate.get('from', '')}"


def over_of(rate: dict[str, Any]) -> str:
    """Of what a customer used beyond the quota of a plan."""
    return f"{label_of(rate)} over"


def rate_of(terms: dict[str, Any], sale: Sold) -> str:
    """The rate of a sale: one that names its plan before one that does not, then the latest."""
    best: tuple[bool, str, str] | None = None
    for rate in terms.get("rates", []):
        since = f"{rate.get('from', '')}"
        if rate.get("plan", sale.plan) == sale.plan and since <= sale.day[:10]:
            found = ("plan" in rate, since, label_of(rate))
            best = max(best, found) if best else found
    return best[2] if best else ""


Side = tuple[str, str, int]  # person (if any), bucket (if any), claim (if any)
Amounts = dict[Side, int]


def limited(total: int, weights: dict[Side, Fraction], terms: dict[str, Any]) -> tuple[Amounts, int]:
    """Whoever would get less than the floor gets the floor, if there is enough for all; whoever would get more than
    the cap gets the cap; the others share what is left, again and again. Not for the commons. And what nobody may take."""
    part = share(terms.get("cap", "0%"))
    cap = (total * part).__floor__() if part else total
    floor = int(Fraction(terms.get("floor", "0")) * 1_000_000)
    people = [who for who, weight in weights.items() if weight and who[1] != "<commons>"]
    if floor > cap or floor * len(people) > total:
        floor = 0
    raised: Amounts = {}
    while True:
        capped: Amounts = {}
        while True:
            fixed = raised | capped
            others = {who: weight for who, weight in weights.items() if who not in fixed}
            left = total - sum(fixed.values())
            amounts = split(left, others)
            above = [who for who in people if who not in fixed and amounts[who] > cap]
            if not above:
                break
            capped |= dict.fromkeys(above, cap)
        amounts |= fixed
        below = [who for who in people if who not in raised and amounts[who] < floor]
        if not below:
            return amounts, total - sum(amounts.values())
        raised |= dict.fromkeys(below, floor)
