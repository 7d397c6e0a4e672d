"""What every page of the portal has in common: who may come in, and what browsers may do with the answer."""

from collections.abc import Callable

from csp.constants import NONE
from csp.decorators import csp_replace
from django.contrib.auth.decorators import login_required
from django.http import HttpResponseBase
from django.views.decorators.cache import cache_control
from django.views.decorators.http import require_http_methods, require_safe

View = Callable[..., HttpResponseBase]


def page_of(asked: str, rows: int, size: int) -> tuple[int, int]:
    """Which page is asked for, and how many there are; what is no page is the first or the last."""
    pages = max(-(-rows // size), 1)
    return (min(max(int(asked[:9]), 1), pages) if asked.isascii() and asked.isdigit() else 1), pages


def contained(view: View) -> View:
    """Keeps the answer out of every cache. What scripts it may have, the policy of all answers says (settings)."""
    return cache_control(private=True, no_store=True)(view)


def scripted(view: View) -> View:
    """`contained`, for a page with a script of ours, which may talk to nobody."""
    return contained(csp_replace({"connect-src": [NONE]})(view))


def member_page(view: View) -> View:
    """A page to read for somebody who is signed in; others are sent to the sign-in page."""
    return contained(login_required(require_safe(view)))


def member_form(view: View) -> View:
    """The same with something to decide on it."""
    return contained(login_required(require_http_methods(["GET", "HEAD", "POST"])(view)))
