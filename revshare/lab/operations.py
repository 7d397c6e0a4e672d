"""The policy lab: what a cycle would pay under other policies. Reads only; nothing is posted, nothing is frozen."""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import datetime
from pathlib import Path

import duckdb
import numpy as np
import pyarrow as pa
from django.db import connection, transaction

from revshare.allocation.models import Bucket
from revshare.allocation.numerators import Numerators
from revshare.allocation.shares import share_out
from revshare.allocation.suspense import to_share
from revshare.consents.queries import DecisionsAt
from revshare.cycles.models import Cycle
from revshare.cycles.operations import ranges_to_close
from revshare.cycles.queries import (
    carried_before,
    gathered,
    last_day,
    pinned_of,
    ranges_of,
    released_by,
    sources_of,
)
from revshare.errors import Refused
from revshare.files.queries import last_arrival
from revshare.files.voiding import voided
from revshare.lab.candidates import Candidate, registered, told_apart
from revshare.lab.rules import Int64s, Spread, spread
from revshare.lake import duck, spool
from revshare.manifests.models import Manifest
from revshare.manifests.previews import preview
from revshare.manifests.queries import Weights, mixes, models_trained
from revshare.pools.queries import matches
from revshare.pools.rules import Pinned, PoolSum, nothing_to_divide_by
from revshare.pools.sources import Sources
from revshare.progress import Progress, no_progress
from revshare.sales.queries import last_seq, sums_by_target
from revshare.splits.queries import in_force
from revshare.splits.rules import divide


@dataclass(frozen=True)
class Line:
    """One pool under a policy; micros and units."""

    pool: PoolSum
    denominator: int

    @property
    def suspense_reason(self) -> str:
        if self.denominator or not self.pool.distributable_micros:
            return ""
        return self.pool.suspense_reason or nothing_to_divide_by(self.pool.measure)


@dataclass(frozen=True)
class Outcome:
    """What a cycle comes to under one policy. `amounts`: by currency, in the order of `ids`. `rest`: by currency and
    bucket."""

    candidate: Candidate
    lines: list[Line]
    amounts: Mapping[str, Int64s]
    rest: Mapping[str, Mapping[str, int]]
    ids: pa.Array

    def spread(self, currency: str) -> Spread:
        """Over those who are paid."""
        amounts = self.amounts.get(currency, np.zeros(0, np.int64))
        return spread(amounts[amounts > 0])


@dataclass(frozen=True)
class Comparison:
    """Outcomes of the same cycle, the first of them the one that the others are compared with, over all contributors
    that any of them knows and all with whom these share by splits: `ids`, in code-point order. `splits`: in force on
    the cycle's last day, by contributor: payees and their shares in millionths."""

    cycle: Cycle
    ids: pa.Array
    outcomes: list[Outcome]
    splits: Mapping[str, Mapping[str, int]] = field(default_factory=dict)

    @property
    def currencies(self) -> list[str]:
        return sorted({currency for outcome in self.outcomes for currency in outcome.rest})

    def amounts(self, number: int, currency: str) -> Int64s:
        """By `ids`; micros."""
        outcome = self.outcomes[number]
        amounts = np.zeros(len(self.ids), np.int64)
        if outcome.ids.equals(self.ids):
            amounts += outcome.amounts.get(currency, 0)
        elif currency in outcome.amounts:
            places = pa.compute.index_in(outcome.ids, value_set=self.ids).to_numpy(zero_copy_only=False)
            amounts[places] = outcome.amounts[currency]
        return amounts

    def after_splits(self, number: int, currency: str) -> Int64s:
        """The same after each passed on what others get by splits. One step: what comes by a split stays."""
        earned = self.amounts(number, currency)
        kept = earned.copy()
        names = sorted({*self.splits, *(payee for shares in self.splits.values() for payee in shares)})
        found = pa.compute.index_in(pa.array(names, self.ids.type), value_set=self.ids)
        place = {name: code for name, code in zip(names, found.to_pylist(), strict=True) if code is not None}
        for name, shares in self.splits.items():
            micros = int(earned[place[name]]) if name in place else 0
            if micros <= 0:
                continue
            kept[place[name]] -= micros
            for person, part in divide(earned_micros=micros, contributor_id=name, shares=shares).items():
                kept[place[person]] += part
        return kept


@dataclass(frozen=True)
class _Trial:
    """A policy with what it takes from the cycle."""

    candidate: Candidate
    sources: Sources
    pinned: Pinned
    items: list[PoolSum]

    @property
    def versions(self) -> list[str]:
        return sorted({version for item in self.items for version in item.versions})


