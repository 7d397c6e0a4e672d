"""Reads over cycles: their windows of sales, digests, totals, what stands in the way."""

import hashlib
import json
from collections.abc import Iterable, Mapping
from datetime import date, timedelta
from typing import Any

from django.db import connection

from revshare.allocation.models import Release
from revshare.allocation.suspense import by_pool, releases
from revshare.bulk import copied_out
from revshare.cycles.models import Cycle, Window
from revshare.errors import NotFound
from revshare.policies.rules import parse
from revshare.pools.conversions import canonical_lines as rate_lines
from revshare.pools.conversions import exchange_of
from revshare.pools.exchange import Converted
from revshare.pools.queries import carried_by, carry_corrections
from revshare.pools.rules import Key, Pinned, PoolSum, conversions, gather
from revshare.pools.sources import Sources, attributed_sums, sums_of
from revshare.pools.sources import canonical_lines as other_lines
from revshare.sales.queries import Lines, Range, canonical_lines
from revshare.splits import queries as splits

Span = tuple[int, int]
"""Sales that arrived after a number, up to another."""


def find(key: str) -> Cycle:
    """Raises NotFound with the keys there are."""
    cycle = Cycle.objects.select_related("policy").filter(key=key).first()
    if cycle is None:
        known = ", ".join(Cycle.objects.order_by("-starts_at").values_list("key", flat=True)[:10])
        raise NotFound(f"There is no cycle {key!r}. Cycles: {known or 'none yet'}.")
    return cycle


def ranges_of(cycle: Cycle) -> list[Range]:
    """The ranges of sales that a locked cycle closed over."""
    windows = Window.objects.filter(cycle=cycle, restatement__isnull=True)
    return [range_of(window, pinned_of(cycle)) for window in windows]


def range_of(window: Window, pinned: Pinned) -> Range:
    return Range(window.starts_at, window.ends_at, window.after_seq, window.upto_seq, tuple(pinned.voided))


def open_spans(cycle: Cycle, upto_seq: int) -> list[Span]:
    """Which arrivals up to a number, of sales dated in a locked cycle, neither it, a later one nor a restatement closed
    over: several where a restatement took chosen ones."""
    windows = Window.objects.filter(starts_at=cycle.starts_at, cycle__upto_seq__isnull=False).order_by("after_seq")
    spans, after = list[Span](), 0
    for start, end in [*windows.values_list("after_seq", "upto_seq"), (upto_seq, upto_seq)]:
        if after < start:
            spans.append((after, start))
        after = max(after, end)
    return spans


def is_taken(cycle: Cycle, span: Span) -> bool:
    """Whether a cycle or a restatement closed over any of these arrivals."""
    return Window.objects.filter(starts_at=cycle.starts_at, after_seq__lt=span[1], upto_seq__gt=span[0]).exists()


