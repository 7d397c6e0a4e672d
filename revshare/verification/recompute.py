"""Computes a cycle again from its stored inputs, beside what is stored, and compares.

The split is done here by the slow exact rule (`apportion.apportion`), not by the one that made the result.
"""

from collections import defaultdict
from collections.abc import Iterator

from revshare.allocation.models import Allocation
from revshare.apportion import apportion
from revshare.cycles.models import Cycle
from revshare.cycles.queries import input_digest, pinned_of, ranges_of, result_digest
from revshare.cycles.rules import reached
from revshare.manifests.models import Manifest, Weight
from revshare.policies.rules import parse
from revshare.pools.models import Pool
from revshare.pools.operations import as_row
from revshare.pools.queries import carried_by, ticks_of
from revshare.pools.rules import gather
from revshare.sales.queries import sums_by_target
from revshare.statements.models import Statement
from revshare.statements.queries import explain
from revshare.statements.rules import content_sha256
from revshare.verification.checks import Finding

POOL_FIELDS = (
    "net_micros", "carried_in_micros", "distributable_micros", "platform_micros", "carried_out_micros",
    "denominator_ticks", "versions", "share", "rule", "sales_count",
)  # fmt: skip
STATEMENTS_CHECKED_ONE_BY_ONE = 200


def recompute(cycle: Cycle) -> Iterator[Finding]:
    """I21, I22: the inputs still have their digest, and give the same result to the micro."""
    if not reached(state=cycle.state, goal="locked"):
        return
    own = input_digest(cycle, pinned_of(cycle), ranges_of(cycle))
    if own != cycle.input_digest:
        yield Finding("I21", cycle.key, f"the inputs have the digest {own}, at the lock it was {cycle.input_digest}")
        return
    hashes = dict(
        Manifest.objects.filter(dataset_version__in=pinned_of(cycle).manifests).values_list("dataset_version", "sha256")
    )
    if hashes != dict(pinned_of(cycle).manifests):
        yield Finding("I14", cycle.key, "a manifest is not the one that the lock fixed")
        return
    if not reached(state=cycle.state, goal="calculated"):
        return
    yield from _pools(cycle)
    yield from _amounts(cycle)
    yield from _statements(cycle)
    own = result_digest(cycle)
    if own != cycle.result_digest:
        yield Finding(
            "I22", cycle.key, f"the result has the digest {own}, when calculated it was {cycle.result_digest}"
        )


def _pools(cycle: Cycle) -> Iterator[Finding]:
    before = Cycle.objects.filter(calculation__lt=cycle.calculation or 0).order_by("-calculation").first()
    pinned = pinned_of(cycle)
    ticks = ticks_of(pinned.manifests)
    should = [
        as_row(cycle.pk, item, ticks)
        for item in gather(
            sums=sums_by_target(ranges_of(cycle)), rulebook=parse(cycle.policy.text), pinned=pinned,
            carried=carried_by(before.pk if before else None),
        )
    ]  # fmt: skip
    stored = {pool.name: pool for pool in Pool.objects.filter(cycle=cycle)}
    if missing := {pool.name for pool in should} ^ stored.keys():
        yield Finding("I22", f"{cycle.key} pool {min(missing)}", "is there when it should not be, or the reverse")
        return
    for pool in should:
        for name in POOL_FIELDS:
            actual, expected = getattr(stored[pool.name], name), getattr(pool, name)
            if actual != expected:
                yield Finding("I22", f"{cycle.key} pool {pool.name}", f"{name} is {actual}, it should be {expected}")
                return


def _amounts(cycle: Cycle) -> Iterator[Finding]:
    for pool in Pool.objects.filter(cycle=cycle).order_by("pk"):
        weights: dict[str, int] = defaultdict(int)
        rows = Weight.objects.filter(manifest__dataset_version__in=pool.versions)
        for contributor, ticks in rows.values_list("contributor_id", "assets_ticks").iterator(chunk_size=10_000):
            weights[contributor] += ticks
        ids = sorted(weights)
        should = (
            dict(zip(ids, apportion(total=pool.distributable_micros, weights=[weights[i] for i in ids]), strict=True))
            if any(weights.values())
            else {}
        )
        stored = dict(
            Allocation.objects.filter(pool=pool, bucket=Allocation.Bucket.CONTRIBUTOR)
            .values_list("contributor_id", "amount_micros")
            .iterator(chunk_size=10_000)
        )
        if stored != should:
            wrong = min(i for i in stored.keys() | should.keys() if stored.get(i) != should.get(i))
            yield Finding(
                "I22", f"{cycle.key} pool {pool.name}",
                f"{wrong} has {stored.get(wrong)}, it should be {should.get(wrong)}",
            )  # fmt: skip
            return


def _statements(cycle: Cycle) -> Iterator[Finding]:
    """Each statement's hash is that of its content. Of a large cycle an evenly spread part is looked at: the amounts of
    all of them are checked by I4 and I5."""
    statements = Statement.objects.filter(cycle=cycle).select_related("cycle__policy").order_by("pk")
    step = max(1, statements.count() // STATEMENTS_CHECKED_ONE_BY_ONE)
    for statement in statements[::step]:
        own = content_sha256(explain(statement).content)
        if own != statement.content_sha256:
            yield Finding("I23", f"statement {statement.number}", f"its content has the hash {own}")
            return
