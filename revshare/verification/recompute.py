"""Computes a cycle again from its stored inputs, beside what is stored, and compares.

The split is done here by slow exact rules (`apportion.apportion`, `limits.within`), not by those that made the result.
"""

from collections import defaultdict
from collections.abc import Iterator
from dataclasses import replace

import numpy as np
import pyarrow as pa
from django.db import connection
from django.db.models import QuerySet, Sum

from revshare.allocation.denominators import denominators
from revshare.allocation.models import Bucket, Release, Rest
from revshare.allocation.numerators import Aside, Holding, Numerators
from revshare.allocation.shares import OVER_CAP, Kept, Shares
from revshare.allocation.splitting import set_aside
from revshare.apportion import apportion
from revshare.cycles.models import Cycle
from revshare.cycles.queries import (
    carried_before,
    gathered_and_converted,
    input_digest,
    pinned_of,
    ranges_of,
    released_by,
    result_digest,
    sources_of,
)
from revshare.cycles.rules import reached
from revshare.lake import LakeDamaged, spool
from revshare.ledger.models import AccountControl
from revshare.manifests.models import Manifest
from revshare.policies.terms import Terms
from revshare.pools.conversions import RateMissing
from revshare.pools.conversions import as_row as conversion_row
from revshare.pools.exchange import Converted
from revshare.pools.models import Conversion, Pool
from revshare.pools.operations import as_row, movements_row
from revshare.pools.queries import key_of
from revshare.pools.rules import Key, Pinned
from revshare.pools.sources import Sources
from revshare.statements.models import Statement
from revshare.statements.queries import explain
from revshare.statements.rules import content_sha256
from revshare.verification.agreements import check_passed_on
from revshare.verification.debts import check_deductions
from revshare.verification.entries import Entries, check_entries, entries_of
from revshare.verification.findings import Finding
from revshare.verification.held import check_contested
from revshare.verification.limits import within

POOL_FIELDS = (
    "net_micros", "carried_in_micros", "released_micros", "deducted_micros", "distributable_micros", "commons_micros",
    "platform_micros", "carried_out_micros", "denominator_ticks", "versions", "share", "rule", "measure", "sales_count",
)  # fmt: skip
CONVERSION_FIELDS = (
    "quote", "rate_upper", "rate_lower", "rate_on", "source", "way", "sums", "amount_in_micros", "amount_out_micros",
)  # fmt: skip
SPLIT = pa.schema([("contributor_id", pa.string()), ("ticks", pa.int64()), ("micros", pa.int64())])
NOBODY = Holding(np.zeros(0, np.int64), np.zeros(0, np.int64))
STATEMENTS_CHECKED_ONE_BY_ONE = 200


def recompute(cycle: Cycle) -> Iterator[Finding]:
    """I21, I22: the inputs still have their digest, and give the same result to the micro. I5, I6, I16, I23: every
    entry is what was posted (`entries`)."""
    if not reached(state=cycle.state, goal="locked"):
        return
    pinned = pinned_of(cycle)
    sources = replace(sources_of(cycle, pinned, ranges_of(cycle)), read_all=True)
    try:
        own = input_digest(cycle, pinned, sources)
    except RateMissing as error:
        yield Finding("I21", cycle.key, str(error))
        return
    if own != cycle.input_digest:
        yield Finding("I21", cycle.key, f"the inputs have the digest {own}, at the lock it was {cycle.input_digest}")
        return
    manifests = Manifest.objects.filter(dataset_version__in=pinned.manifests)
    hashes = {manifest.dataset_version: manifest.sha256 for manifest in manifests}
    classes = {m.dataset_version: m.classes_sha256 for m in manifests if m.dataset_version in pinned.classes}
    if (hashes, classes) != (dict(pinned.manifests), dict(pinned.classes)):
        yield Finding("I14", cycle.key, "a manifest is not the one that the lock fixed")
        return
    if not reached(state=cycle.state, goal="calculated"):
        return
    yield from _pools(cycle, sources, pinned)
    pools = Pool.objects.filter(cycle=cycle).order_by("pk")
    with entries_of(cycle, pools) as entries:
        yield from check_entries(cycle, entries)
        yield from check_passed_on(cycle, entries, pinned)
        yield from check_deductions(cycle, entries, pinned)
        try:
            yield from check_contested(cycle, pinned)
            yield from _amounts(cycle, entries, pools, sources, pinned)
        except LakeDamaged as error:
            yield Finding("I14", cycle.key, str(error))
    yield from _statements(cycle)
    own = result_digest(cycle)
    if own != cycle.result_digest:
        yield Finding(
            "I22", cycle.key, f"the result has the digest {own}, when calculated it was {cycle.result_digest}"
        )


