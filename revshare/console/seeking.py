"""Lists of millions of rows: a page is found by the key that it follows or precedes, never counted or skipped to."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from django.contrib.admin.options import IncorrectLookupParameters
from django.contrib.admin.views.main import SEARCH_VAR
from django.core.exceptions import ValidationError
from django.core.paginator import Paginator
from django.db.models import QuerySet
from django.http import HttpRequest
from django.utils.translation import gettext as _
from unfold.views import ChangeList

AFTER, BEFORE = "after", "before"
TURNED = "turned"  # from the other end


@dataclass(frozen=True)
class Seek:
    """What page is asked for: of `size` rows, after a key or before one, or the first."""

    size: int
    after: Any = None
    before: Any = None


@dataclass(frozen=True)
class Slice:
    """The rows of a page, and the keys to go on from in either direction; None where there is nothing."""

    rows: Sequence[Any]
    newer: Any = None
    older: Any = None


def by_key(rows: QuerySet[Any], seek: Seek, *, descending: bool, key: str = "pk") -> Slice:
    """A page of `rows` in the order of their key. Reads one row more than it shows."""
    forward = seek.before is None
    place = seek.after if forward else seek.before
    down = descending is forward
    if place is not None:
        rows = rows.filter(**{f"{key}__lt" if down else f"{key}__gt": place})
    found = list(rows.order_by(f"-{key}" if down else key)[: seek.size + 1])
    more, shown = len(found) > seek.size, found[: seek.size]
    if not shown:
        return Slice([])
    if not forward:
        shown.reverse()
    newer = place is not None if forward else more
    older = more if forward else True
    return Slice(shown, newer=shown[0].pk if newer else None, older=shown[-1].pk if older else None)


class _Place(Paginator):
    """What the pages' frame asks a paginator for."""

    template_name = "console/_seek.html"

    @property
    def count(self) -> int:
        raise AssertionError("rows of these lists are not counted")


class SeekList(ChangeList):
    """A list in the order of its key alone, either way: any other order would have to sort all of the table for every
    page."""

    newer_url: str | None
    older_url: str | None

    def get_filters_params(self, params: dict[str, Any] | None = None) -> dict[str, Any]:
        found = super().get_filters_params(params)
        return {name: value for name, value in found.items() if name not in (AFTER, BEFORE, TURNED)}

    def get_ordering(self, request: HttpRequest, queryset: QuerySet[Any]) -> list[str]:
        return ["-pk" if self.model_admin.descending is not self.turned else "pk"]

    @property
    def turned(self) -> bool:
        return bool(self.model_admin.turns and TURNED in self.params)

    @property
    def turn_url(self) -> str:
        """The same list from its other end; '' if it has but one order."""
        if not self.model_admin.turns:
            return ""
        return str(self.get_query_string({} if self.turned else {TURNED: "1"}, remove=[AFTER, BEFORE, TURNED]))

    @property
    def turn_words(self) -> str:
        if self.model_admin.descending:
            return _("Latest first") if self.turned else _("Oldest first")
        return _("A to Z") if self.turned else _("Z to A")

    def get_results(self, request: HttpRequest) -> None:
        found: Slice = self.model_admin.seek(self, self._asked(request))
        self.result_list = found.rows
        self.newer_url = self._url({BEFORE: found.newer}) if found.newer is not None else None
        self.older_url = self._url({AFTER: found.older}) if found.older is not None else None
        self.result_count = len(found.rows)
        self.full_result_count = None
        self.show_full_result_count = False
        self.show_admin_actions = False
        self.can_show_all = False
        self.multi_page = False
        self.paginator = _Place(found.rows, self.list_per_page)

    def chosen(self, name: str) -> str:
        """What a filter of the address was given; '' if nothing."""
        return str(self.params.get(name, ""))

    @property
    def searched(self) -> str:
        return str(self.params.get(SEARCH_VAR, "")).strip()

    def _asked(self, request: HttpRequest) -> Seek:
        keys = {}
        for name in (AFTER, BEFORE):
            text = request.GET.get(name)
            try:
                keys[name] = None if text is None else self.model._meta.pk.to_python(text)
            except ValidationError as error:
                raise IncorrectLookupParameters(error) from error
            if isinstance(key := keys[name], int) and abs(key) >= 2**63:
                raise IncorrectLookupParameters("no key is so large")
        if keys[AFTER] is not None and keys[BEFORE] is not None:
            raise IncorrectLookupParameters("a page follows a key or precedes one")
        return Seek(self.list_per_page, keys[AFTER], keys[BEFORE])

    def _url(self, place: dict[str, Any]) -> str:
        return str(self.get_query_string(place, remove=[AFTER, BEFORE]))
