"""Works a locked cycle out: pools, allocations, journal, digest, each in its own transaction."""

from collections.abc import Callable
from dataclasses import replace

from django.db import transaction
from django.db.models import Max, Q

from revshare.allocation.deducting import Deducted, deduct
from revshare.allocation.denominators import denominators
from revshare.allocation.models import Release
from revshare.allocation.operations import allocate
from revshare.allocation.passing_on import pass_on
from revshare.allocation.releasing import release_decided
from revshare.audit_trail.operations import Act
from revshare.cycles.kept_sums import kept_sums
from revshare.cycles.models import Cycle
from revshare.cycles.moving import move
from revshare.cycles.queries import (
    balances_before,
    carried_before,
    find,
    gathered_and_converted,
    last_day,
    pinned_of,
    ranges_of,
    released_by,
    result_digest,
    sources_of,
)
from revshare.cycles.rules import reached
from revshare.errors import Conflict
from revshare.ledger.operations import post
from revshare.ledger.queries import ALLOCATION_JOURNAL, last_journal, moved_currencies
from revshare.locks import Lock, hold
from revshare.pools.models import Pool
from revshare.pools.operations import add_movements, build, keep_conversions
from revshare.progress import Progress, no_progress
from revshare.runs.operations import fence

# What an allocation journal moves besides the contributors' accounts, which the entries credit. Sales stand in their
# own currency; what is shared in another leaves it through the account fx, and comes in through it.
LEGS = """
    SELECT account, currency, CASE WHEN sum(amount) > 0 THEN 'C' ELSE 'D' END AS side,
           abs(sum(amount))::bigint AS amount_micros
    FROM (
        SELECT r.bucket COLLATE "C" AS account, p.currency, sum(r.amount_micros) AS amount
        FROM allocation_rest r JOIN pools_pool p ON p.id = r.pool_id
        WHERE r.cycle_id = %s AND r.bucket <> 'carried' GROUP BY 1, 2
        UNION ALL
        SELECT 'carried' COLLATE "C", currency, sum(carried_out_micros - carried_in_micros)
        FROM pools_pool WHERE cycle_id = %s GROUP BY 2
        UNION ALL
        SELECT 'suspense' COLLATE "C", currency, -sum(released_micros) FROM pools_pool WHERE cycle_id = %s GROUP BY 2
        UNION ALL
        SELECT account COLLATE "C", currency, sum(amount) FROM (
            SELECT 'sales' AS account, currency, -net_micros AS amount FROM pools_pool WHERE cycle_id = %s
            UNION ALL
            SELECT account, currency, CASE account WHEN 'fx' THEN amount ELSE -amount END FROM (
                SELECT base AS currency, amount_in_micros AS amount FROM fx_conversion WHERE cycle_id = %s
                UNION ALL SELECT quote, -amount_out_micros FROM fx_conversion WHERE cycle_id = %s
            ) converted CROSS JOIN (VALUES ('sales'), ('fx')) AS met (account)
        ) taken GROUP BY 1, 2
    ) moved GROUP BY account, currency HAVING sum(amount) <> 0
"""


def calculate(
    *, key: str, act: Act, progress: Progress = no_progress, still_ours: Callable[[], None] = lambda: None
) -> Cycle:
    """Pools, allocations, journal, digest: each in its own transaction, so that a killed calculation goes
    on where it stopped. `still_ours` raises if another process has taken the work over."""
    cycle = find(key)
    if reached(state=cycle.state, goal="calculated"):
        return cycle
    if cycle.state != "locked":
        raise Conflict(f"Cycle {key} is {cycle.state}: lock it before it is calculated.")
    for number, (name, stage) in enumerate(CALCULATION):
        progress(name, number, len(CALCULATION))
        with transaction.atomic():
            hold(Lock.CYCLE, cycle.pk)
            hold(Lock.CALCULATION)
            still_ours()
            cycle.refresh_from_db()
            if reached(state=cycle.state, goal="calculated"):
                return cycle
            stage(cycle, act, progress)
            fence()
    return cycle