def _pools(cycle: Cycle, sources: Sources, pinned: Pinned) -> Iterator[Finding]:
    released = released_by(cycle, sources, pinned)
    rests = set(Release.objects.filter(cycle=cycle).values_list("rest_id", flat=True))
    if rests != {release.rest_id for release in released}:
        yield Finding("I15", cycle.key, "what it released from suspense is not what the matches of its lock release")
    items, conversions = gathered_and_converted(sources, pinned, carried_before(cycle), released)
    yield from _conversions(cycle, conversions)
    units = denominators(items=items, sources=sources, pinned=pinned)
    should = [as_row(cycle.pk, item, units[item.key]) for item in items]
    should += [movements_row(cycle.pk, currency) for currency in _moved_in(cycle)]
    stored = {_identity(pool): pool for pool in Pool.objects.filter(cycle=cycle)}
    expected_by_key = {_identity(pool): pool for pool in should}
    if missing := expected_by_key.keys() ^ stored.keys():
        name = (expected_by_key | stored)[min(missing)].name
        yield Finding("I22", f"{cycle.key} pool {name}", "is there when it should not be, or the reverse")
        return
    for pool in should:
        for name in POOL_FIELDS:
            actual, expected = getattr(stored[_identity(pool)], name), getattr(pool, name)
            if actual != expected:
                yield Finding("I22", f"{cycle.key} pool {pool.name}", f"{name} is {actual}, it should be {expected}")
                return


def _identity(pool: Pool) -> tuple[str, Key]:
    """Not its name: a model and a dataset version may be called the same."""
    return pool.kind, key_of(pool)


def _conversions(cycle: Cycle, items: list[Converted]) -> Iterator[Finding]:
    """I9: rates and amounts of sales in other currencies."""
    stored = {(item.day, item.base): item for item in Conversion.objects.filter(cycle=cycle)}
    should = {(item.day, item.base): item for item in (conversion_row(cycle.pk, item) for item in items)}
    for at in sorted(stored.keys() | should.keys()):
        actual, expected = (
            [getattr(rows[at], name) for name in CONVERSION_FIELDS] if at in rows else None for rows in (stored, should)
        )
        if actual != expected:
            yield Finding("I9", f"{cycle.key} {at[1]} of {at[0]}", f"is {actual}, it should be {expected}")
            return


def _amounts(
    cycle: Cycle, entries: Entries, pools: QuerySet[Pool], sources: Sources, pinned: Pinned
) -> Iterator[Finding]:
    """Every numerator is what the lake's weights say, and every amount what the slow rule gives for them."""
    versions = sorted({version for pool in pools for version in pool.versions})
    with spool() as scratch:
        numerators = Numerators(entries.con, sources=sources, pinned=pinned, versions=versions, scratch=scratch)
        for pool in pools:
            shares = Shares(np.zeros(0, np.int64), 0)
            if pool.kind == Pool.Kind.MOVEMENTS:
                should = _moved(pool)
            else:
                holding = numerators.holding(key_of(pool), pool.measure, pool.versions)
                if not holding.denominator:  # it is in suspense: whoever is there has none of its units
                    holding = NOBODY
                shares = _slow_shares(pool, holding, sources.rulebook.tables.get(pool.table))
                ids = numerators.people.ids.take(pa.array(holding.codes)).cast(pa.string())
                should = pa.table([ids, holding.ticks, shares.amounts], schema=SPLIT)
            stored = entries.con.sql(
                "SELECT contributor_id, numerator_ticks AS ticks, amount_micros AS micros FROM entry WHERE pool_id = ? "
                "ORDER BY contributor_id",
                params=[pool.pk],
            ).to_arrow_table()
            if not stored.equals(should):
                yield Finding("I22", f"{cycle.key} pool {pool.name}", _difference(stored, should))
                return
            if difference := _aside(pool, shares):
                yield Finding("I22", f"{cycle.key} pool {pool.name}", difference)
                return


