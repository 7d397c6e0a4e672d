"""What restatements have left of money that a cycle put in suspense or held."""

from typing import Any

from django.db.models import BigIntegerField, F, Q, QuerySet, Sum, Value
from django.db.models.functions import Coalesce

from revshare.allocation.models import Rest


def with_left(rests: QuerySet[Rest], *, journals_upto: int | None = None) -> Any:
    """The rests, each with its `left_micros` after the restatements posted up to a journal (all of them, if None)."""
    known = Q() if journals_upto is None else Q(corrections__journal_id__lte=journals_upto)
    corrected = Coalesce(Sum("corrections__amount_micros", filter=known), Value(0), output_field=BigIntegerField())
    return rests.annotate(left_micros=F("amount_micros") + corrected)
