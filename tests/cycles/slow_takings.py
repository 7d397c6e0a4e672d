"""From sales to what each pool takes in, in plain Python: one loop after another over rows, in fractions. Written from
the policy's words (docs/rules.md, docs/currencies.md), not from the code that follows them."""

import tomllib
from collections import defaultdict
from dataclasses import dataclass, field
from datetime import date, timedelta
from fractions import Fraction
from typing import Any

from tests.cycles.slow_rates import rate_for
from tests.cycles.slow_rules import Sold, Target, World, label_of, over_of, rate_of, share, split

Pool = tuple[str, str, str, str]  # table, model, dataset version, currency
Paid = tuple[str, Target, str, str, str, str]  # stream, target, currency, rate, day of the exchange rate, customer
Given = dict[tuple[str, Target, str], int]  # of the sales of a stream and a target, to whom


def _given() -> dict[str, Given]:
    return defaultdict(lambda: defaultdict(int))


@dataclass
class Taken:
    """What a pool takes in at one rate. `given`: by role."""

    net: int = 0
    deducted: int = 0
    given: dict[str, Given] = field(default_factory=_given)
    given_in_all: dict[str, int] = field(default_factory=lambda: defaultdict(int))


class Takings:
    """What sales come to. `through`: by cycle, day and currency, what was in another currency than the pools are, and
    what it came to there."""

    def __init__(self, world: World) -> None:
        self.world = world
        self.through: dict[tuple[int, str, str], tuple[int, int]] = {}
        self.read_policy()

    def read_policy(self) -> None:
        self.said = tomllib.loads(self.world.policy)
        self.tables: dict[str, dict[str, Any]] = self.said["streams"]
        self.who: dict[str, Any] = self.said.get("eligibility", {})
        self.known = {record.version for record in self.world.records}

    def terms(self, stream: str) -> tuple[str, dict[str, Any]]:
        name = stream if stream in self.tables else "default"
        return name, self.tables[name]

    def takings(self, cycle: int) -> dict[tuple[Pool, str], Taken]:
        """By pool and rate."""
        found: dict[tuple[Pool, str, str], Taken] = defaultdict(Taken)  # in the sales' currency, by day of its rate
        fees: dict[Paid, list[int]] = defaultdict(lambda: [0, 0])
        quoted: dict[Paid, list[int]] = defaultdict(lambda: [0, 0])
        by_id = {sold.sale_id: sold for sold in self.world.sales}
        for row in self.world.sales:
            if row.cycle != cycle:
                continue
            sale = by_id.get(row.refund_of, row)  # a refund stands for its sale
            table, terms = self.terms(sale.stream)
            label, day, deducted = rate_of(terms, sale), self._day(cycle, row, sale), 0
            if terms.get("base") == "net":
                deducted = (row.fees or 0) + (row.tax or 0)
                if row is not sale and row.fees is None and row.tax is None and sale.micros:
                    taken_along = (sale.fees or 0) + (sale.tax or 0)
                    deducted = int(Fraction(row.micros * taken_along, sale.micros))  # int() drops the fraction
            key = (sale.stream, sale.target, row.currency, label, day, sale.customer)
            if any(label == label_of(rate) and "quota" in rate for rate in terms.get("rates", [])):
                quoted[key][0] += row.micros
                quoted[key][1] += deducted
                continue
            if terms["allocation"] in ("by_usage", "user_centric"):
                amounts = fees[key]
                amounts[0] += row.micros
                amounts[1] += deducted
                continue
            taken = found[self.pool(table, sale.target, row.currency), label, day]
            taken.net += row.micros
            taken.deducted += deducted
            self._give(taken, terms, sale, row.micros - deducted)
        for key, paid in quoted.items():
            self._beyond(cycle, key, paid, fees, found)
        self._follow_use(cycle, fees, found)
        return self._exchanged(cycle, found)

    def _beyond(
        self, cycle: int, key: Paid, paid: list[int], fees: dict[Paid, list[int]],
        found: dict[tuple[Pool, str, str], Taken],
    ) -> None:  # fmt: skip
        """What a customer paid on a plan with a quota: what the quota covers, and what was used beyond it."""
        stream, target, currency, label, day, customer = key
        table, terms = self.terms(stream)
        [rate] = [rate for rate in terms["rates"] if label == label_of(rate)]
        units = sum(n for when, who, _, n in self.world.usage if (when, who) == (cycle, customer) and customer)
        over = [int(Fraction(amount * max(units - rate["quota"], 0), units)) if units else 0 for amount in paid]
        for name, net, deducted in (
            (label, paid[0] - over[0], paid[1] - over[1]), (over_of(rate), over[0], over[1]),
        ):  # fmt: skip
            if terms["allocation"] in ("by_usage", "user_centric"):
                amounts = fees[stream, target, currency, name, day, customer]
                amounts[0] += net
                amounts[1] += deducted
            else:
                taken = found[self.pool(table, target, currency), name, day]
                taken.net += net
                taken.deducted += deducted

    def _day(self, cycle: int, row: Sold, sale: Sold) -> str:
        """Whose exchange rate a sale takes; a refund beside its sale takes the sale's."""
        if "currency" not in self.said:
            return ""
        if self.said["currency"]["rate"] != "day":
            return "of all"
        return (sale if sale.cycle == cycle else row).day[:10]

    def _give(self, taken: Taken, terms: dict[str, Any], sale: Sold, base: int) -> None:
        """First the directed parts of a sale, then its outputs' parts of what is left."""
        rest = base
        scored = [(role, who, score) for sale_id, who, role, score in self.world.outputs if sale_id == sale.sale_id]
        for role, percentage in terms.get("directed", {}).items():
            for _, who, score in [item for item in scored if item[0] == role]:
                amount = int(base * score * share(percentage))
                taken.given[role][sale.stream, sale.target, who] += amount
                rest -= amount
        if terms["allocation"] == "per_output":
            for _, who, score in [item for item in scored if item[0] == "output"]:
                taken.given["output"][sale.stream, sale.target, who] += int(rest * score)

    def _follow_use(
        self, cycle: int, fees: dict[Paid, list[int]],
        found: dict[tuple[Pool, str, str], Taken],
    ) -> None:  # fmt: skip
        """Customers' fees to models."""
        by_customer: dict[str, dict[str, int]] = defaultdict(lambda: defaultdict(int))
        by_all: dict[str, int] = defaultdict(int)
        for when, customer, model, units in sorted(self.world.usage):
            if when == cycle:
                by_customer[customer][model] += units
                if not self._is_uncounted(cycle, customer):
                    by_all[model] += units
        own: dict[tuple[str, str, str, str, str], list[int]] = defaultdict(lambda: [0, 0])
        together: dict[tuple[str, Target, str, str, str], list[int]] = defaultdict(lambda: [0, 0])
        for (stream, target, currency, label, day, customer), amounts in fees.items():
            centric = self.terms(stream)[1]["allocation"] == "user_centric" and customer in by_customer
            sums = (
                own[stream, currency, label, day, customer]
                if centric
                else together[stream, target, currency, label, day]
            )
            sums[0] += amounts[0]
            sums[1] += amounts[1]
        flows = [
            ((s, ("", ""), c, label, day), by_customer[who], sums) for (s, c, label, day, who), sums in own.items()
        ]
        flows += [(key, by_all, sums) for key, sums in together.items()]
        for (stream, target, currency, label, day), used, (net, deducted) in flows:
            weights: dict[Target, int] = {(model, ""): used[model] for model in sorted(used)} or {target: 1}
            nets, deductions = split(net, weights), split(deducted, weights)
            for goal in weights:
                taken = found[self.pool(self.terms(stream)[0], goal, currency), label, day]
                taken.net += nets[goal]
                taken.deducted += deductions[goal]

    def _is_uncounted(self, cycle: int, customer: str) -> bool:
        """Whether all that a customer bought in the cycle is on plans whose use does not count."""
        rates = [rate for terms in self.tables.values() for rate in terms.get("rates", [])]
        plans = {rate["plan"] for rate in rates if not rate.get("counts_use", True)}
        bought = {s.plan for s in self.world.sales if s.cycle == cycle and s.customer == customer and not s.refund_of}
        return bool(bought) and bought <= plans

    def _exchanged(self, cycle: int, found: dict[tuple[Pool, str, str], Taken]) -> dict[tuple[Pool, str], Taken]:
        """In the currency of the pools: each sum of a pool and a day is rounded once."""
        result: dict[tuple[Pool, str], Taken] = defaultdict(Taken)
        for ((*place, code), label, day), taken in found.items():
            table, model, version = place
            rate, into = self._rate(cycle, day, code)
            goal = result[(table, model, version, into), label]
            net = round(taken.net * rate)
            goal.net += net
            goal.deducted += round(taken.deducted * rate)
            for role, given in taken.given.items():
                goal.given_in_all[role] += round(sum(given.values()) * rate)
                for about, micros in given.items():
                    goal.given[role][about] += round(micros * rate)
            if into != code:
                on = day if day != "of all" else ""
                was = self.through.get((cycle, on, code), (0, 0))
                self.through[cycle, on, code] = (was[0] + taken.net, was[1] + net)
        return result

    def _rate(self, cycle: int, day: str, code: str) -> tuple[Fraction, str]:
        said = self.said.get("currency")
        if said is None or code == said["pools"]:
            return Fraction(1), code
        days = self.world.days[cycle]
        on = day if day != "of all" else _day_before(days[1])
        return rate_for(said, self.world.rates, day=on, days=days, base=code), said["pools"]

    def pool(self, table: str, target: Target, currency: str) -> Pool:
        target = self.meant(target)
        if self.tables[table]["pooling"] == "single" and self.versions(target):
            return table, "", "", currency
        return table, *target, currency

    def meant(self, target: Target) -> Target:
        """What is known is meant itself."""
        return target if self.versions(target) else self.world.matches.get(target, target)

    def versions(self, target: Target) -> list[str]:
        """What a sale is shared over: nothing, if any of it is unknown."""
        model, version = target
        named = [v for m, v, _ in self.world.models if m == model] if model else [version]
        return named if all(version in self.known for version in named) else []

    def share_of(self, terms: dict[str, Any], label: str, takings: int) -> Fraction:
        """By tiers each band has its own share, and the pool the share that comes of it."""
        for rate in terms.get("rates", []):
            if label == label_of(rate):
                return share(rate["contributor_share"])
            if label == over_of(rate):
                return share(rate["over"])
        own = share(terms["contributor_share"])
        if takings <= 0 or "tiers" not in terms:
            return own
        bands = [(Fraction(0), own)]
        bands += [(Fraction(tier["above"]) * 10**6, share(tier["contributor_share"])) for tier in terms["tiers"]]
        highs = [*(low for low, _ in bands[1:]), Fraction(takings)]
        shared = sum(
            (max(Fraction(0), min(high, Fraction(takings)) - low) * own for high, (low, own) in zip(highs, bands, strict=True)),
            Fraction(0),
        )  # fmt: skip
        return shared / takings


def _day_before(day: str) -> str:
    return str(date.fromisoformat(day) - timedelta(days=1))
