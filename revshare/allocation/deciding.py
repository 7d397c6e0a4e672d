"""What becomes of money in suspense that no match lets out: shared by the next cycle, or settled with a reason."""

from typing import Any

from django.db import transaction

from revshare.allocation.models import SuspenseDecision
from revshare.allocation.suspense import decision_of, is_nobodys, is_unknown, undecided_or_shared
from revshare.audit_trail.operations import Act, record
from revshare.errors import Conflict, NotAllowed, NotFound, Refused
from revshare.ledger.operations import LegData, post_legs
from revshare.locks import Lock, hold
from revshare.pools.matching import is_known

SUSPENSE_RELEASE = "suspense_release"


@transaction.atomic
def share(*, number: int, act: Act, model: str = "") -> tuple[SuspenseDecision, bool]:
    """The next cycle that is locked shares it, with the pool that it waits in or with the sales of a model. Returns the
    decision and whether it is new. Where nobody can share it then either, it waits there again. Raises Refused."""
    hold(Lock.CALCULATION)
    rest = _undecided(number, act)
    decision = decision_of(rest)
    if decision is not None:
        if decision.model != model:
            raise Conflict(f"What waits as {number} is to be shared already, as {decision.decided_by} decided.")
        return decision, False
    if is_unknown(rest.pool):
        raise Refused(
            f"{rest.pool.model or rest.pool.dataset_version!r} is not known, so nobody can share what was sold of it: "
            "match the name with one that is.",
            code="suspense_unmatched",
        )
    if model and not is_known("model", model):
        raise Refused(f"The model {model!r} is not known, or a dataset of it has no records.", code="match_unknown")
    if is_nobodys(rest.pool) and not model:
        raise Refused(
            f"Nothing says over whose assets {rest.pool.name} is shared: name a model with it.", code="model_missing"
        )
    made = SuspenseDecision.objects.create(
        rest=rest, decision=SuspenseDecision.SHARE, model=model, reason=act.why, decided_at=act.at,
        decided_by=act.actor,
    )  # fmt: skip
    _record(made, rest.left_micros, act)
    return made, True


@transaction.atomic
def settle(*, number: int, to: str, act: Act) -> SuspenseDecision:
    """Moves it to the platform or the commons fund, by a journal of its own. Raises Refused, and NotAllowed for
    whoever prepared the cycle that it waits of."""
    if to not in SuspenseDecision.SETTLED:
        raise Refused(
            f"Money in suspense goes to {' or '.join(SuspenseDecision.SETTLED)}, not to {to!r}.", code="settled_where"
        )
    hold(Lock.CALCULATION)
    rest = _undecided(number, act)
    if act.actor in (rest.cycle.locked_by, rest.cycle.calculated_by, rest.cycle.submitted_by):
        raise NotAllowed(f"{act.actor} prepared cycle {rest.cycle.key}: another person settles what waits of it.")
    if decision := decision_of(rest):
        raise Conflict(f"What waits as {number} is to be shared, as {decision.decided_by} decided.")
    currency = rest.pool.currency
    journal = post_legs(
        kind=SUSPENSE_RELEASE, key=f"{rest.cycle.key} {rest.pk}", act=act,
        legs=[LegData("suspense", currency, "D", rest.left_micros), LegData(to, currency, "C", rest.left_micros)],
    )  # fmt: skip
    made = SuspenseDecision.objects.create(
        rest=rest, decision=to, journal=journal, reason=act.why, decided_at=act.at, decided_by=act.actor
    )
    _record(made, rest.left_micros, act)
    return made


def _undecided(number: int, act: Act) -> Any:
    """What waits under a number, as `undecided_or_shared` has it; it may be decided that it is shared, as long as no
    cycle has."""
    if not act.why.strip():
        raise Refused("Give the reason for the decision: it goes into the audit trail.", code="reason_missing")
    rest = undecided_or_shared().filter(pk=number).first()
    if rest is None or not rest.left_micros:
        raise NotFound(f"Nothing waits in suspense as {number}: see `suspense list`.")
    if hasattr(rest, "release"):
        raise Conflict(f"What waited as {number} is shared already, by cycle {rest.release.cycle.key}.")
    return rest


def _record(made: SuspenseDecision, left_micros: int, act: Act) -> None:
    detail = {
        "cycle": made.rest.cycle.key, "pool": made.rest.pool.name, "to": made.decision, "model": made.model,
        "micros": left_micros, "journal": made.journal_id,
    }  # fmt: skip
    record(act=act, action="suspense.decided", object=f"rest:{made.rest_id}", detail=detail)
