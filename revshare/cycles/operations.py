"""Conducts a cycle from open to published. Each stage is one transaction and, once done, is found done."""

from collections.abc import Callable
from dataclasses import asdict
from typing import Any

from django.db import IntegrityError, transaction
from django.db.models import Max, Q

from revshare.allocation.denominators import denominators
from revshare.allocation.models import Release
from revshare.allocation.operations import allocate
from revshare.allocation.passing_on import pass_on
from revshare.allocation.releasing import lapse_overdue, release_decided
from revshare.allocation.suspense import to_share
from revshare.audit_trail.operations import Act, record
from revshare.claims.queries import contested
from revshare.consents.queries import DecisionsAt
from revshare.cycles.models import Cycle, Window
from revshare.cycles.queries import (
    balances_before,
    carried_before,
    find,
    gathered_and_converted,
    input_digest,
    last_day,
    pinned_of,
    ranges_of,
    released_by,
    result_digest,
    sources_of,
)
from revshare.cycles.rules import MOVES, reached
from revshare.errors import Conflict, NotAllowed, Refused
from revshare.files.queries import last_arrival, open_quarantine
from revshare.ingest.operations import release_waiting_refunds
from revshare.ledger.operations import post
from revshare.ledger.queries import ALLOCATION_JOURNAL, last_journal, moved_currencies
from revshare.locks import Lock, hold
from revshare.manifests.models import Manifest
from revshare.manifests.operations import freeze, sort_out
from revshare.manifests.queries import mixes, models_trained
from revshare.periods import Period
from revshare.policies.models import Policy
from revshare.policies.rules import Rulebook, parse
from revshare.pools.conversions import exchange_of
from revshare.pools.models import Pool
from revshare.pools.operations import add_movements, build, keep_conversions
from revshare.pools.queries import carried_by, matches
from revshare.pools.rules import Pinned
from revshare.pools.sources import used
from revshare.progress import Progress, no_progress
from revshare.sales.queries import Range, Sum, count, last_seq, sums_by_target
from revshare.statements.queries import PUBLISHED

KEY_LENGTH = 60
# Who moves a cycle is kept on it; so is when, for the moves that people ask about.
STAMPS: dict[str, tuple[str, ...]] = {
    "lock": ("locked_by", "locked_at"),
    "calculate": ("calculated_by", "calculated_at"),
    "submit": ("submitted_by",),
    "approve": ("approved_by", "approved_at"),
    "publish": ("published_by", "published_at"),
}
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


def _move(cycle: Cycle, action: str, *, act: Act, detail: dict[str, Any], **fields: Any) -> None:
    """The one function that moves a cycle: an allowed move, made once, and audited."""
    move = MOVES[action]
    stamped: dict[str, Any] = {
        name: act.actor if name.endswith("_by") else act.at for name in STAMPS.get(action, ())
    } | fields
    moved = Cycle.objects.filter(pk=cycle.pk, state=move.source).update(state=move.target, **stamped)
    if not moved:
        cycle.refresh_from_db()
        raise Conflict(f"Cycle {cycle.key} is {cycle.state}; to {action} it, it must be {move.source}.")
    record(act=act, action=f"cycle.{action}", object=f"cycle:{cycle.key}", detail=detail)
    cycle.refresh_from_db()


def open_cycle(*, key: str, period: Period, policy: Policy, act: Act) -> tuple[Cycle, bool]:
    """Opens a cycle; returns it and whether it is new. The same again does nothing; a cycle with this key but another
    period or policy, or one that overlaps, is a Conflict."""
    unfit = not key.isprintable() or key != key.strip() or "/" in key or key in (".", "..")
    if unfit or not 0 < len(key) <= KEY_LENGTH:
        raise Refused(f"{key!r} cannot be a cycle's key: 1 to {KEY_LENGTH} printable characters, no slash.")
    starts_at, ends_at = period.bounds()
    if known := Cycle.objects.select_related("policy").filter(key=key).first():
        _same(known, period, policy)
        return known, False
    try:
        with transaction.atomic():
            cycle = Cycle.objects.create(
                key=key, starts_on=period.start, ends_on=period.end, timezone=period.timezone, starts_at=starts_at,
                ends_at=ends_at, policy=policy, opened_by=act.actor,
            )  # fmt: skip
            record(
                act=act, action="cycle.open", object=f"cycle:{key}",
                detail={"start": str(period.start), "end": str(period.end), "timezone": period.timezone,
                        "policy": policy.sha256},
            )  # fmt: skip
    except IntegrityError:
        if known := Cycle.objects.select_related("policy").filter(key=key).first():
            _same(known, period, policy)
            return known, False
        other = Cycle.objects.filter(starts_at__lt=ends_at, ends_at__gt=starts_at).first()
        raise Conflict(
            f"Cycle {key} would overlap cycle {other}: a sale can be in one cycle only. Choose other dates."
        ) from None
    return cycle, True


