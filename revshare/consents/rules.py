"""Which of a contributor's decisions counts. Pure."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime


@dataclass(frozen=True)
class Decision:
    """About one asset, or all of theirs (`asset_id` blank), in one dataset version or everywhere (`scope` blank)."""

    asset_id: str
    scope: str
    effective_at: datetime
    opted_out: bool


def opted_out(decisions: Iterable[Decision], *, asset_id: str, dataset_version: str, at: datetime) -> bool:
    """Whether an asset is opted out of a dataset version at an instant: what is said of the asset comes before what is
    said of all, what is said of the version before what is said of everywhere, then the latest."""
    fitting = [
        decision
        for decision in decisions
        if decision.asset_id in ("", asset_id)
        and decision.scope in ("", dataset_version)
        and decision.effective_at <= at
    ]
    nearest = max(fitting, key=lambda one: (one.asset_id != "", one.scope != "", one.effective_at), default=None)
    return nearest is not None and nearest.opted_out
