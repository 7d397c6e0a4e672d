"""What waits for somebody's decision: claims, debts, money held for opt-outs. One page each, with the deeds on it."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from django.http import HttpRequest, HttpResponse, HttpResponseBase
from django.shortcuts import redirect
from django.urls import reverse
from django.utils.http import urlencode
from django.utils.safestring import SafeString
from django.utils.translation import gettext as _

from revshare.console.base import site
from revshare.console.doors import Told, acting, allowed, attempt
from revshare.console.lists import Listing, Seen, answer
from revshare.console.shown import badge, moment, words


@dataclass(frozen=True)
class Deed:
    """A button on a card, with the reason it asks for. `danger`: it gives something up."""

    action: str
    label: str
    asks: str
    danger: bool = False


@dataclass(frozen=True)
class Card:
    """One thing that waits, or waited."""

    number: int | str
    title: str
    state: str
    facts: Sequence[tuple[str, Any]]
    history: Sequence[str] = ()
    deeds: Sequence[Deed] = ()
    note: str = ""

    @property
    def badge(self) -> SafeString:
        return badge(self.state)


@dataclass(frozen=True)
class Field:
    """Of the form that begins something new."""

    name: str
    label: str
    kind: str = "text"
    optional: bool = False


@dataclass(frozen=True)
class Form:
    """`says`: a message of the catalogues, as all its words are; `told`: the numbers in it."""

    title: str
    action: str
    button: str
    fields: Sequence[Field]
    says: str = ""
    told: Mapping[str, int] = field(default_factory=dict)

    @property
    def explanation(self) -> str:
        return _(self.says) % self.told if self.says else ""


@dataclass(frozen=True)
class Queue:
    """A page of cards. `tabs`: by name, the states that it shows (none: all). `view`: its address. `which` names the
    choice of a tab, `all_records` the link to all of them. Its words are messages of the catalogues."""

    view: str
    title: str
    which: str
    all_records: str
    empty: str
    tabs: Mapping[str, tuple[str, ...]]
    listing: Listing
    records: str
    forms: Sequence[Form] = field(default_factory=tuple)


def shown(request: HttpRequest, queue: Queue, rows: Any, card: Callable[[Any], Card]) -> HttpResponseBase:
    """`rows`: a query set with `state`; `?tab=` and what lists take say what of it."""
    tab = request.GET.get("tab", "")
    tab = tab if tab in queue.tabs else next(iter(queue.tabs))
    if queue.tabs[tab]:
        rows = rows.filter(state__in=queue.tabs[tab])
    seen = answer(request, queue.listing, rows, kept={"tab": tab})
    if not isinstance(seen, Seen):
        return seen
    tabs = [{"title": _(name), "now": name == tab, "url": f"?{urlencode({'tab': name})}"} for name in queue.tabs]
    return site.page(
        request, "queue.html", title=_(queue.title), queue=queue, cards=[card(row) for row in seen.rows], tabs=tabs,
        list=seen, forms=[form for form in queue.forms if allowed(request, form.action)],
        records=reverse(f"admin:revshare_{queue.records}_changelist"), here=request.get_full_path(),
    )  # fmt: skip


def done(request: HttpRequest, view: str, deed: Callable[[Any], str]) -> HttpResponse:
    """Does it as this person, for the reason that was given, and goes back to the queue."""
    attempt(request, lambda: deed(acting(request, why=given(request, "reason"))))
    return redirect(f"admin:{view}")


def step_told(step: Any) -> str:
    """A step of a claim or a debt: where it brought it, who, when, why."""
    said = {"state": words(step.target), "by": step.by, "at": moment(step.at), "text": step.text}
    return _("%(state)s by %(by)s, %(at)s: “%(text)s”") % said


def given(request: HttpRequest, name: str) -> str:
    """A field of the form. Raises Refused for what no text can be."""
    text = request.POST.get(name, "").strip()
    if "\x00" in text:
        raise Told(_("The field %(name)s holds a character that no text has.") % {"name": name})
    return text