def _same(cycle: Cycle, period: Period, policy: Policy) -> None:
    theirs = (cycle.starts_on, cycle.ends_on, cycle.timezone, cycle.policy_id)
    if theirs != (period.start, period.end, period.timezone, policy.pk):
        raise Conflict(
            f"Cycle {cycle.key} exists with another period or policy: {cycle.starts_on} to {cycle.ends_on} "
            f"({cycle.timezone}), policy {cycle.policy}."
        )


def lock(*, key: str, act: Act, accept_quarantine: str = "", progress: Progress = no_progress) -> Cycle:
    """Closes a cycle over its sales: from here on no sale enters, and its inputs have a digest.

    Freezes the manifests it needs. Raises Refused while rows are in quarantine, unless `accept_quarantine` gives the
    reason to go on all the same; it is signed into the audit trail. Raises RateMissing, AmountTooLarge.
    """
    cycle = find(key)
    if reached(state=cycle.state, goal="locked"):
        return cycle
    progress("release", 0, 0)
    release_waiting_refunds(act=act)
    lapse_overdue(act=act)
    sums = _Sums()
    while (closed := _close(cycle, act, accept_quarantine, sums, progress)) is None:
        # Manifests it needs are not frozen yet: they are weighed in a transaction of their own.
        needed = _pins(ranges_to_close(cycle, last_seq()), parse(cycle.policy.text), cycle, sums)
        rulebook = parse(cycle.policy.text)
        freeze(
            dataset_versions=_unfrozen(needed), act=act, decisions=DecisionsAt,
            by_class=rulebook.eligibility.tells_classes_apart, progress=progress,
        )  # fmt: skip
        if rulebook.eligibility.tells_classes_apart:
            sort_out(dataset_versions=needed["versions"], act=act, decisions=DecisionsAt)
    return closed


class _Sums:
    """The sums of sales in given ranges, added up once: sales that arrived up to a number never change, and no other
    gets a number below it."""

    def __init__(self) -> None:
        self._known: dict[tuple[Range, ...], list[Sum]] = {}

    def of(self, ranges: list[Range]) -> list[Sum]:
        key = tuple(ranges)
        if key not in self._known:
            self._known[key] = sums_by_target(ranges)
        return self._known[key]


@transaction.atomic
def _close(cycle: Cycle, act: Act, accept_quarantine: str, sums: _Sums, progress: Progress) -> Cycle | None:
    hold(Lock.CYCLE, cycle.pk)
    hold(Lock.INTAKE)
    cycle.refresh_from_db()
    if reached(state=cycle.state, goal="locked"):
        return cycle
    waiting = _check_quarantine(cycle, accept_quarantine)
    rulebook = parse(cycle.policy.text)
    ranges = ranges_to_close(cycle, last_seq())
    progress("sales", 0, 0)
    pins = _pins(ranges, rulebook, cycle, sums)
    exchange_of(sources_of(cycle, Pinned(upto_arrival=last_arrival()), ranges))  # or no manifest is frozen for nothing
    if _unfrozen(pins) or (rulebook.eligibility.tells_classes_apart and _unsorted(pins)):
        return None
    pinned = _pinned(pins)
    progress("digest", 0, 0)
    Window.objects.bulk_create(_window(cycle, r) for r in ranges)
    sources = sources_of(cycle, pinned, ranges)
    if rulebook.currency:
        gathered_and_converted(sources, pinned, {})  # refuses amounts that are too large while rates can still come
    detail: dict[str, Any] = {
        "sales": sum(item.count for item in sums.of(ranges)), "input_digest": input_digest(cycle, pinned, sources)
    }  # fmt: skip
    if waiting:
        detail |= {"accepted_quarantine_rows": waiting, "accepted_quarantine_reason": accept_quarantine}
    _move(
        cycle, "lock", act=act, detail=detail, upto_seq=last_seq(), input_digest=detail["input_digest"],
        pinned=asdict(pinned),
    )  # fmt: skip
    return cycle


