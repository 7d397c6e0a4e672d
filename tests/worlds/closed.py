"""A closed cycle once more by the slow twin: what there was when it was locked, or what it is restated with."""

from collections import defaultdict
from copy import copy
from dataclasses import dataclass, field, replace

from tests.cycles.slow_methods import Left, Part, Twin
from tests.cycles.slow_rules import World
from tests.worlds.book import Amounts, passed_on

ACCOUNTS = ("<platform>", "<commons>", "<held>")


def copied(facts: World) -> World:
    """As it is now, whatever comes later."""
    return replace(
        facts, records=[*facts.records], models=[*facts.models], sales=[*facts.sales], outputs=[*facts.outputs],
        usage=[*facts.usage], measures=[*facts.measures], consents=[*facts.consents], frozen=dict(facts.frozen),
        rates=[*facts.rates], matches=dict(facts.matches), shared=dict(facts.shared),
        claims=[copy(claim) for claim in facts.claims],
    )  # fmt: skip


@dataclass
class Closed:
    """`agreed`: its splits. `carried`, `waiting`: what there was of the cycles before it. `replaced`: dataset versions by
    others."""

    number: int
    facts: World
    agreed: list[tuple[str, str, int]]
    carried: dict[Part, int]
    waiting: dict[Left, int]
    replaced: dict[str, str] = field(default_factory=dict)
    twin: Twin = field(init=False)
    earned: Amounts = field(init=False)
    others: Amounts = field(init=False)

    def compute(self) -> None:
        self.twin = Twin(self.facts, 0)
        self.twin.carried, self.twin.waiting = dict(self.carried), dict(self.waiting)
        self.twin.close(self.number)
        self.earned, self.others = defaultdict(int), defaultdict(int)
        for (_, pool, who), micros in self.twin.result.items():
            if who in ACCOUNTS:
                self.others[who.strip("<>"), pool[3]] += micros
            elif not who.startswith("<"):
                self.earned[who, pool[3]] += micros
        for carried, waiting, sign in (
            (self.twin.carried, self.twin.waiting, 1), (self.carried, self.waiting, -1),
        ):  # fmt: skip
            for (pool, *_), micros in carried.items():
                self.others["carried", pool[3]] += sign * micros
            for (_, (pool, *_)), micros in waiting.items():
                self.others["suspense", pool[3]] += sign * micros
        for sold in self.facts.sales:
            if sold.cycle == self.number:
                self.others["sales", sold.currency] -= sold.micros
        for (_, _, code), (taken, given) in self.twin.through.items():
            self.others["fx", code] += taken
            self.others["fx", self.twin.said["currency"]["pools"]] -= given

    @property
    def held(self) -> dict[tuple[str, int, str], int]:
        return {about[1:]: micros for about, micros in self.twin.held.items()}

    @property
    def legs(self) -> Amounts:
        """All that it moves: credits less debits."""
        return added(
            {(f"payable:{who}", code): micros for (who, code), micros in self.earned.items()},
            passed_on(self.earned, self.agreed), self.others,
        )  # fmt: skip

    @property
    def waits(self) -> tuple[dict[object, int], ...]:
        """All that waits, came to wait, or was let go: what of it differs cannot always be corrected."""
        kept = {key: m for key, m in self.twin.result.items() if key[2] in ("<suspense>", "<held>")}
        return tuple(
            {key: m for key, m in parts.items() if m}
            for parts in (kept, self.twin.held, self.twin.waiting, self.twin.released)
        )


def added(*amounts: Amounts) -> Amounts:
    found: Amounts = defaultdict(int)
    for one in amounts:
        for about, micros in one.items():
            found[about] += micros
    return {about: micros for about, micros in found.items() if micros}
