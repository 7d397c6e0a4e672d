"""Reads: who gets a part of whose money on a day."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date

from django.db.models import Max, Q

from revshare.splits.models import Split


@dataclass(frozen=True)
class Part:
    """What part of a contributor's money is a payee's."""

    contributor_id: str
    payee_id: str
    share_millionths: int
    reason: str


def in_force(*, day: date, upto_arrival: int) -> Iterator[Part]:
    """The splits that count on a day, of the rows that had arrived, by contributor and payee."""
    told = Split.objects.filter(arrival__lte=upto_arrival, starts_on__lte=day)
    # The row that opened a split and the one that ended it agree in everything else.
    splits = (
        told.values("contributor_id", "payee_id", "starts_on", "share_millionths", "reason")
        .annotate(last=Max("ends_on"))
        .filter(Q(last=None) | Q(last__gt=day))
        .order_by("contributor_id", "payee_id", "starts_on")
    )
    fields = ("contributor_id", "payee_id", "share_millionths", "reason")
    return (Part(*row) for row in splits.values_list(*fields).iterator())