def counting(file_id: int) -> list[Cycle]:
    """The locked cycles in which, or in restatements of which, sales of a file count; it may be void by now."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT DISTINCT coalesce(s.cycle_id, r.cycle_id) FROM audit.sale s "
            "LEFT JOIN audit.restatement r ON r.id = s.restatement_id WHERE s.file_id = %s",
            [file_id],
        )
        found = [pk for (pk,) in cursor.fetchall() if pk is not None]
    return list(Cycle.objects.filter(pk__in=found).order_by("starts_at"))


def last_day(cycle: Cycle) -> date:
    """The day whose splits count for the cycle."""
    return cycle.ends_on - timedelta(days=1)


def pinned_of(cycle: Cycle) -> Pinned:
    return Pinned(**cycle.pinned)


def sources_of(cycle: Cycle, pinned: Pinned, ranges: list[Range]) -> Sources:
    """Where the sums of a cycle come from."""
    return Sources(
        ranges=tuple(ranges), rulebook=parse(cycle.policy.text), days=(cycle.starts_on, cycle.ends_on),
        zone=cycle.timezone, upto_arrival=pinned.upto_arrival, voided=tuple(pinned.voided), also=tuple(pinned.also),
    )  # fmt: skip


def carried_before(cycle: Cycle) -> dict[Key, int]:
    """What the pools of the cycle calculated before this one carry on, of the last one if this one is not yet; and what
    restatements posted since changed of that."""
    calculated = Cycle.objects.filter(calculation__isnull=False)
    if cycle.calculation is not None:
        calculated = calculated.filter(calculation__lt=cycle.calculation)
    last = calculated.order_by("-calculation").first()
    carried = carried_by(last.pk if last else None)
    corrected = carry_corrections(after=(last.journals_upto or 0) if last else 0, upto=cycle.journals_upto)
    for key, micros in corrected.items():
        carried[key] = carried.get(key, 0) + micros
    return {key: micros for key, micros in carried.items() if micros}


def released_by(cycle: Cycle, sources: Sources, pinned: Pinned) -> list[Release]:
    """What the cycle releases from suspense, not written."""
    return releases(
        cycle_id=cycle.pk, calculation=cycle.calculation, journals_upto=cycle.journals_upto,
        rulebook=sources.rulebook, pinned=pinned,
    )  # fmt: skip


def gathered(
    sources: Sources, pinned: Pinned, carried: Mapping[Key, int], released: Iterable[Release] = ()
) -> list[PoolSum]:
    """The pools of a cycle, worked out from its sales, what earlier pools carried, and what suspense releases. Raises
    RateMissing."""
    return gathered_and_converted(sources, pinned, carried, released)[0]


def gathered_and_converted(
    sources: Sources, pinned: Pinned, carried: Mapping[Key, int], released: Iterable[Release] = ()
) -> tuple[list[PoolSum], list[Converted]]:
    """The pools, and what of their sales was in other currencies than they are. Raises RateMissing, AmountTooLarge."""
    sums, exchange = sums_of(sources), exchange_of(sources)
    pools = gather(
        sums=sums, rulebook=sources.rulebook, pinned=pinned, carried=carried, attributed=attributed_sums(sources),
        exchange=exchange, released=by_pool(released),
    )  # fmt: skip
    return pools, conversions(sums=sums, rulebook=sources.rulebook, pinned=pinned, exchange=exchange)


def input_digest(
    cycle: Cycle,
    pinned: Pinned,
    sources: Sources,
    sales: Lines = canonical_lines,
) -> str:
    """SHA-256 over all that the result depends on: the period, the policy's hash, the manifests' hashes, what models
    were trained on, the assets that claims are about, every sale of the cycle (`sales.queries.canonical_lines`), what
    else the policy asks for (`pools.sources.canonical_lines`), exchange rates (`pools.conversions.canonical_lines`),
    and the splits in force on its last day (`splits.queries.canonical_lines`). `sales`: what gives the lines of sales.
    Raises RateMissing."""
    head: dict[str, Any] = {
        "key": cycle.key, "starts_on": cycle.starts_on.isoformat(), "ends_on": cycle.ends_on.isoformat(),
        "timezone": cycle.timezone, "policy": cycle.policy.sha256, "manifests": dict(pinned.manifests),
        "models": {model: list(versions) for model, versions in pinned.models.items()},
    }  # fmt: skip
    if pinned.mixes or pinned.classes:
        head |= {"mixes": pinned.mixes, "classes": dict(pinned.classes)}
    if pinned.claims:
        head |= {"claims": pinned.claims}
    if pinned.matches:
        head |= {"matches": pinned.matches}
    if pinned.voided:
        head |= {"voided": list(pinned.voided)}
    if pinned.shared:
        head |= {"shared": pinned.shared}
    digest = hashlib.sha256(json.dumps(head, sort_keys=True, separators=(",", ":")).encode() + b"\n")
    for block in sales(sources.ranges):
        digest.update(block)
    own_splits = splits.canonical_lines(day=last_day(cycle), upto_arrival=pinned.upto_arrival)
    for lines in (other_lines(sources), rate_lines(sources), own_splits):
        for block in lines:
            digest.update(block)
    return digest.hexdigest()


def balances_before() -> str:
    """The lake's file of all closing balances of the cycles calculated so far; '' before the first."""
    last = Cycle.objects.filter(calculation__isnull=False).order_by("-calculation").first()
    return last.balances_sha256 if last else ""