def _slow_shares(pool: Pool, holding: Holding, terms: Terms | None) -> Shares:
    """By exact integers, one by one; caps and floors by a rule of its own (`limits`)."""
    total = pool.distributable_micros
    if not holding.denominator:
        return Shares(np.zeros(0, np.int64), 0)
    weights = [*holding.ticks.tolist(), *(item.units for item in holding.aside)]
    if terms is not None and terms.is_limited:
        free = [False] * len(holding.ticks) + [item.bucket == Bucket.COMMONS for item in holding.aside]
        cap = total * terms.cap.numerator // terms.cap.denominator if terms.cap else None
        amounts = within(total=total, weights=weights, free=free, cap=cap, floor=terms.floor_micros)
    else:
        amounts = apportion(total=total, weights=weights)
    number = len(holding.ticks)
    kept = [Kept(item, amount) for item, amount in zip(holding.aside, amounts[number:], strict=True)]
    if rest := total - sum(amounts):
        kept.append(Kept(Aside(Bucket.COMMONS, OVER_CAP, 0), rest))
    return Shares(np.array(amounts[:number], np.int64), 0, tuple(kept))


def _aside(pool: Pool, shares: Shares) -> str:
    """How what was set aside of a pool differs from what should have been; blank if it does not."""
    rows = Rest.objects.filter(pool=pool, bucket__in=[Bucket.COMMONS, Bucket.HELD]).exclude(reason="")
    stored = {(r.bucket, r.reason, r.contributor_id, r.units, r.amount_micros) for r in rows}
    should = {
        (r.bucket, r.reason, r.contributor_id, r.units, r.amount_micros) for r in set_aside(pool, shares)
    }  # fmt: skip
    wrong = sorted(stored ^ should, key=str)
    return f"what was set aside differs: {wrong[0]} is there, or is missing" if wrong else ""


def _moved_in(cycle: Cycle) -> list[str]:
    """The currencies in which the journals of a cycle moved contributors' accounts."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT DISTINCT currency FROM ledger_movement WHERE cycle_id = %s ORDER BY currency", [cycle.pk]
        )
        return [currency for (currency,) in cursor.fetchall()]


def _moved(pool: Pool) -> pa.Table:
    """What stands under a pool of movements: nobody's ticks, and the net of each account's legs."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT contributor_id, 0, sum(amount_micros)::bigint FROM ledger_movement "
            'WHERE cycle_id = %s AND currency = %s GROUP BY contributor_id ORDER BY contributor_id COLLATE "C"',
            [pool.cycle_id, pool.currency],
        )
        rows = cursor.fetchall()
    columns = zip(*rows, strict=True) if rows else [[]] * len(SPLIT)
    return pa.table([pa.array(values, field.type) for values, field in zip(columns, SPLIT, strict=True)], schema=SPLIT)


def _difference(stored: pa.Table, should: pa.Table) -> str:
    """The first contributor of whom the two say different things; in the ledger somebody can stand twice."""
    actual, expected = (defaultdict[str, list[tuple[int, int]]](list) for _ in range(2))
    for found, table in ((actual, stored), (expected, should)):
        for row in table.to_pylist():
            found[row["contributor_id"]].append((row["ticks"], row["micros"]))
    wrong = min(name for name in actual.keys() | expected.keys() if actual[name] != expected[name])
    told = [" and ".join(map(str, found[wrong])) or "None" for found in (actual, expected)]
    return f"{wrong} has (ticks, micros) {told[0]}, it should be {told[1]}"


def _statements(cycle: Cycle) -> Iterator[Finding]:
    """The hash that the database gives for a statement is that of its content. Of a large cycle an evenly spread part
    is looked at: the amounts of all of them are checked entry by entry."""
    credited = AccountControl.objects.filter(cycle=cycle).aggregate(accounts=Sum("accounts"))["accounts"] or 0
    step = max(1, credited // STATEMENTS_CHECKED_ONE_BY_ONE)
    chosen = Statement.objects.filter(cycle=cycle, ordinal__in=list(range(1, credited + 1, step)))
    for statement in chosen.select_related("cycle__policy").order_by("ordinal"):
        own = content_sha256(explain(statement).content)
        if own != statement.content_sha256:
            yield Finding("I23", f"statement {statement.number}", f"its content has the hash {own}")
            return
