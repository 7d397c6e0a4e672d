"""What the templates say of days, times and numbers, in the language of the page."""

from datetime import date, datetime
from typing import Any

from django import template

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


@register.simple_tag
def languages() -> list[tuple[str, str, bool]]:
    """Code and own name of each language, and whether it is the page's."""
    return [(code, name, code == wording.language()) for code, name in wording.LANGUAGES.items()]
