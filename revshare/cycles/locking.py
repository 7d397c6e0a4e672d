"""Closes a cycle over its sales: freezes what it needs, and pins its inputs under a digest."""

from dataclasses import asdict
from typing import Any

from django.db import transaction

from revshare.allocation.releasing import lapse_overdue
from revshare.allocation.suspense import to_share
from revshare.audit_trail.operations import Act
from revshare.claims.queries import contested
from revshare.consents.queries import DecisionsAt
from revshare.cycles.kept_sums import to_keep
from revshare.cycles.lines_ahead import lines_ahead
from revshare.cycles.models import Cycle, Window
from revshare.cycles.moving import move
from revshare.cycles.queries import (
    carried_before,
    find,
    gathered_and_converted,
    input_digest,
    open_spans,
    sources_of,
)
from revshare.cycles.rules import reached
from revshare.errors import Refused
from revshare.files.queries import last_arrival, open_quarantine
from revshare.files.voiding import voided
from revshare.ingest.operations import release_waiting_refunds
from revshare.locks import Lock, hold
from revshare.manifests.models import Manifest
from revshare.manifests.operations import freeze, sort_out
from revshare.manifests.queries import mixes, models_trained
from revshare.policies.rules import Rulebook, parse
from revshare.pools.conversions import exchange_of
from revshare.pools.queries import matches
from revshare.pools.rules import Pinned
from revshare.pools.sources import models_followed
from revshare.progress import Progress, no_progress
from revshare.recoupments.queries import last_step
from revshare.sales.queries import Lines, Range, Sum, count, last_seq, sums_by_target


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
    rulebook = parse(cycle.policy.text)
    with lines_ahead(ranges_to_close(cycle, last_seq())) as lines:
        while (closed := _close(cycle, act, accept_quarantine, sums, lines, progress)) is None:
            # Manifests it needs are not frozen yet: they are weighed in a transaction of their own.
            needed = _pins(ranges_to_close(cycle, last_seq()), rulebook, cycle, sums)
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
def _close(
    cycle: Cycle, act: Act, accept_quarantine: str, sums: _Sums, lines: Lines, progress: Progress
) -> Cycle | None:
    hold(Lock.CYCLE, cycle.pk)
    hold(Lock.INTAKE)
    cycle.refresh_from_db()
    if reached(state=cycle.state, goal="locked"):
        return cycle
    waiting = check_quarantine(cycle, accept_quarantine)
    rulebook = parse(cycle.policy.text)
    ranges = ranges_to_close(cycle, last_seq())
    progress("sales", 0, 0)
    pins = _pins(ranges, rulebook, cycle, sums)
    exchange_of(sources_of(cycle, _present(), ranges))  # or no manifest is frozen for nothing
    if _unfrozen(pins) or (rulebook.eligibility.tells_classes_apart and _unsorted(pins)):
        return None
    pinned = _pinned(pins)
    progress("digest", 0, 0)
    Window.objects.bulk_create(_window(cycle, r, sums.of(ranges)) for r in ranges)
    sources = sources_of(cycle, pinned, ranges)
    if rulebook.currency:
        gathered_and_converted(sources, pinned, {})  # refuses amounts that are too large while rates can still come
    detail: dict[str, Any] = {
        "sales": sum(item.count for item in sums.of(ranges)),
        "input_digest": input_digest(cycle, pinned, sources, lines),
    }  # fmt: skip
    if waiting:
        detail |= {"accepted_quarantine_rows": waiting, "accepted_quarantine_reason": accept_quarantine}
    move(
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
        voided=voided(),
        upto_debt_step=last_step(),
    )


def _present() -> Pinned:
    """What a lock would fix of the arrivals."""
    return Pinned(upto_arrival=last_arrival(), voided=voided())


def check_quarantine(cycle: Cycle, accepted_because: str) -> int:
    """How many rows are in quarantine. Raises Refused if there are any and nobody signed for them."""
    waiting = open_quarantine().count()
    if waiting and not accepted_because.strip():
        raise Refused(
            f"Cycle {cycle.key} cannot be locked: {waiting} row{'s are' if waiting > 1 else ' is'} in quarantine. See "
            "`quarantine list`; retry or dismiss them, or lock with --accept-quarantine REASON.",
            code="quarantine_open",
        )
    return waiting


def _window(cycle: Cycle, r: Range, sums: list[Sum]) -> Window:
    late = r.starts_at != cycle.starts_at
    return Window(
        cycle=cycle, starts_at=r.starts_at, ends_at=r.ends_at, after_seq=r.after_seq, upto_seq=r.upto_seq, late=late,
        sums=None if late else to_keep(sums),
    )  # fmt: skip


def ranges_to_close(cycle: Cycle, upto_seq: int) -> list[Range]:
    """The cycle's own period, and every earlier locked period whose sales arrived after it was closed."""
    void = voided()
    ranges = [Range(cycle.starts_at, cycle.ends_at, 0, upto_seq, void)]
    earlier = Cycle.objects.filter(ends_at__lte=cycle.starts_at, upto_seq__isnull=False).order_by("starts_at")
    for other in earlier:
        late = [Range(other.starts_at, other.ends_at, *span, void) for span in open_spans(other, upto_seq)]
        ranges += [r for r in late if count([r])]
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
    carried = carried_before(cycle)
    matched, shared = matches(), to_share()
    # What is sold, or waits in suspense and may be released, can go to a pool over all models.
    tables = [rulebook.terms_for(item.stream) for item in sums] + [*rulebook.tables.values()] * bool(matched or shared)
    single = any(terms is not None and terms.pooling == "single" for terms in tables)
    wanted = {item.model for item in sums} | {key.model for key in carried} | {*matched.get("model", {}).values()}
    wanted |= {name for item in shared for name in (item[2], item[-1])}
    wanted |= models_followed(sources_of(cycle, _present(), ranges))
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
