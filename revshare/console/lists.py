"""Lists of the console's own pages: each is searched (`?q=`), put in order (`?sort=`), paged, taken out as a file."""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from django.core.paginator import Paginator
from django.db.models import Q, QuerySet
from django.http import HttpRequest, HttpResponseBase
from django.utils.functional import Promise
from django.utils.http import urlencode
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, override

from revshare.console.list_files import as_file, links, wanted
from revshare.console.seeking import AFTER, BEFORE, Seek, by_key
from revshare.wording import whole

SHOWN = 25
FETCHED = 2_000
LONGEST = 200
Words = str | Promise


@dataclass(frozen=True)
class Order:
    """`by`: of rows, what they are compared by; of a query set, the names of its fields."""

    title: Words
    by: Any = ("pk",)
    descending: bool = False


NEWEST_FIRST = {
    "newest": Order(gettext_lazy("Latest first"), descending=True),
    "oldest": Order(gettext_lazy("Oldest first")),
}


@dataclass(frozen=True)
class Listing:
    """A list: the name of its file, what can be searched for, its orders (the first is the usual one), the columns of
    its file. `texts`: of rows, what is searched; `found`: of a query set, how. `keyed`: so long that a page is found by
    its key, and rows are not counted."""

    name: str
    search: Words
    orders: Mapping[str, Order]
    columns: Mapping[str, Callable[[Any], Any]]
    texts: Callable[[Any], Iterable[str]] | None = None
    found: Callable[[str], Q] | None = None
    keyed: bool = False
    shown: int = SHOWN


@dataclass(frozen=True)
class Seen:
    """A page of a list, and what its toolbar shows. `kept`: what else the address says."""

    listing: Listing
    rows: Sequence[Any]
    text: str
    sort: str
    kept: Mapping[str, str]
    exports: Sequence[tuple[str, str]]
    newer: str = ""
    older: str = ""
    span: str = ""

    @property
    def orders(self) -> list[tuple[str, str, bool]]:
        return [(name, _(str(order.title)), name == self.sort) for name, order in self.listing.orders.items()]

    @property
    def search(self) -> str:
        return _(str(self.listing.search))

    @property
    def filtered(self) -> bool:
        return bool(self.text)


def answer(
    request: HttpRequest, listing: Listing, rows: Any, *, kept: Mapping[str, str] | None = None
) -> Seen | HttpResponseBase:
    """The page that is asked for of `rows`, or all of them as a file."""
    text = request.GET.get("q", "").replace("\x00", "").strip()[:LONGEST]
    sort = request.GET.get("sort", "")
    sort = sort if sort in listing.orders else next(iter(listing.orders))
    rows = _narrowed(listing, rows, text, listing.orders[sort])
    if format := wanted(request):
        return as_file(
            request, name=listing.name, columns=list(listing.columns), rows=_cells(listing, rows), format=format
        )
    kept = {name: value for name, value in (kept or {}).items() if value}
    asked = kept | ({"q": text} if text else {}) | ({"sort": sort} if "sort" in request.GET else {})
    page = _sought if listing.keyed else _counted
    found, newer, older, span = page(request, listing, rows, listing.orders[sort])
    return Seen(
        listing, found, text, sort, kept, links(request), newer=urlencode(asked | newer) if newer else "",
        older=urlencode(asked | older) if older else "", span=span,
    )  # fmt: skip


def _narrowed(listing: Listing, rows: Any, text: str, order: Order) -> Any:
    if isinstance(rows, QuerySet):
        if text and listing.found:
            rows = rows.filter(listing.found(text))
        names = (*order.by, *(() if "pk" in order.by else ("pk",)))
        return rows.order_by(*(f"-{name}" if order.descending else name for name in names))
    if text and listing.texts:
        low = text.casefold()
        rows = [row for row in rows if any(low in said.casefold() for said in listing.texts(row))]
    return sorted(rows, key=order.by, reverse=order.descending) if callable(order.by) else list(rows)


def _cells(listing: Listing, rows: Any) -> Iterator[list[Any]]:
    """In English, whoever takes the file: it is read by programs."""
    found = rows.iterator(chunk_size=FETCHED) if isinstance(rows, QuerySet) else rows
    for row in found:
        with override("en"):
            cells = [value(row) for value in listing.columns.values()]
        yield cells


Page = tuple[Sequence[Any], dict[str, Any], dict[str, Any], str]


def _counted(request: HttpRequest, listing: Listing, rows: Any, order: Order) -> Page:
    page = Paginator(rows, listing.shown).get_page(request.GET.get("page"))
    span = _("%(first)s to %(last)s of %(count)s") % {
        "first": whole(page.start_index()), "last": whole(page.end_index()), "count": whole(page.paginator.count),
    }  # fmt: skip
    return (
        list(page), {"page": page.number - 1} if page.has_previous() else {},
        {"page": page.number + 1} if page.has_next() else {}, span if page.has_other_pages() else "",
    )  # fmt: skip


def _sought(request: HttpRequest, listing: Listing, rows: Any, order: Order) -> Page:
    after, before = _key(request, AFTER), _key(request, BEFORE)
    found = by_key(rows, Seek(listing.shown, after, None if after is not None else before), descending=order.descending)
    newer = {BEFORE: found.newer} if found.newer is not None else {}
    return found.rows, newer, {AFTER: found.older} if found.older is not None else {}, ""


def _key(request: HttpRequest, name: str) -> int | None:
    text = request.GET.get(name, "")
    return int(text) if text.isascii() and text.isdigit() and len(text) < 19 else None
