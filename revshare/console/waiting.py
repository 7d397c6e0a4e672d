"""How many rows wait in quarantine, as pages say it: exact while it is few, bounded while it is many."""

from dataclasses import dataclass

from django.http import HttpRequest
from django.utils.translation import gettext as _

from revshare.files.queries import open_quarantine
from revshare.wording import whole

COUNTED = 10_000


@dataclass(frozen=True)
class Waiting:
    """`count` up to COUNTED + 1, which stands for more."""

    count: int

    def __bool__(self) -> bool:
        return self.count > 0

    def __str__(self) -> str:
        return _("more than %(count)s") % {"count": whole(COUNTED)} if self.count > COUNTED else whole(self.count)

    @property
    def many(self) -> bool:
        return self.count > 1


def in_quarantine(request: HttpRequest) -> Waiting:
    """Every page of the console says it, so it may not cost what counting a million rows does; a page that says it
    twice asks once."""
    known: Waiting | None = getattr(request, "in_quarantine", None)
    if known is None:
        known = Waiting(open_quarantine().order_by()[: COUNTED + 1].count())
        request.in_quarantine = known  # type: ignore[attr-defined]
    return known
