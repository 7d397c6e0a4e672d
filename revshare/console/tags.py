"""What the console's templates say of states and roles, in the language of the page; and the links to the others."""

from typing import Any

from django import template
from django.utils.safestring import SafeString

from revshare import wording
from revshare.console import record_words, shown

register = template.Library()


@register.filter
def state(name: str) -> str:
    """A state in words."""
    return shown.words(name)


@register.filter
def badge(name: str) -> SafeString:
    """A state as a coloured label."""
    return shown.badge(name)


@register.filter
def choice(code: str) -> str:
    """What is chosen from few, such as a kind of file: in English its code."""
    return record_words.choice(code)


@register.filter
def role(name: str) -> str:
    return shown.role(name)


@register.filter
def roles(names: list[str]) -> str:
    return ", ".join(map(shown.role, names))


@register.filter
def lowered(label: str) -> str:
    """A label within an English sentence; other languages write it as it is."""
    return str(label).lower() if wording.language() == "en" else str(label)


@register.filter
def whole(number: int) -> str:
    """An integer with its digits grouped."""
    return wording.whole(number)


@register.filter
def english(text: Any) -> Any:
    """What was stored in English, or a refusal: marked so on a page in another language."""
    return shown.in_english(text)


@register.simple_tag(takes_context=True)
def tongues(context: Any) -> list[tuple[str, str, bool, str]]:
    """Code and own name of each language, whether it is the page's, and the address of this page in it."""
    asked = context["request"].GET.copy()
    links = []
    for code, name in wording.LANGUAGES.items():
        asked["language"] = code
        links.append((code, name, code == wording.language(), f"?{asked.urlencode()}"))
    return links
