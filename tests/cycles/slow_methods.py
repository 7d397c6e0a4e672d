"""Every way to share once more, in plain Python: from what pools take in to whom it goes, in fractions. Written from the
policy's words (docs/rules.md, docs/claims.md), not from the code that follows them."""

from collections import defaultdict
from dataclasses import dataclass, field, replace
from fractions import Fraction
from typing import Any

from tests.cycles.slow_rules import Record, Side, Target, World, label_of, limited, over_of, share, split, treatment
from tests.cycles.slow_takings import Pool, Taken, Takings

Part = tuple[Pool, str, str, str]  # with its rate, the factor or role, and the dataset version of a model's mix
Left = tuple[int, Part]  # in suspense: by which cycle
Weights = dict[str, Fraction]


@dataclass
class Divided:
    """One part of a pool before it is split. `by`: what contributors are measured by; `called`: what it is known by
    beside the pool and its rate."""

    by: str
    share: Fraction
    net: int
    deducted: int = 0
    versions: list[str] = field(default_factory=list)
    mix: str = ""
    called: str = ""
    numerators: Weights | None = None
    released: int = 0


NOTHING = Divided("", Fraction(0), 0)


class Twin(Takings):
    """`result`: by cycle, pool, and person or <bucket>: micros. `held`: by cycle, person, claim (0: opted out) and
    currency. `carried`: what parts of pools carry on; `waiting`: what cycles have left in suspense. `released`: what the last
    cycle let out of it, to which parts, and `let_go` of what."""

    def __init__(self, world: World, cycles: int) -> None:
        super().__init__(world)
        self.result: dict[tuple[int, Pool, str], int] = defaultdict(int)
        self.held: dict[tuple[int, str, int, str], int] = defaultdict(int)
        self.carried: dict[Part, int] = {}
        self.waiting: dict[Left, int] = {}
        self.released: dict[Part, int] = {}
        self.let_go: set[Left] = set()
        for cycle in range(cycles):
            self.close(cycle)

    def close(self, cycle: int) -> None:
        """The next cycle, of all that the world has by now."""
        self.read_policy()
        parts: dict[Part, Divided] = {}
        for (pool, label), taken in self.takings(cycle).items():
            for part in self._divide(cycle, pool, label, taken):
                key = (pool, label, part.called, part.mix)
                assert key not in parts
                parts[key] = part
        carried: dict[Part, int] = defaultdict(int)
        for key, micros in self.carried.items():
            carried[next(iter(self._places(key)), key)] += micros
        self.released = self._released(cycle)
        for key, micros in self.released.items():
            part = parts.get(key) or self._unsold(cycle, key[0])[key]
            parts[key] = replace(part, released=part.released + micros)
        self.carried = {}
        for key in parts.keys() | carried.keys():
            part = parts.get(key) or self._unsold(cycle, key[0]).get(key, NOTHING)
            if left := self._settle(cycle, key, part, carried.get(key, 0)):
                self.carried[key] = left

    # What waits, and goes where

    def _places(self, key: Part, model: str = "", *, decided: bool = False) -> dict[Part, Fraction]:
        """Where it goes if its name is matched by now, in which ratio: the parts by assets of the pool that sales of
        that name belong to now, of the same rate and factor if there still is one. `decided`: also if it is not; with
        the sales of a model, if one is named."""
        (table, *named, currency), label, called, _ = key
        target: Target = (model, "") if model else (named[0], named[1])
        if not decided and target not in self.world.matches:
            return {}
        meant = self.meant(target)
        table, terms = self.terms(table)
        factors = [name for name in self._factors(terms) if name in ("assets", "weight")]
        if not factors or not self.versions(meant):
            return {}
        names = [(label, factor if "factors" in terms else "") for label in self._labels(terms) for factor in factors]
        own = (label, called) if (label, called) in names else names[0]
        pool = self.pool(table, meant, currency)
        mix = self._mix(pool, "assets") or {"": Fraction(1)}
        return {(pool, *own, of): part for of, part in mix.items()}

    def _shared(self, cycle: int, key: Part, model: str) -> dict[Part, Fraction]:
        """Where it goes by a decision: to the part it waited in, if there still is one; or as by a match."""
        (table, *rest), *part = key
        same = ((self.terms(table)[0], *rest), *part)
        if not model and same in self._unsold(cycle, same[0]):
            return {same: Fraction(1)}
        return self._places(key, model, decided=True)

    def _released(self, cycle: int) -> dict[Part, int]:
        """What waits for the same is one sum."""
        sums: dict[tuple[Part, str | None], int] = defaultdict(int)
        places: dict[tuple[Part, str | None], dict[Part, Fraction]] = {}
        self.let_go = set()
        for left in [left for left, micros in self.waiting.items() if micros > 0]:
            key, model = left[1], self.world.shared.get(left)
            if found := self._places(key) if model is None else self._shared(cycle, key, model):
                self.let_go.add(left)
                places[key, model] = found
                sums[key, model] += self.waiting.pop(left)
        released: dict[Part, int] = defaultdict(int)
        for about, micros in sums.items():
            for place, amount in split(micros, places[about]).items():
                released[place] += amount
        return released

    @staticmethod
    def _labels(terms: dict[str, Any]) -> list[str]:
        rates = terms.get("rates", [])
        return ["", *map(label_of, rates), *(over_of(rate) for rate in rates if "quota" in rate)]

    def _unsold(self, cycle: int, pool: Pool) -> dict[Part, Divided]:
        """The parts, at every rate, of a pool to which nothing was sold."""
        if pool[0] not in self.tables:
            return {}
        return {
            (pool, label, part.called, part.mix): part for label in self._labels(self.tables[pool[0]])
            for part in self._divide(cycle, pool, label, Taken())
        }  # fmt: skip

    # Pools to parts

    def _mix(self, pool: Pool, measure: str) -> dict[str, Fraction]:
        if self.tables[pool[0]]["pooling"] == "single" or measure not in ("assets", "weight"):
            return {}
        return {v: Fraction(mix) for m, v, mix in sorted(self.world.models) if m == pool[1] and mix}

    @staticmethod
    def _factors(terms: dict[str, Any]) -> dict[str, Fraction]:
        plain = {"weight" if terms["allocation"] == "weighted" else "assets": "100%"}
        return {name: share(part) for name, part in sorted(terms.get("factors", plain).items())}

    def _divide(self, cycle: int, pool: Pool, label: str, taken: Taken) -> list[Divided]:
        terms = self.tables[pool[0]]
        rate = self.share_of(terms, label, taken.net - taken.deducted)
        parts = []
        for role in (*terms.get("directed", {}), "output"):
            if role != "output" or terms["allocation"] == "per_output":
                weights: Weights = defaultdict(Fraction)
                for (_, _, who), micros in taken.given[role].items():
                    weights[who] += micros
                weights = {who: max(micros, Fraction(0)) for who, micros in weights.items()}
                own = rate if role == "output" else Fraction(1)
                parts.append(Divided(role, own, taken.given_in_all[role], called=role, numerators=weights))
        rest = taken.net - sum(part.net for part in parts)
        factors = self._factors(terms)
        nets, deductions = split(rest, factors), split(taken.deducted, factors)
        for name in factors:
            called = name if "factors" in terms else ""
            whole = Divided(name, rate, nets[name], deductions[name], self._all_versions(pool), called=called)
            if name.startswith("measure:"):
                whole.numerators = self._measured(cycle, name)
            mix = self._mix(pool, name)
            by_net, by_deducted = split(whole.net, mix), split(whole.deducted, mix)
            for version in mix:
                versions = [version] if whole.versions else []
                parts.append(Divided(name, rate, by_net[version], by_deducted[version], versions, version, called))
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
            return self.versions((model, version))
        if self.tables[table]["pooling"] != "single":
            return []  # fees of customers who used nothing
        return sorted({v for _, v, _ in self.world.models if v in self.known})

    # Parts to people

    def _settle(self, cycle: int, key: Part, part: Divided, carried: int) -> int:
        """Splits a part; returns what it carries on (≤ 0)."""
        pool = key[0]
        base = part.net + carried - part.deducted
        shared = (base * part.share).__floor__() if base > 0 else 0
        terms = self.tables.get(pool[0], {})
        commons = (shared * share(terms.get("commons", "0%"))).__floor__()
        self._pay(cycle, pool, "<platform>", max(base, 0) - shared + part.deducted)
        self._pay(cycle, pool, "<commons>", commons)
        self._pay(cycle, pool, "<carried>", min(base, 0))
        total = shared - commons + part.released
        weights = self._numerators(pool, part) if total else {}
        if not sum(weights.values()):
            self._pay(cycle, pool, "<suspense>", total)
            if total:
                self.waiting[cycle, key] = total
            return min(base, 0)
        amounts, left_over = limited(total, weights, terms)
        for (name, bucket, claim), amount in amounts.items():
            self._pay(cycle, pool, bucket or name, amount)
            if bucket == "<held>":
                self.held[cycle, name, claim, pool[3]] += amount
        self._pay(cycle, pool, "<commons>", left_over)
        return min(base, 0)

    def _pay(self, cycle: int, pool: Pool, who: str, micros: int) -> None:
        self.result[cycle, pool, who] += micros

    def _numerators(self, pool: Pool, part: Divided) -> dict[Side, Fraction]:
        """Contributors first, then what is set aside."""
        paid: Weights = defaultdict(Fraction, part.numerators or {})
        aside: dict[Side, Fraction] = defaultdict(Fraction)
        excluded, public_ones = (self.who.get(f"{what}_contributors", []) for what in ("excluded", "commons"))
        if part.numerators is None:
            has = defaultdict[str, Fraction](Fraction)
            for version in part.versions:
                for record, treated, held in self._records(version):
                    units = held * record.weight if part.by == "weight" else held
                    if treated == "pay":
                        owner, claim = self._claimed(record)
                        has[owner] += held
                        if claim and owner not in (*excluded, *public_ones):
                            aside[owner, "<held>", claim] += units
                        else:
                            paid[owner] += units
                    elif treated != "exclude":
                        side = ("", "<commons>", 0) if treated == "commons" else (record.person, "<held>", 0)
                        aside[side] += units
            least = self.tables[pool[0]].get("min_assets", 0)
            paid = defaultdict(Fraction, {who: units for who, units in paid.items() if has[who] >= least})
            aside = {side: units for side, units in aside.items() if not side[2] or has[side[0]] >= least}
        for who in excluded:
            paid.pop(who, None)
        public = sum((paid.pop(who, Fraction(0)) for who in public_ones), Fraction(0))
        result: dict[Side, Fraction] = {(who, "", 0): paid[who] for who in sorted(paid)}
        result["public", "<commons>", 0] = public
        return result | {side: aside[side] for side in sorted(aside, key=lambda side: (side[1], side[2], side[0]))}

    def _records(self, version: str) -> list[tuple[Record, str, Fraction]]:
        """The records of a version, what the policy does with each, and its part of the asset."""
        own = [record for record in self.world.records if record.version == version]
        owners = defaultdict[str, int](int)
        for record in own:
            owners[record.asset] += 1
        consents = self.world.frozen.get(version, self.world.consents)
        return [
            (record, treatment(self.who, record, consents), Fraction(1, owners[record.asset])) for record in own
        ]  # fmt: skip

    def _claimed(self, record: Record) -> tuple[str, int]:
        """Whose money of an asset's record is by claims so far, and the claim that is open (0: none)."""
        claims = [
            claim for claim in self.world.claims if (claim.version, claim.asset) == (record.version, record.asset)
        ]
        upheld = [claim.claimant for claim in claims if claim.state == "upheld"]
        still = [claim.number for claim in claims if claim.state in ("filed", "proven")]
        return upheld[-1] if upheld else record.person, still[0] if still else 0
