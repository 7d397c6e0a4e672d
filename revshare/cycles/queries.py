"""Reads over cycles: their windows of sales, digests, totals, what stands in the way."""

import hashlib
import json

from revshare.bulk import copied_out
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


def balances_before() -> str:
    """The lake's file of all closing balances of the cycles calculated so far; '' before the first."""
    last = Cycle.objects.filter(calculation__isnull=False).order_by("-calculation").first()
    return last.balances_sha256 if last else ""


RESULT = (
    "SELECT 'pool', p.\"table\", p.model, p.dataset_version, p.currency, p.net_micros, p.carried_in_micros, "
    "p.distributable_micros, p.platform_micros, p.carried_out_micros, p.denominator_ticks, k.entries, "
    "k.numerator_ticks, k.amount_micros, k.sha256 "
    "FROM pools_pool p LEFT JOIN ledger_pool_control k ON k.pool_id = p.id WHERE p.cycle_id = %s AND p.kind = 'sales' "
    'ORDER BY p."table", p.model, p.dataset_version, p.currency',
    "SELECT 'accounts', currency, accounts, credited, opening_micros, earned_micros, sha256 "
    "FROM ledger_account_control WHERE cycle_id = %s ORDER BY currency",
    "SELECT 'movements', p.currency, k.entries, k.amount_micros, k.sha256 "
    "FROM pools_pool p LEFT JOIN ledger_pool_control k ON k.pool_id = p.id "
    "WHERE p.cycle_id = %s AND p.kind = 'movements' ORDER BY p.currency",
)


def result_digest(cycle: Cycle) -> str:
    """SHA-256 over the cycle's key, the policy's hash, and as CSV, every value quoted, its pools, its accounts by
    currency and what else moved these, each with the hash of its entries (`ledger.rules.ColumnsHash`): the same for
    the same inputs, in whatever order and cut they came. What of a pool goes to nobody follows from the pool."""
    digest = hashlib.sha256(f"{cycle.key}\n{cycle.policy.sha256}\n".encode())
    for query in RESULT:
        for rows in copied_out(query, [cycle.pk], options=", FORCE_QUOTE *"):
            digest.update(rows.data)
    return digest.hexdigest()
