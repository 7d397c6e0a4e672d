"""What every page of the portal has in common: who may come in, and what browsers may do with the answer."""

from collections.abc import Callable
from functools import wraps
from typing import Any

from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponseBase
from django.views.decorators.cache import cache_control
from django.views.decorators.http import require_http_methods, require_safe

View = Callable[..., HttpResponseBase]

# The pages have no script but one, and nothing from elsewhere; the header makes browsers hold them to it.
POLICY = (
    "default-src 'none'; style-src 'self'; img-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
)


def contained(view: View) -> View:
    """Sets the content security policy, and keeps the answer out of every cache."""

    @wraps(view)
    def answer(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
        response = view(request, *args, **kwargs)
        response.headers.setdefault("Content-Security-Policy", POLICY)
        return response

    return cache_control(private=True, no_store=True)(answer)


def scripted(view: View) -> View:
    """`contained`, for a page with a script of ours, which may talk to nobody."""

    @wraps(view)
    def answer(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
        response = view(request, *args, **kwargs)
        response.headers["Content-Security-Policy"] = f"{POLICY}; script-src 'self'; connect-src 'none'"
        return response

    return cache_control(private=True, no_store=True)(answer)


def member_page(view: View) -> View:
    """A page to read for somebody who is signed in; others are sent to the sign-in page."""
    return contained(login_required(require_safe(view)))


def member_form(view: View) -> View:
    """The same with something to decide on it."""
    return contained(login_required(require_http_methods(["GET", "HEAD", "POST"])(view)))
