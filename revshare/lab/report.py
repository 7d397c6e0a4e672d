"""A comparison told: by currency a column for each policy, who gains and who loses most, and the rules in words."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from fractions import Fraction

import numpy as np

from revshare.allocation.models import Bucket
from revshare.apportion import exact_sum
from revshare.contributors.models import Contributor
from revshare.lab.operations import Comparison, Line, Outcome
from revshare.lab.rules import Int64s, Shift, Spread, shift, spread

SHOWN = 5
BUCKETS = (Bucket.PLATFORM, Bucket.COMMONS, Bucket.SUSPENSE, Bucket.HELD, Bucket.CARRIED)


@dataclass(frozen=True)
class Mover:
    """A contributor whose amount another policy changes; micros."""

    contributor_id: str
    name: str
    before_micros: int
    after_micros: int

    @property
    def difference_micros(self) -> int:
        return self.after_micros - self.before_micros


@dataclass(frozen=True)
class Column:
    """What a policy comes to in one currency. `spread` is of what is earned, `after` of what is there once it was
    passed on by splits (None if nobody has any); `passed_on_micros`: what moved by that, net of each. `shift`, `gains`
    and `losses`: against the first; None and empty there. Contributors, `rest` (by bucket) and nothing else add up to
    `net_micros` and what was carried in."""

    name: str
    net_micros: int
    carried_in_micros: int
    spread: Spread
    after: Spread | None
    passed_on_micros: int
    rest: Mapping[str, int]
    shift: Shift | None
    gains: Sequence[Mover]
    losses: Sequence[Mover]


@dataclass(frozen=True)
class Table:
    """All policies in one currency."""

    currency: str
    columns: Sequence[Column]


@dataclass(frozen=True)
class Rules:
    """A policy in plain language, by table of the policy, with its pools of the cycle."""

    name: str
    sha256: str
    is_registered: bool
    sentences: Mapping[str, Sequence[str]]
    pools: Sequence[Line]


@dataclass(frozen=True)
class Report:
    key: str
    state: str
    tables: Sequence[Table]
    rules: Sequence[Rules]


def report(comparison: Comparison, *, shown: int = SHOWN) -> Report:
    """`shown`: how many of the largest gains and losses to name."""
    cycle, numbers = comparison.cycle, range(len(comparison.outcomes))
    return Report(
        key=cycle.key, state=cycle.state,
        tables=[
            Table(currency, [_column(comparison, number, currency, shown) for number in numbers])
            for currency in comparison.currencies
        ],
        rules=[
            Rules(
                item.candidate.name, item.candidate.sha256, item.candidate.is_registered,
                item.candidate.rulebook.sentences, item.lines,
            )
            for item in comparison.outcomes
        ],
    )  # fmt: skip


def decimals(part: Fraction, places: int) -> str:
    """A part from 0 to 1 for people, rounded half to even."""
    return str((Decimal(part.numerator) / Decimal(part.denominator)).quantize(Decimal(1).scaleb(-places)))


def _column(comparison: Comparison, number: int, currency: str, shown: int) -> Column:
    outcome = comparison.outcomes[number]
    pools = [line.pool for line in outcome.lines if line.pool.key.currency == currency]
    before, after = comparison.amounts(0, currency), comparison.amounts(number, currency)
    paid = (before > 0) | (after > 0)
    kept = comparison.after_splits(number, currency)
    return Column(
        name=outcome.candidate.name,
        net_micros=sum(pool.net_micros for pool in pools),
        carried_in_micros=sum(pool.carried_in_micros for pool in pools),
        spread=outcome.spread(currency),
        after=spread(kept[kept > 0]) if comparison.splits else None,
        passed_on_micros=exact_sum(after[kept < after] - kept[kept < after]),
        rest=_rest(outcome, currency),
        shift=shift(before[paid], after[paid]) if number else None,
        gains=_movers(comparison, before, after, before - after, shown),
        losses=_movers(comparison, before, after, after - before, shown),
    )


def _rest(outcome: Outcome, currency: str) -> dict[str, int]:
    found = outcome.rest.get(currency, {})
    return {bucket.value: found.get(bucket, 0) for bucket in BUCKETS}


def _movers(comparison: Comparison, before: Int64s, after: Int64s, order: Int64s, shown: int) -> list[Mover]:
    """Those with the lowest `order` below zero, ties by ascending id."""
    codes = np.flatnonzero(order < 0)
    chosen = codes[np.argsort(order[codes], kind="stable")][:shown]
    ids = [str(comparison.ids[int(code)]) for code in chosen]
    names = dict(Contributor.objects.filter(pk__in=ids).values_list("id", "name"))
    return [
        Mover(name, names.get(name, ""), int(before[code]), int(after[code]))
        for name, code in zip(ids, chosen, strict=True)
    ]