def _pinned(pins: dict[str, Any]) -> Pinned:
    frozen = Manifest.objects.filter(dataset_version__in=pins["versions"]).order_by("dataset_version")
    return Pinned(
        manifests={manifest.dataset_version: manifest.sha256 for manifest in frozen},
        models=pins["models"],
        mixes={model: mix for model, mix in mixes().items() if model in pins["models"]},
        classes={manifest.dataset_version: manifest.classes_sha256 for manifest in frozen if manifest.classes},
        upto_arrival=last_arrival(),
        claims=[item.as_json() for item in contested(pins["versions"])],
        matches=matches(),
        shared=to_share(),
    )


def _check_quarantine(cycle: Cycle, accepted_because: str) -> int:
    """How many rows are in quarantine. Raises Refused if there are any and nobody signed for them."""
    waiting = open_quarantine().count()
    if waiting and not accepted_because.strip():
        raise Refused(
            f"Cycle {cycle.key} cannot be locked: {waiting} row{'s are' if waiting > 1 else ' is'} in quarantine. See "
            "`quarantine list`; retry or dismiss them, or lock with --accept-quarantine REASON.",
            code="quarantine_open",
        )
    return waiting


def _window(cycle: Cycle, r: Range) -> Window:
    return Window(
        cycle=cycle, starts_at=r.starts_at, ends_at=r.ends_at, after_seq=r.after_seq, upto_seq=r.upto_seq,
        late=r.starts_at != cycle.starts_at,
    )  # fmt: skip


def ranges_to_close(cycle: Cycle, upto_seq: int) -> list[Range]:
    """The cycle's own period, and every earlier locked period whose sales arrived after it was closed."""
    ranges = [Range(cycle.starts_at, cycle.ends_at, 0, upto_seq)]
    earlier = Cycle.objects.filter(ends_at__lte=cycle.starts_at, upto_seq__isnull=False).order_by("starts_at")
    covered = dict(
        Window.objects.filter(cycle__upto_seq__isnull=False)
        .order_by("starts_at", "upto_seq")
        .values_list("starts_at", "upto_seq")
    )
    for other in earlier:
        late = Range(other.starts_at, other.ends_at, covered[other.starts_at], upto_seq)
        if late.after_seq < late.upto_seq and count([late]):
            ranges.append(late)
    return ranges


def _pins(ranges: list[Range], rulebook: Rulebook, cycle: Cycle, known: _Sums) -> dict[str, Any]:
    """Which models and dataset versions the sales need: {"models": {model: [version]}, "versions": [version]}.

    Raises Refused if the policy has no rule for a stream.
    """
    sums = known.of(ranges)
    if missing := sorted({item.stream for item in sums if rulebook.terms_for(item.stream) is None}):
        raise Refused(
            f"Policy {cycle.policy} has no rule for the stream {', '.join(missing)}: cycle {cycle.key} cannot lock.",
            code="stream_without_rule",
        )
    trained = models_trained()
    carried = carried_by(_last_calculated())
    matched, shared = matches(), to_share()
    # What suspense releases may go into a pool over all models, though nothing is sold to it.
    tables = [rulebook.terms_for(item.stream) for item in sums] + [*rulebook.tables.values()] * bool(matched or shared)
    single = any(terms is not None and terms.pooling == "single" for terms in tables)
    wanted = {item.model for item in sums} | {key.model for key in carried} | {*matched.get("model", {}).values()}
    wanted |= {name for item in shared for name in (item[2], item[-1])}
    if any(terms.is_routed for terms in rulebook.tables.values()):
        wanted |= used(sources_of(cycle, Pinned(upto_arrival=last_arrival()), ranges)).keys()
    models = {model: versions for model, versions in trained.items() if single or model in wanted}
    named = {item.dataset_version for item in sums} | {key.dataset_version for key in carried}
    named |= {*matched.get("dataset_version", {}).values()} | {item[3] for item in shared}
    named |= {version for versions in models.values() for version in versions}
    found = Manifest.objects.filter(dataset_version__in=named, part_versions__isnull=False)
    return {"models": models, "versions": sorted(set(found.values_list("dataset_version", flat=True)))}


def _unfrozen(pins: dict[str, Any]) -> list[str]:
    manifests = Manifest.objects.filter(dataset_version__in=pins["versions"], frozen_at__isnull=True)
    return list(manifests.order_by("dataset_version").values_list("dataset_version", flat=True))


def _unsorted(pins: dict[str, Any]) -> bool:
    return Manifest.objects.filter(dataset_version__in=pins["versions"], classes=[]).exists()


