"""The policy lab: what a cycle would pay under other policies. Reads only; nothing is posted, nothing is frozen."""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import duckdb
import numpy as np
import pyarrow as pa

from revshare.allocation.models import Bucket
from revshare.allocation.numerators import Numerators
from revshare.allocation.shares import share_out
from revshare.cycles.models import Cycle
from revshare.cycles.operations import ranges_to_close
from revshare.cycles.queries import carried_before, gathered, pinned_of, ranges_of, released_by, sources_of
from revshare.errors import Refused
from revshare.files.queries import last_arrival
from revshare.lab.rules import Int64s, Shift, Spread, shift, spread
from revshare.lake import duck, spool
from revshare.manifests.models import Manifest
from revshare.manifests.queries import mixes, models_trained
from revshare.policies.rules import Rulebook
from revshare.pools.queries import matches
from revshare.pools.rules import Pinned, PoolSum
from revshare.progress import Progress, no_progress
from revshare.sales.queries import last_seq


@dataclass(frozen=True)
class Line:
    """One pool under a policy; micros and units."""

    pool: PoolSum
    denominator: int


@dataclass(frozen=True)
class Outcome:
    """What a cycle comes to under one policy. `amounts`: by currency, in the order of `ids`. `rest`: by currency and
    bucket."""

    name: str
    rulebook: Rulebook
    lines: list[Line]
    amounts: Mapping[str, Int64s]
    rest: Mapping[str, Mapping[str, int]]
    ids: pa.Array

    def spread(self, currency: str) -> Spread:
        amounts = self.amounts[currency]
        return spread(amounts[amounts > 0])


@dataclass(frozen=True)
class Comparison:
    """Outcomes of the same cycle, the first of them the one that the others are compared with, over all contributors
    that any of them pays: `ids`, in code-point order."""

    cycle: Cycle
    ids: pa.Array
    outcomes: list[Outcome]

    @property
    def currencies(self) -> list[str]:
        return sorted({currency for outcome in self.outcomes for currency in outcome.amounts})

    def amounts(self, number: int, currency: str) -> Int64s:
        """By `ids`; micros."""
        outcome = self.outcomes[number]
        amounts = np.zeros(len(self.ids), np.int64)
        if currency in outcome.amounts:
            places = pa.compute.index_in(outcome.ids, value_set=self.ids).to_numpy(zero_copy_only=False)
            amounts[places] = outcome.amounts[currency]
        return amounts

    def shift(self, number: int, currency: str) -> Shift:
        return shift(self.amounts(0, currency), self.amounts(number, currency))


def compare(*, cycle: Cycle, rulebooks: Sequence[tuple[str, Rulebook]], progress: Progress = no_progress) -> Comparison:
    """Works a cycle out under each of these policies (name, rules). The first is what the others are compared with.

    Of a closed cycle the sales that it closed over count; of an open one, those that have come by now. Deficits that
    earlier pools carried count where a policy has the same pool. Raises Refused for a stream without a rule and for
    dataset versions that are not frozen yet, LakeDamaged.
    """
    if not rulebooks:
        raise Refused("The lab needs at least one policy.")
    outcomes = []
    for done, (name, rulebook) in enumerate(rulebooks):
        progress("lab", done, len(rulebooks))
        with spool() as scratch, duck(scratch) as con:
            outcomes.append(_outcome(con, scratch, cycle, name, rulebook))
    ids = sorted({name for outcome in outcomes for name in outcome.ids.to_pylist()})
    return Comparison(cycle, pa.array(ids, pa.string()), outcomes)


def _outcome(con: duckdb.DuckDBPyConnection, scratch: Path, cycle: Cycle, name: str, rulebook: Rulebook) -> Outcome:
    ranges = ranges_of(cycle) if cycle.upto_seq is not None else ranges_to_close(cycle, last_seq())
    pinned = _pinned(cycle)
    sources = replace(sources_of(cycle, pinned, ranges), rulebook=rulebook)
    items = gathered(sources, pinned, carried_before(cycle), released_by(cycle, sources, pinned))
    versions = sorted({version for item in items for version in item.versions})
    _check_frozen(versions)
    numerators = Numerators(con, sources=sources, pinned=pinned, versions=versions, scratch=scratch)
    amounts: dict[str, Int64s] = {}
    rest: dict[str, dict[str, int]] = defaultdict(lambda: defaultdict(int))
    lines = []
    for item in items:
        holding = numerators.holding(item.key, item.measure, item.versions)
        lines.append(Line(item, holding.denominator))
        buckets = rest[item.key.currency]
        buckets[Bucket.PLATFORM] += item.platform_micros
        buckets[Bucket.COMMONS] += item.commons_micros
        buckets[Bucket.CARRIED] += item.carried_out_micros
        if not holding.denominator:
            buckets[Bucket.SUSPENSE] += item.distributable_micros
            continue
        shares = share_out(total_micros=item.distributable_micros, holding=holding, terms=item.terms)
        for kept in shares.set_aside:
            buckets[kept.aside.bucket] += kept.amount_micros
        own = amounts.setdefault(item.key.currency, np.zeros(len(numerators.people.ids), np.int64))
        own[holding.codes] += shares.amounts
    ids = numerators.people.ids.cast(pa.string())
    return Outcome(name, rulebook, lines, amounts, {c: dict(buckets) for c, buckets in rest.items()}, ids)


def _pinned(cycle: Cycle) -> Pinned:
    """What the cycle's lock fixed, and what there is besides: another policy may ask for more."""
    own = pinned_of(cycle)
    frozen = Manifest.objects.filter(part_versions__isnull=False).distinct()
    models = models_trained() | dict(own.models)
    return Pinned(
        manifests={m.dataset_version: m.sha256 for m in frozen} | dict(own.manifests),
        models=models,
        mixes={model: mix for model, mix in mixes().items() if model not in own.models} | dict(own.mixes),
        classes={m.dataset_version: m.classes_sha256 for m in frozen if m.classes} | dict(own.classes),
        upto_arrival=own.upto_arrival or last_arrival(),
        matches=own.matches if cycle.upto_seq is not None else matches(),
    )


def _check_frozen(versions: Sequence[str]) -> None:
    waiting = Manifest.objects.filter(dataset_version__in=versions, frozen_at__isnull=True)
    if names := list(waiting.values_list("dataset_version", flat=True)):
        raise Refused(
            f"Nothing says yet who holds what of {', '.join(names)}: that is fixed when a cycle that needs it is "
            "locked.",
            code="not_frozen",
        )
