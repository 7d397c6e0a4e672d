"""The sums of a cycle's sales, which its lock adds up and keeps: the calculation has no need to read all sales again.
`verify` does, and holds the pools against it."""

from collections.abc import Sequence
from typing import Any

from revshare.cycles.models import Cycle, Window
from revshare.sales.queries import Sum

MOST = 5_000  # of a cycle; a list of more is not kept


def to_keep(sums: Sequence[Sum]) -> list[list[Any]] | None:
    """The sums as JSON; None for too many."""
    if len(sums) > MOST:
        return None
    return [[s.stream, s.model, s.dataset_version, s.currency, s.net_micros, s.count] for s in sums]


def kept_sums(cycle: Cycle) -> tuple[Sum, ...] | None:
    """The sums of a locked cycle by target (`sales.queries.sums_by_target`); None if they were not kept."""
    kept = Window.objects.filter(cycle=cycle, late=False, restatement__isnull=True).values_list("sums", flat=True)
    sums = kept.get()
    return None if sums is None else tuple(Sum(*item) for item in sums)
