"""In all templates: addresses of downloads."""

from typing import Any

from django import template
from django.urls import reverse

from revshare.signin.links import link_of, signed

register = template.Library()


@register.simple_tag(takes_context=True)
def download(context: dict[str, Any], name: str, *args: Any, **query: str) -> str:
    """As `url`, with a link for whoever reads the page; `query`: what else is asked for."""
    return signed(context["request"], reverse(name, args=args), **query)


@register.simple_tag(takes_context=True)
def download_link(context: dict[str, Any], name: str, *args: Any) -> str:
    """The link alone, for a form."""
    return link_of(context["request"], reverse(name, args=args))
