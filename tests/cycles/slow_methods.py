"""Every way to share once more, in plain Python: one loop after another over rows, in fractions. Written from the
policy's words (docs/rules.md), not from the code that follows them."""

import tomllib
from collections import defaultdict
from dataclasses import dataclass, field
from fractions import Fraction
from typing import Any

from tests.cycles.slow_rules import Record, Sold, Target, World, label_of, limited, rate_of, share, split, treatment

Pool = tuple[str, str, str, str]  # table, model, dataset version, currency
Part = tuple[Pool, str, str, str]  # with its rate, what it is divided by, and the dataset version of a model's mix
Weights = dict[str, Fraction]


@dataclass
class Taken:
    """What a pool takes in at one rate."""

    net: int = 0
    deducted: int = 0
    given: dict[str, dict[str, int]] = field(default_factory=lambda: defaultdict(lambda: defaultdict(int)))


@dataclass
class Divided:
    """One part of a pool before it is split. `by`: what contributors are measured by."""

    by: str
    share: Fraction
    net: int
    deducted: int = 0
    versions: list[str] = field(default_factory=list)
    mix: str = ""
    numerators: Weights | None = None


class Twin:
    """`result`: by cycle, pool, and person or <bucket>: micros."""

    def __init__(self, world: World, cycles: int) -> None:
        self.world = world
        said = tomllib.loads(world.policy)
        self.tables: dict[str, dict[str, Any]] = said["streams"]
        self.who: dict[str, Any] = said.get("eligibility", {})
        self.known = {record.version for record in world.records}
        self.result: dict[tuple[int, Pool, str], int] = defaultdict(int)
        carried: dict[Part, int] = {}
        for cycle in range(cycles):
            carried = self._cycle(cycle, carried)

    def _cycle(self, cycle: int, carried: dict[Part, int]) -> dict[Part, int]:
        carried_on = {}
        parts: dict[Part, Divided] = {}
        for (pool, label), taken in self._takings(cycle).items():
            for part in self._divide(cycle, pool, label, taken):
                key = (pool, label, part.by, part.mix)
                assert key not in parts
                parts[key] = part
        for key in parts.keys() | carried.keys():
            empty = Divided("", Fraction(0), 0)
            if left := self._settle(cycle, key[0], parts.get(key, empty), carried.get(key, 0)):
                carried_on[key] = left
        return carried_on

    # Sales to pools

    def _terms(self, stream: str) -> tuple[str, dict[str, Any]]:
        name = stream if stream in self.tables else "default"
        return name, self.tables[name]

    def _takings(self, cycle: int) -> dict[tuple[Pool, str], Taken]:
        found: dict[tuple[Pool, str], Taken] = defaultdict(Taken)
        fees: dict[tuple[str, Target, str, str, str], list[int]] = defaultdict(lambda: [0, 0])
        quoted: dict[tuple[str, Target, str, str, str], list[int]] = defaultdict(lambda: [0, 0])
        by_id = {sold.sale_id: sold for sold in self.world.sales}
        for row in self.world.sales:
            if row.cycle != cycle:
                continue
            sale = by_id.get(row.refund_of, row)  # a refund stands for its sale
            table, terms = self._terms(sale.stream)
            label, deducted = rate_of(terms, sale), 0
            if terms.get("base") == "net":
                deducted = (row.fees or 0) + (row.tax or 0)
                if row is not sale and row.fees is None and row.tax is None and sale.micros:
                    taken_along = (sale.fees or 0) + (sale.tax or 0)
                    deducted = int(Fraction(row.micros * taken_along, sale.micros))  # int() drops the fraction
            if any(label == label_of(rate) and "quota" in rate for rate in terms.get("rates", [])):
                amounts = quoted[sale.stream, sale.target, row.currency, label, sale.customer]
                amounts[0] += row.micros
                amounts[1] += deducted
                continue
            if terms["allocation"] in ("by_usage", "user_centric"):
                amounts = fees[sale.stream, sale.target, row.currency, label, sale.customer]
                amounts[0] += row.micros
                amounts[1] += deducted
                continue
            taken = found[self._pool(table, sale.target, row.currency), label]
            taken.net += row.micros
            taken.deducted += deducted
            self._give(taken, terms, sale, row.micros - deducted)
        for (stream, target, currency, label, customer), paid in quoted.items():
            self._beyond(cycle, (stream, target, currency, label, customer), paid, fees, found)
        self._follow_use(cycle, fees, found)
        return found

    def _beyond(
        self, cycle: int, key: tuple[str, Target, str, str, str], paid: list[int],
        fees: dict[tuple[str, Target, str, str, str], list[int]], found: dict[tuple[Pool, str], Taken],
    ) -> None:  # fmt: skip
        """What a customer paid on a plan with a quota: what the quota covers, and what was used beyond it."""
        stream, target, currency, label, customer = key
        table, terms = self._terms(stream)
        quota = next(rate["quota"] for rate in terms["rates"] if label == label_of(rate))
        units = sum(n for when, who, _, n in self.world.usage if (when, who) == (cycle, customer) and customer)
        over = [int(Fraction(amount * max(units - quota, 0), units)) if units else 0 for amount in paid]
        for name, (net, deducted) in (
            (label, (paid[0] - over[0], paid[1] - over[1])), (f"{label} over", (over[0], over[1])),
        ):  # fmt: skip
            if terms["allocation"] in ("by_usage", "user_centric"):
                amounts = fees[stream, target, currency, name, customer]
                amounts[0] += net
                amounts[1] += deducted
            else:
                taken = found[self._pool(table, target, currency), name]
                taken.net += net
                taken.deducted += deducted

    def _give(self, taken: Taken, terms: dict[str, Any], sale: Sold, base: int) -> None:
        """First the directed parts of a sale, then its outputs' parts of what is left."""
        rest = base
        scored = [(role, who, score) for sale_id, who, role, score in self.world.outputs if sale_id == sale.sale_id]
        for role, percentage in terms.get("directed", {}).items():
            for _, who, score in [item for item in scored if item[0] == role]:
                amount = int(base * score * share(percentage))
                taken.given[role][who] += amount
                rest -= amount
        if terms["allocation"] == "per_output":
            for _, who, score in [item for item in scored if item[0] == "output"]:
                taken.given["output"][who] += int(rest * score)

    def _follow_use(
        self, cycle: int, fees: dict[tuple[str, Target, str, str, str], list[int]],
        found: dict[tuple[Pool, str], Taken],
    ) -> None:  # fmt: skip
        """Customers' fees to models."""
        by_customer: dict[str, dict[str, int]] = defaultdict(lambda: defaultdict(int))
        by_all: dict[str, int] = defaultdict(int)
        for when, customer, model, units in sorted(self.world.usage):
            if when == cycle:
                by_customer[customer][model] += units
                if not self._is_uncounted(cycle, customer):
                    by_all[model] += units
        own: dict[tuple[str, str, str, str], list[int]] = defaultdict(lambda: [0, 0])
        together: dict[tuple[str, Target, str, str], list[int]] = defaultdict(lambda: [0, 0])
        for (stream, target, currency, label, customer), amounts in fees.items():
            centric = self._terms(stream)[1]["allocation"] == "user_centric" and customer in by_customer
            sums = own[stream, currency, label, customer] if centric else together[stream, target, currency, label]
            sums[0] += amounts[0]
            sums[1] += amounts[1]
        flows = [((s, ("", ""), c, label), by_customer[who], sums) for (s, c, label, who), sums in own.items()]
        flows += [(key, by_all, sums) for key, sums in together.items()]
        for (stream, target, currency, label), used, (net, deducted) in flows:
            weights: dict[Target, int] = {(model, ""): used[model] for model in sorted(used)} or {target: 1}
            nets, deductions = split(net, weights), split(deducted, weights)
            for goal in weights:
                taken = found[self._pool(self._terms(stream)[0], goal, currency), label]
                taken.net += nets[goal]
                taken.deducted += deductions[goal]

    def _is_uncounted(self, cycle: int, customer: str) -> bool:
        """Whether all that a customer bought in the cycle is on plans whose use does not count."""
        rates = [rate for terms in self.tables.values() for rate in terms.get("rates", [])]
        plans = {rate["plan"] for rate in rates if not rate.get("counts_use", True)}
        bought = {s.plan for s in self.world.sales if s.cycle == cycle and s.customer == customer and not s.refund_of}
        return bool(bought) and bought <= plans

    def _pool(self, table: str, target: Target, currency: str) -> Pool:
        if self.tables[table]["pooling"] == "single" and self._versions(target):
            return table, "", "", currency
        return table, *target, currency

    def _versions(self, target: Target) -> list[str]:
        """What a sale is shared over: nothing, if any of it is unknown."""
        model, version = target
        named = [v for m, v, _ in self.world.models if m == model] if model else [version]
        return named if all(version in self.known for version in named) else []

    def _mix(self, pool: Pool, measure: str) -> dict[str, Fraction]:
        if self.tables[pool[0]]["pooling"] == "single" or measure not in ("assets", "weight"):
            return {}
        return {v: Fraction(mix) for m, v, mix in sorted(self.world.models) if m == pool[1] and mix}

    # Pools to parts

    def _divide(self, cycle: int, pool: Pool, label: str, taken: Taken) -> list[Divided]:
        terms = self.tables[pool[0]]
        rate = self._share(terms, label, taken.net - taken.deducted)
        parts = []
        for role, given in [(role, taken.given[role]) for role in (*terms.get("directed", {}), "output")]:
            if role != "output" or terms["allocation"] == "per_output":
                weights = {who: Fraction(max(micros, 0)) for who, micros in given.items()}
                own = rate if role == "output" else Fraction(1)
                parts.append(Divided(role, own, sum(given.values()), numerators=weights))
        rest = taken.net - sum(part.net for part in parts)
        plain = {"weight" if terms["allocation"] == "weighted" else "assets": "100%"}
        factors = {name: share(part) for name, part in sorted(terms.get("factors", plain).items())}
        nets, deductions = split(rest, factors), split(taken.deducted, factors)
        for name in factors:
            whole = Divided(name, rate, nets[name], deductions[name], self._all_versions(pool))
            if name.startswith("measure:"):
                whole.numerators = self._measured(cycle, name)
            mix = self._mix(pool, name)
            by_net, by_deducted = split(whole.net, mix), split(whole.deducted, mix)
            for version in mix:
                versions = [version] if whole.versions else []
                parts.append(Divided(name, rate, by_net[version], by_deducted[version], versions, version))
            if not mix:
                parts.append(whole)
        return parts

    def _measured(self, cycle: int, name: str) -> Weights:
        found: Weights = defaultdict(Fraction)
        for when, who, measure, value in self.world.measures:
            if when == cycle and f"measure:{measure}" == name:
                found[who] += value
        return found

    def _all_versions(self, pool: Pool) -> list[str]:
        table, model, version, _ = pool
        if model or version:
            return self._versions((model, version))
        if self.tables[table]["pooling"] != "single":
            return []  # fees of customers who used nothing
        return sorted({v for _, v, _ in self.world.models if v in self.known})

    @staticmethod
    def _share(terms: dict[str, Any], label: str, takings: int) -> Fraction:
        """By tiers each band has its own share, and the pool the share that comes of it."""
        for rate in terms.get("rates", []):
            if label == label_of(rate):
                return share(rate["contributor_share"])
            if label == f"{label_of(rate)} over":
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

    # Parts to people

    def _settle(self, cycle: int, pool: Pool, part: Divided, carried: int) -> int:
        """Splits a part; returns what it carries on (≤ 0)."""
        base = part.net + carried - part.deducted
        shared = (base * part.share).__floor__() if base > 0 else 0
        terms = self.tables[pool[0]]
        commons = (shared * share(terms.get("commons", "0%"))).__floor__()
        self._pay(cycle, pool, "<platform>", max(base, 0) - shared + part.deducted)
        self._pay(cycle, pool, "<commons>", commons)
        self._pay(cycle, pool, "<carried>", min(base, 0))
        weights = self._numerators(pool, part) if shared else {}
        if not sum(weights.values()):
            self._pay(cycle, pool, "<suspense>", shared - commons)
            return min(base, 0)
        amounts, left_over = limited(shared - commons, weights, terms)
        for (name, bucket), amount in amounts.items():
            self._pay(cycle, pool, bucket or name, amount)
        self._pay(cycle, pool, "<commons>", left_over)
        return min(base, 0)

    def _pay(self, cycle: int, pool: Pool, who: str, micros: int) -> None:
        self.result[cycle, pool, who] += micros

    def _numerators(self, pool: Pool, part: Divided) -> dict[tuple[str, str], Fraction]:
        """By person, or person (if any) and bucket: contributors first, then what is set aside."""
        paid: Weights = defaultdict(Fraction, part.numerators or {})
        aside: dict[tuple[str, str], Fraction] = defaultdict(Fraction)
        if part.numerators is None:
            few = defaultdict[str, Fraction](Fraction)
            for version in part.versions:
                for record, treatment, held in self._records(version):
                    units = held * record.weight if part.by == "weight" else held
                    if treatment == "pay":
                        paid[record.person] += units
                        few[record.person] += held
                    elif treatment != "exclude":
                        aside[("", "<commons>") if treatment == "commons" else (record.person, "<held>")] += units
            least = self.tables[pool[0]].get("min_assets", 0)
            paid = defaultdict(Fraction, {who: units for who, units in paid.items() if few[who] >= least})
        for who in self.who.get("excluded_contributors", []):
            paid.pop(who, None)
        public = sum((paid.pop(who, Fraction(0)) for who in self.who.get("commons_contributors", [])), Fraction(0))
        result = {(who, ""): paid[who] for who in sorted(paid)}
        return result | {("public", "<commons>"): public} | {key: aside[key] for key in sorted(aside)}

    def _records(self, version: str) -> list[tuple[Record, str, Fraction]]:
        """The records of a version, what the policy does with each, and its part of the asset."""
        own = [record for record in self.world.records if record.version == version]
        owners = defaultdict[str, int](int)
        for record in own:
            owners[record.asset] += 1
        return [
            (record, treatment(self.who, record, self.world.consents), Fraction(1, owners[record.asset]))
            for record in own
        ]