RESULT = (
    "SELECT 'pool', p.\"table\", p.model, p.dataset_version, p.part, p.currency, p.net_micros, p.carried_in_micros, "
    "p.deducted_micros, p.distributable_micros, p.commons_micros, p.platform_micros, p.carried_out_micros, "
    "p.denominator_ticks, k.entries, k.numerator_ticks, k.amount_micros, k.sha256 "
    "FROM pools_pool p LEFT JOIN ledger_pool_control k ON k.pool_id = p.id WHERE p.cycle_id = %s "
    "AND p.kind = 'sales' "
    'ORDER BY p."table", p.model, p.dataset_version, p.part, p.currency',
    "SELECT 'aside', p.\"table\", p.model, p.dataset_version, p.part, p.currency, r.bucket, r.reason, "
    "r.contributor_id, r.units, r.amount_micros FROM allocation_rest r JOIN pools_pool p ON p.id = r.pool_id "
    "WHERE r.cycle_id = %s AND r.bucket IN ('commons', 'held') ORDER BY p.\"table\", p.model, p.dataset_version, "
    'p.part, p.currency, r.bucket COLLATE "C", r.reason COLLATE "C", r.contributor_id',
    "SELECT 'released', c.key, p.\"table\", p.model, p.dataset_version, p.part, p.currency, r.amount_micros "
    "FROM allocation_release r JOIN allocation_rest t ON t.id = r.rest_id JOIN pools_pool p ON p.id = t.pool_id "
    "JOIN cycles_cycle c ON c.id = p.cycle_id WHERE r.cycle_id = %s "
    'ORDER BY c.key, p."table", p.model, p.dataset_version, p.part, p.currency',
    "SELECT 'with released', p.\"table\", p.model, p.dataset_version, p.part, p.currency, p.released_micros "
    "FROM pools_pool p WHERE p.cycle_id = %s AND p.released_micros <> 0 "
    'ORDER BY p."table", p.model, p.dataset_version, p.part, p.currency',
    "SELECT 'accounts', currency, accounts, credited, opening_micros, earned_micros, sha256 "
    "FROM ledger_account_control WHERE cycle_id = %s ORDER BY currency",
    "SELECT 'movements', p.currency, k.entries, k.amount_micros, k.sha256 "
    "FROM pools_pool p LEFT JOIN ledger_pool_control k ON k.pool_id = p.id "
    "WHERE p.cycle_id = %s AND p.kind = 'movements' ORDER BY p.currency",
    "SELECT 'passed on', contributor_id, payee_id, currency, earned_micros, share_millionths, amount_micros "
    'FROM allocation_passed_on WHERE cycle_id = %s ORDER BY contributor_id COLLATE "C", payee_id COLLATE "C", currency',
    "SELECT 'converted', day, base, quote, rate_upper, rate_lower, sums, amount_in_micros, amount_out_micros "
    "FROM fx_conversion WHERE cycle_id = %s ORDER BY day, base",
)


def result_digest(cycle: Cycle) -> str:
    """SHA-256 over the cycle's key, the policy's hash, and as CSV, every value quoted, its pools, its accounts by
    currency and what else moved these, each with the hash of its entries (`ledger.rules.ColumnsHash`), and what was
    passed on by splits: the same for the same inputs, in whatever order and cut they came. What of a pool goes to
    nobody follows from the pool."""
    digest = hashlib.sha256(f"{cycle.key}\n{cycle.policy.sha256}\n".encode())
    for query in RESULT:
        for rows in copied_out(query, [cycle.pk], options=", FORCE_QUOTE *"):
            digest.update(rows.data)
    return digest.hexdigest()
