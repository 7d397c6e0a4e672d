"""Reads over cycles: their windows of sales, digests, totals, what stands in the way."""

import hashlib
import json
from collections.abc import Iterator

from django.db import connection

from revshare.cycles.models import Cycle, Window
from revshare.errors import NotFound
from revshare.pools.rules import Pinned
from revshare.sales.queries import Range, canonical_lines


def find(key: str) -> Cycle:
    """Raises NotFound with the keys there are."""
    cycle = Cycle.objects.select_related("policy").filter(key=key).first()
    if cycle is None:
        known = ", ".join(Cycle.objects.order_by("-starts_at").values_list("key", flat=True)[:10])
        raise NotFound(f"There is no cycle {key!r}. Cycles: {known or 'none yet'}.")
    return cycle


def ranges_of(cycle: Cycle) -> list[Range]:
    """The ranges of sales that a locked cycle closed over."""
    return [
        Range(window.starts_at, window.ends_at, window.after_seq, window.upto_seq)
        for window in Window.objects.filter(cycle=cycle)
    ]


def pinned_of(cycle: Cycle) -> Pinned:
    return Pinned(manifests=cycle.pinned.get("manifests", {}), models=cycle.pinned.get("models", {}))


def input_digest(cycle: Cycle, pinned: Pinned, ranges: list[Range]) -> str:
    """SHA-256 over all that the result depends on: the period, the policy's hash, the manifests' hashes, what models
    were trained on, and every sale of the cycle (`sales.queries.canonical_lines`)."""
    head = {
        "key": cycle.key, "starts_on": cycle.starts_on.isoformat(), "ends_on": cycle.ends_on.isoformat(),
        "timezone": cycle.timezone, "policy": cycle.policy.sha256, "manifests": dict(pinned.manifests),
        "models": {model: list(versions) for model, versions in pinned.models.items()},
    }  # fmt: skip
    digest = hashlib.sha256(json.dumps(head, sort_keys=True, separators=(",", ":")).encode() + b"\n")
    for block in canonical_lines(ranges):
        digest.update(block)
    return digest.hexdigest()


RESULT_POOLS = (
    "SELECT 'pool', \"table\", model, dataset_version, currency, net_micros, carried_in_micros, distributable_micros, "
    "platform_micros, carried_out_micros, denominator_ticks FROM pools_pool WHERE cycle_id = %s "
    'ORDER BY "table", model, dataset_version, currency'
)
RESULT_ALLOCATIONS = (
    "SELECT 'allocation', p.\"table\", p.model, p.dataset_version, p.currency, a.bucket, "
    "coalesce(a.contributor_id, ''), "
    "a.numerator_ticks, a.amount_micros FROM allocation_allocation a JOIN pools_pool p ON p.id = a.pool_id "
    'WHERE a.cycle_id = %s ORDER BY p."table", p.model, p.dataset_version, p.currency, a.bucket COLLATE "C", '
    "coalesce(a.contributor_id, '')"
)


def result_digest(cycle: Cycle) -> str:
    """SHA-256 over the cycle's key, the policy's hash, and its pools and allocations as CSV, every value quoted: the
    same for the same inputs, in whatever order and cut they came."""
    digest = hashlib.sha256(f"{cycle.key}\n{cycle.policy.sha256}\n".encode())
    for query in (RESULT_POOLS, RESULT_ALLOCATIONS):
        for block in _rows(query, cycle.pk):
            digest.update(block)
    return digest.hexdigest()


def _rows(query: str, cycle_id: int) -> Iterator[bytes]:
    with (
        connection.cursor() as cursor,
        cursor.copy(f"COPY ({query}) TO STDOUT (FORMAT csv, FORCE_QUOTE *)", [cycle_id]) as copy,
    ):
        for block in copy:
            yield bytes(block)