def compare(*, cycle: Cycle, others: Sequence[Candidate], at: datetime, progress: Progress = no_progress) -> Comparison:
    """Works a cycle out under its own policy, which the others are compared with, and under these.

    Of a closed cycle the sales that it closed over count; of an open one, those that have come by now, and its dataset
    versions as they would be frozen at this time (`at`: by the decisions effective then). Deficits that earlier pools
    carried count where a policy has the same pool. Raises Refused for a stream without a rule or a policy that is there
    twice, LakeDamaged, UnitsTooLarge.
    """
    candidates = told_apart([registered(cycle.policy), *others])
    with _snapshot(), spool() as scratch:
        trials = _trials(cycle, candidates)
        with duck(scratch) as con:
            drafts = preview(
                con, dataset_versions={version for trial in trials for version in trial.versions}, at=at,
                decisions=DecisionsAt, target=scratch, progress=progress,
                by_class=any(item.rulebook.eligibility.tells_classes_apart for item in candidates),
            )  # fmt: skip
        outcomes = []
        for done, trial in enumerate(trials):
            progress("lab", done, len(trials))
            with duck(scratch) as con:
                outcomes.append(_outcome(con, scratch, trial, drafts))
        splits = _splits(cycle)
    kind = outcomes[0].ids.type
    payees = pa.array(sorted({payee for shares in splits.values() for payee in shares}), kind)
    ids = pa.chunked_array([*(outcome.ids for outcome in outcomes), payees]).unique()
    return Comparison(cycle, ids.take(pa.compute.sort_indices(ids)), outcomes, splits)


def _splits(cycle: Cycle) -> dict[str, dict[str, int]]:
    """Of a closed cycle those that had arrived before its lock."""
    upto = pinned_of(cycle).upto_arrival if cycle.upto_seq is not None else last_arrival()
    found: dict[str, dict[str, int]] = defaultdict(lambda: defaultdict(int))
    for part in in_force(day=last_day(cycle), upto_arrival=upto):
        found[part.contributor_id][part.payee_id] += part.share_millionths
    return {name: dict(shares) for name, shares in found.items()}


@contextmanager
def _snapshot() -> Iterator[None]:
    """One state of the database for all policies; the database refuses to write anything meanwhile."""
    alone = not connection.in_atomic_block
    with transaction.atomic(), connection.cursor() as cursor:
        if alone:
            cursor.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ")
        cursor.execute("SET TRANSACTION READ ONLY")
        yield


def _trials(cycle: Cycle, candidates: Sequence[Candidate]) -> list[_Trial]:
    closed = cycle.upto_seq is not None
    ranges = ranges_of(cycle) if closed else ranges_to_close(cycle, last_seq())
    streams = {item.stream for item in sums_by_target(ranges)}
    fixed, all_there, carried = pinned_of(cycle), all_there_is(cycle), carried_before(cycle)
    trials = []
    for candidate in candidates:
        check_streams(cycle, candidate, streams)
        # Its own policy finds just what the lock fixed, also where models have come since.
        pinned = fixed if closed and candidate.sha256 == cycle.policy.sha256 else all_there
        sources = replace(sources_of(cycle, pinned, ranges), rulebook=candidate.rulebook)
        items = gathered(sources, pinned, carried, released_by(cycle, sources, pinned))
        trials.append(_Trial(candidate, sources, pinned, items))
    return trials


def check_streams(cycle: Cycle, candidate: Candidate, streams: Iterable[str]) -> None:
    """Raises Refused for a stream that the policy has no rule for."""
    if missing := sorted(stream for stream in streams if candidate.rulebook.terms_for(stream) is None):
        raise Refused(
            f"Policy {candidate.name} has no rule for the stream {', '.join(missing)}: it cannot be tried on cycle "
            f"{cycle.key}. Give it one, or a [streams.default].",
            code="stream_without_rule",
        )


def _outcome(con: duckdb.DuckDBPyConnection, scratch: Path, trial: _Trial, drafts: Mapping[str, Weights]) -> Outcome:
    numerators = Numerators(
        con, sources=trial.sources, pinned=trial.pinned, versions=trial.versions, scratch=scratch, drafts=drafts
    )
    amounts: dict[str, Int64s] = {}
    rest: dict[str, dict[str, int]] = defaultdict(lambda: defaultdict(int))
    lines = []
    for item in trial.items:
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
    return Outcome(trial.candidate, lines, amounts, {c: dict(buckets) for c, buckets in rest.items()}, ids)


def all_there_is(cycle: Cycle) -> Pinned:
    """What the cycle's lock fixed, and what there is besides: another policy may ask for more."""
    own = pinned_of(cycle)
    there = Manifest.objects.filter(part_versions__isnull=False).distinct()
    return Pinned(
        manifests={m.dataset_version: m.sha256 for m in there} | dict(own.manifests),
        models=models_trained() | dict(own.models),
        mixes={model: mix for model, mix in mixes().items() if model not in own.models} | dict(own.mixes),
        classes={m.dataset_version: m.classes_sha256 for m in there if m.classes} | dict(own.classes),
        upto_arrival=own.upto_arrival or last_arrival(),
        voided=own.voided if cycle.upto_seq is not None else voided(),
        claims=own.claims,
        matches=own.matches if cycle.upto_seq is not None else matches(),
        shared=own.shared if cycle.upto_seq is not None else to_share(),
    )
