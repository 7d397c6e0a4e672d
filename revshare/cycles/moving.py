"""The one function that moves a cycle from state to state."""

from typing import Any

from revshare.audit_trail.operations import Act, record
from revshare.cycles.models import Cycle
from revshare.cycles.rules import MOVES
from revshare.errors import Conflict

# Who moves a cycle is kept on it; so is when, for the moves that people ask about.
STAMPS: dict[str, tuple[str, ...]] = {
    "lock": ("locked_by", "locked_at"),
    "calculate": ("calculated_by", "calculated_at"),
    "submit": ("submitted_by",),
    "approve": ("approved_by", "approved_at"),
    "publish": ("published_by", "published_at"),
}


def move(cycle: Cycle, action: str, *, act: Act, detail: dict[str, Any], **fields: Any) -> None:
    """The one function that moves a cycle: an allowed move, made once, and audited."""
    allowed = MOVES[action]
    stamped: dict[str, Any] = {
        name: act.actor if name.endswith("_by") else act.at for name in STAMPS.get(action, ())
    } | fields
    moved = Cycle.objects.filter(pk=cycle.pk, state=allowed.source).update(state=allowed.target, **stamped)
    if not moved:
        cycle.refresh_from_db()
        raise Conflict(f"Cycle {cycle.key} is {cycle.state}; to {action} it, it must be {allowed.source}.")
    record(act=act, action=f"cycle.{action}", object=f"cycle:{cycle.key}", detail=detail)
    cycle.refresh_from_db()
