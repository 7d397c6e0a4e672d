"""What the templates say of days, times and numbers, in the language of the page."""

from datetime import date, datetime
from typing import Any

from django import template
from django.http import QueryDict

from revshare import wording

register = template.Library()
SECTIONS = {"": "home", "decisions": "works", "destination": "account"}
"""Pages that belong to another part than the beginning of their address says."""


@register.filter
def day(value: date) -> str:
    """A date; of an instant the one in UTC."""
    return wording.day(value.date() if isinstance(value, datetime) else value)


@register.filter
def instant(value: datetime) -> str:
    """A day and a time in UTC, which it names."""
    return wording.instant(value)


@register.filter
def whole(value: int) -> str:
    """An integer with its digits grouped."""
    return wording.whole(value)


@register.simple_tag(takes_context=True)
def section(context: Any) -> str:
    """Which part of the portal the page belongs to, for the navigation; '' where there is no request."""
    path = getattr(context.get("request"), "path", "-")
    first = path.split("/")[1] if path.startswith("/") else "-"
    return SECTIONS.get(first, first)


@register.simple_tag(takes_context=True)
def languages(context: Any) -> list[tuple[str, str, bool, str]]:
    """Code and own name of each language, whether it is the page's, and the address of this page in it. That keeps
    what the address asks for, such as where to go on after signing in."""
    request = context.get("request")
    asked = request.GET.copy() if request else QueryDict(mutable=True)
    links = []
    for code, name in wording.LANGUAGES.items():
        asked["language"] = code
        links.append((code, name, code == wording.language(), f"?{asked.urlencode()}"))
    return links
