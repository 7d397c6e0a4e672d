"""Computes a cycle again from its stored inputs, beside what is stored, and compares.

The split is done here by the slow exact rule (`apportion.apportion`), not by the one that made the result.
"""

from collections.abc import Iterator

import pyarrow as pa
import pyarrow.compute as pc
from django.db import connection
from django.db.models import QuerySet, Sum

from revshare.apportion import apportion
from revshare.cycles.models import Cycle
from revshare.cycles.queries import input_digest, pinned_of, ranges_of, result_digest
from revshare.cycles.rules import reached
from revshare.lake import LakeDamaged, check_part, literal, part
from revshare.ledger.models import AccountControl
from revshare.manifests.models import Manifest
from revshare.manifests.queries import WEIGHTS
from revshare.policies.rules import parse
from revshare.pools.models import Pool
from revshare.pools.operations import as_row, movements_row
from revshare.pools.queries import carried_by, ticks_of
from revshare.pools.rules import gather
from revshare.sales.queries import sums_by_target
from revshare.statements.models import Statement
from revshare.statements.queries import explain
from revshare.statements.rules import content_sha256
from revshare.verification.entries import Entries, check_entries, entries_of
from revshare.verification.findings import Finding

POOL_FIELDS = (
    "net_micros", "carried_in_micros", "distributable_micros", "platform_micros", "carried_out_micros",
    "denominator_ticks", "versions", "share", "rule", "sales_count",
)  # fmt: skip
SPLIT = pa.schema([("contributor_id", pa.string()), ("ticks", pa.int64()), ("micros", pa.int64())])
STATEMENTS_CHECKED_ONE_BY_ONE = 200


def recompute(cycle: Cycle) -> Iterator[Finding]:
    """I21, I22: the inputs still have their digest, and give the same result to the micro. I5, I6, I16, I23: every
    entry is what was posted (`entries`)."""
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
    pools = Pool.objects.filter(cycle=cycle).order_by("pk")
    with entries_of(cycle, pools) as entries:
        yield from check_entries(cycle, entries)
        try:
            yield from _amounts(cycle, entries, pools)
        except LakeDamaged as error:
            yield Finding("I14", cycle.key, str(error))
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
    should += [movements_row(cycle.pk, currency) for currency in _moved_in(cycle)]
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


def _amounts(cycle: Cycle, entries: Entries, pools: QuerySet[Pool]) -> Iterator[Finding]:
    """Every numerator is what the lake's weights say, and every amount what the slow rule gives for them."""
    held: dict[tuple[str, ...], pa.Table] = {}
    for pool in pools:
        versions = tuple(pool.versions)
        if pool.kind == Pool.Kind.MOVEMENTS:
            should = _moved(pool)
        else:
            if versions not in held:
                held[versions] = _held(entries, versions)
            should = held[versions]
            ticks = should["ticks"].to_pylist()
            amounts = apportion(total=pool.distributable_micros, weights=ticks) if ticks else []
            should = should.append_column("micros", pa.array(amounts, pa.int64()))
        stored = entries.con.sql(
            "SELECT contributor_id, numerator_ticks AS ticks, amount_micros AS micros FROM entry WHERE pool_id = ? "
            "ORDER BY contributor_id",
            params=[pool.pk],
        ).to_arrow_table()
        if not stored.equals(should):
            yield Finding("I22", f"{cycle.key} pool {pool.name}", _difference(stored, should))
            return


def _held(entries: Entries, versions: tuple[str, ...]) -> pa.Table:
    """Who holds how many ticks of these dataset versions, in code-point order, as the lake keeps it; empty if nobody
    holds any."""
    frozen = list(Manifest.objects.filter(dataset_version__in=versions).values_list("weights_sha256", flat=True))
    for digest in frozen:
        check_part(WEIGHTS, digest)
    paths = ", ".join(literal(part(WEIGHTS, digest)) for digest in frozen)
    schema = pa.schema([("contributor_id", pa.string()), ("ticks", pa.int64())])
    if not paths:
        return schema.empty_table()
    found = entries.con.sql(
        f"SELECT contributor_id, CAST(sum(assets_ticks) AS BIGINT) AS ticks FROM read_parquet([{paths}]) "
        "GROUP BY contributor_id ORDER BY contributor_id"
    ).to_arrow_table()
    return found if pc.any(pc.greater(found["ticks"], 0)).as_py() else schema.empty_table()


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
    """The first contributor of whom the two say different things."""
    actual, expected = (
        {row["contributor_id"]: (row["ticks"], row["micros"]) for row in table.to_pylist()}
        for table in (stored, should)
    )
    wrong = min(name for name in actual.keys() | expected.keys() if actual.get(name) != expected.get(name))
    return f"{wrong} has (ticks, micros) {actual.get(wrong)}, it should be {expected.get(wrong)}"


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