def _stage_pools(cycle: Cycle, act: Act, progress: Progress) -> None:
    # One cycle after the other: a cycle that has begun to calculate must be done before the next reads what it carries.
    at_work = Q(pools__isnull=False) | Q(journals_upto__isnull=False)
    begun = Cycle.objects.filter(at_work, calculation__isnull=True).exclude(pk=cycle.pk).first()
    if begun:
        raise Conflict(f"Cycle {begun.key} is being calculated: cycle {cycle.key} can follow when it is done.")
    if Pool.objects.filter(cycle=cycle).exists():
        return
    pinned = pinned_of(cycle)
    sources = replace(sources_of(cycle, pinned, ranges_of(cycle)), known=kept_sums(cycle))
    released = released_by(cycle, sources, pinned)
    items, conversions = gathered_and_converted(sources, pinned, carried_before(cycle), released)
    keep_conversions(cycle_id=cycle.pk, items=conversions)
    build(cycle_id=cycle.pk, items=items, denominators=denominators(items=items, sources=sources, pinned=pinned))
    Release.objects.bulk_create(released)


def _stage_splits(cycle: Cycle, act: Act, progress: Progress) -> None:
    """Before the allocation, which takes all that moved accounts by then onto its statements."""
    if cycle.journals_upto is not None:
        return
    pinned = pinned_of(cycle)
    pass_on(
        cycle_id=cycle.pk, key=cycle.key, day=last_day(cycle), pools=_pools(cycle),
        sources=sources_of(cycle, pinned, ranges_of(cycle)), pinned=pinned, act=act,
    )  # fmt: skip


def _stage_deductions(cycle: Cycle, act: Act, progress: Progress) -> None:
    """After the splits, of what is left to whom; and before the allocation, as these."""
    if cycle.journals_upto is not None:
        return
    pinned = pinned_of(cycle)
    deducted = Deducted(
        cycle_id=cycle.pk, key=cycle.key, ends_on=cycle.ends_on, calculation=_next_calculation(),
        before=balances_before(), journals_after=_journals_before(),
    )  # fmt: skip
    sources = sources_of(cycle, pinned, ranges_of(cycle))
    deduct(cycle=deducted, pools=_pools(cycle), sources=sources, pinned=pinned, act=act)


def _stage_allocation(cycle: Cycle, act: Act, progress: Progress) -> None:
    if cycle.journals_upto is not None:
        return
    pinned = pinned_of(cycle)
    after, upto = _journals_before(), last_journal()
    # First of all, since the database holds the entries of movements against the legs in this range.
    cycle.journals_after, cycle.journals_upto = after, upto
    cycle.save(update_fields=["journals_after", "journals_upto"])
    moved = add_movements(cycle_id=cycle.pk, currencies=moved_currencies(after=after, upto=upto))
    cycle.balances_sha256 = allocate(
        cycle_id=cycle.pk, pools=_pools(cycle), sources=sources_of(cycle, pinned, ranges_of(cycle)), pinned=pinned,
        moved=moved, journals=(after, upto), before=balances_before(), progress=progress,
    )  # fmt: skip
    cycle.save(update_fields=["balances_sha256"])


def _stage_ledger(cycle: Cycle, act: Act, progress: Progress) -> None:
    post(kind=ALLOCATION_JOURNAL, key=cycle.key, legs_sql=LEGS, params=[cycle.pk] * 6, act=act, cycle_id=cycle.pk)
    release_decided(cycle_id=cycle.pk, act=act)


def _stage_finish(cycle: Cycle, act: Act, progress: Progress) -> None:
    digest = result_digest(cycle)
    move(
        cycle, "calculate", act=act, detail={"result_digest": digest}, result_digest=digest,
        calculation=_next_calculation(),
    )  # fmt: skip


CALCULATION: tuple[tuple[str, Callable[[Cycle, Act, Progress], None]], ...] = (
    ("pools", _stage_pools),
    ("splits", _stage_splits),
    ("deductions", _stage_deductions),
    ("allocation", _stage_allocation),
    ("ledger", _stage_ledger),
    ("finish", _stage_finish),
)


def _pools(cycle: Cycle) -> list[Pool]:
    sold = Pool.objects.filter(cycle=cycle, kind=Pool.Kind.SALES)
    return list(sold.order_by("table", "model", "dataset_version", "part", "currency"))


def _next_calculation() -> int:
    last = Cycle.objects.aggregate(last=Max("calculation"))["last"]
    return (last or 0) + 1


def _journals_before() -> int:
    """The last journal whose movements are on the statements of a cycle calculated before."""
    calculated = Cycle.objects.filter(calculation__isnull=False)
    return calculated.aggregate(last=Max("journals_upto"))["last"] or 0
