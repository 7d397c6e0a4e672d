"""Conducts a cycle from open to published: opened here; locked, calculated and reviewed in modules of their own. Each
stage is one transaction and, once done, is found done."""

from django.db import IntegrityError, transaction

from revshare.audit_trail.operations import Act, record
from revshare.continuity.operations import CYCLES, check_open
from revshare.cycles.calculating import calculate
from revshare.cycles.locking import check_quarantine, lock, ranges_to_close
from revshare.cycles.models import Cycle
from revshare.cycles.queries import find
from revshare.cycles.review import approve, check_not_payee, check_not_preparer, publish, submit
from revshare.cycles.rules import MOVES
from revshare.errors import Conflict, Refused
from revshare.ingest.operations import release_waiting_refunds
from revshare.periods import Period
from revshare.policies.models import Policy

__all__ = [
    "approve", "calculate", "check_not_payee", "check_step", "lock", "next_action", "open_cycle", "publish",
    "ranges_to_close", "submit",
]  # fmt: skip

KEY_LENGTH = 60


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


def check_step(*, key: str, step: str, act: Act, accept_quarantine: str = "") -> None:
    """Raises what a step would be refused for at once, so that nobody has to wait for a worker to hear it."""
    cycle = find(key)
    if step == "publish":
        check_not_preparer(cycle, act.actor, step)
        check_open(kind=CYCLES, key=key, digest=cycle.result_digest)
    if step == "lock" and cycle.state == "open":
        with transaction.atomic():
            release_waiting_refunds(act=act)  # what has its sale by now is no reason to refuse
        check_quarantine(cycle, accept_quarantine)


def next_action(cycle: Cycle) -> str | None:
    """The move that comes next, or None at the end."""
    return next((move.action for move in MOVES.values() if move.source == cycle.state), None)