def _last_calculated() -> int | None:
    return Cycle.objects.filter(calculation__isnull=False).order_by("-calculation").values_list("pk", flat=True).first()


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
    sources = sources_of(cycle, pinned, ranges_of(cycle))
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
    last = Cycle.objects.filter(calculation__isnull=False).order_by("-calculation").first()
    _move(
        cycle, "calculate", act=act, detail={"result_digest": digest}, result_digest=digest,
        calculation=(last.calculation or 0) + 1 if last else 1,
    )  # fmt: skip


CALCULATION: tuple[tuple[str, Callable[[Cycle, Act, Progress], None]], ...] = (
    ("pools", _stage_pools),
    ("splits", _stage_splits),
    ("allocation", _stage_allocation),
    ("ledger", _stage_ledger),
    ("finish", _stage_finish),
)


def _pools(cycle: Cycle) -> list[Pool]:
    sold = Pool.objects.filter(cycle=cycle, kind=Pool.Kind.SALES)
    return list(sold.order_by("table", "model", "dataset_version", "part", "currency"))


def _journals_before() -> int:
    """The last journal whose movements are on the statements of a cycle calculated before."""
    calculated = Cycle.objects.filter(calculation__isnull=False)
    return calculated.aggregate(last=Max("journals_upto"))["last"] or 0


@transaction.atomic
def submit(*, key: str, act: Act) -> Cycle:
    """Hands a calculated cycle to an approver."""
    cycle = find(key)
    if reached(state=cycle.state, goal="in_review"):
        return cycle
    _move(cycle, "submit", act=act, detail={"result_digest": cycle.result_digest})
    return cycle


@transaction.atomic
def approve(*, key: str, act: Act, digest: str = "") -> Cycle:
    """A second person releases a cycle, bound to the result's digest (`digest`: the one that was on the screen).

    Raises NotAllowed for anybody who prepared it, or whom it pays (the skin checks that); Conflict if the digest is
    another by now.
    """
    cycle = find(key)
    if reached(state=cycle.state, goal="approved"):
        return cycle
    _check_not_preparer(cycle, act.actor, "approve")
    if digest and digest != cycle.result_digest:
        raise Conflict(f"Cycle {key} has another result by now ({cycle.result_digest[:16]}…): look at it again.")
    _move(cycle, "approve", act=act, detail={"result_digest": cycle.result_digest}, approved_digest=cycle.result_digest)
    return cycle


@transaction.atomic
def publish(*, key: str, act: Act) -> Cycle:
    """Shows the statements to their contributors. Cycles are published in the order they were calculated, since each
    statement opens with what the one before closed with."""
    cycle = find(key)
    if reached(state=cycle.state, goal="published"):
        return cycle
    hold(Lock.CYCLE, cycle.pk)
    _check_not_preparer(cycle, act.actor, "publish")
    unpublished = Cycle.objects.filter(calculation__lt=cycle.calculation or 0).exclude(state__in=PUBLISHED)
    if other := unpublished.order_by("calculation").first():
        raise Conflict(f"Cycle {other.key} was calculated before {key}: publish it first.")
    if cycle.state == "approved" and result_digest(cycle) != cycle.approved_digest:
        raise Conflict(f"Cycle {key} does not have the result that was approved: run `verify {key}`.")
    _move(cycle, "publish", act=act, detail={"result_digest": cycle.result_digest})
    return cycle


def _check_not_preparer(cycle: Cycle, actor: str, action: str) -> None:
    if actor in {cycle.locked_by, cycle.calculated_by, cycle.submitted_by}:
        raise NotAllowed(f"{actor} prepared cycle {cycle.key}: another person has to {action} it.")


def check_step(*, key: str, step: str, act: Act, accept_quarantine: str = "") -> None:
    """Raises what a step would be refused for at once, so that nobody has to wait for a worker to hear it."""
    cycle = find(key)
    if step == "publish":
        _check_not_preparer(cycle, act.actor, step)
    if step == "lock" and cycle.state == "open":
        with transaction.atomic():
            release_waiting_refunds(act=act)  # what has its sale by now is no reason to refuse
        _check_quarantine(cycle, accept_quarantine)


def next_action(cycle: Cycle) -> str | None:
    """The move that comes next, or None at the end."""
    return next((move.action for move in MOVES.values() if move.source == cycle.state), None)


def check_not_payee(cycle: Cycle, contributor_id: str | None) -> None:
    """Raises NotAllowed if the cycle pays this contributor: nobody approves their own money."""
    if contributor_id and cycle.statements.filter(contributor_id=contributor_id).exists():
        raise NotAllowed(f"Cycle {cycle.key} pays {contributor_id}: another person has to approve it.")
