"""What holds for every request of somebody who is signed in, and every answer."""

import logging
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from http import HTTPStatus

from allauth.account.adapter import get_adapter
from allauth.account.internal.flows.login import get_authentication_records
from django.conf import settings
from django.contrib import messages
from django.contrib.auth import logout
from django.http import HttpRequest, HttpResponse, HttpResponseBase, HttpResponseNotAllowed, JsonResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.http import url_has_allowed_host_and_scheme, urlencode
from django.utils.translation import gettext as _

from revshare.access.models import User
from revshare.clock import now
from revshare.signin.factors import has_factor, needs_factor
from revshare.signin.links import LINK_MINUTES, LinkOver
from revshare.signin.step_up import StepUpNeeded

log = logging.getLogger("revshare.security")
Answer = Callable[[HttpRequest], HttpResponseBase]
SIGNED_IN, SEEN, FACTOR = "signed_in_at", "seen_at", "factor"
TO_GET_A_FACTOR = ("/account/two-factor/", "/account/confirm/", "/account/password/", "/sign-out/")
PAGE_METHODS = ("GET", "HEAD", "POST")
SEEN_SECONDS = 60  # how exactly the last request of a session is kept
PERMISSIONS = "camera=(), geolocation=(), microphone=(), payment=(), usb=(), publickey-credentials-get=(self)"
FACTOR_FIRST = "Staff sign in with a second factor: set one up on the page /account/two-factor/ first."
SHOW_YOURSELF = "Show first who you are: sign in again, on the pages, or get a new token. Then ask once more."


def headers(get_response: Answer) -> Answer:
    """What browsers are told on every answer, besides what Django's own middleware says."""

    def answer(request: HttpRequest) -> HttpResponseBase:
        response = get_response(request)
        response.headers.setdefault("Cross-Origin-Resource-Policy", "same-origin")
        response.headers.setdefault("Permissions-Policy", PERMISSIONS)
        return response

    return answer


def methods(get_response: Answer) -> Answer:
    """Pages are looked at or sent to; the API says for each address what there is."""

    def answer(request: HttpRequest) -> HttpResponseBase:
        if request.method in PAGE_METHODS or request.path.startswith("/api/"):
            return get_response(request)
        return HttpResponseNotAllowed(PAGE_METHODS)

    return answer


def cookies(get_response: Answer) -> Answer:
    """Drops a session cookie that cannot be one (it may hold NUL), before it reaches the database."""

    def answer(request: HttpRequest) -> HttpResponseBase:
        key = request.COOKIES.get(settings.SESSION_COOKIE_NAME, "")
        if not (key.isascii() and key.isalnum()):
            request.COOKIES.pop(settings.SESSION_COOKIE_NAME, None)
        return get_response(request)

    return answer


class Sessions:
    """Ends sessions that are too old or were left alone; keeps staff without a second factor on the page where they
    get one; sends those who must show again who they are to where they do; says what to do where a link is over."""

    def __init__(self, get_response: Answer) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        if request.user.is_authenticated:
            if self._is_over(request):
                logout(request)
            elif (held := self._held_back(request)) is not None:
                return held
        adding = self._has_none_yet(request)
        response = self.get_response(request)
        if response.status_code == HTTPStatus.FORBIDDEN:
            log.warning("refused: %s, %s %s", request.user.get_username() or "nobody", request.method, request.path)
        if adding and request.method == "POST" and isinstance(request.user, User) and has_factor(request.user):
            request.session[FACTOR] = True  # added just now, by whoever has the session
        return response

    def _has_none_yet(self, request: HttpRequest) -> bool:
        """Whether this is staff on the way to a second factor: nobody else gets past `_held_back` without one."""
        user = request.user
        return isinstance(user, User) and not request.session.get(FACTOR) and needs_factor(user)

    def _is_over(self, request: HttpRequest) -> bool:
        at, session = now(), request.session
        signed_in, seen = (_moment(session.get(name)) for name in (SIGNED_IN, SEEN))
        if signed_in is None or seen is None:
            session[SIGNED_IN] = session[SEEN] = at.timestamp()
            return False
        if at - signed_in > settings.REVSHARE_SESSION_AGE or at - seen > settings.REVSHARE_SESSION_IDLE:
            return True
        if at - seen > timedelta(seconds=SEEN_SECONDS):
            session[SEEN] = at.timestamp()
        return False

    def _held_back(self, request: HttpRequest) -> HttpResponse | None:
        user = request.user
        if not isinstance(user, User) or request.session.get(FACTOR) or not needs_factor(user):
            return None
        if has_factor(user):
            return self._with_factor(request, user)
        if request.path.startswith(TO_GET_A_FACTOR):
            return None
        if request.path.startswith("/api/"):
            return JsonResponse({"code": "second_factor_missing", "detail": FACTOR_FIRST}, status=403)
        return redirect("mfa_index")

    def _with_factor(self, request: HttpRequest, user: User) -> HttpResponse | None:
        """A session that began before there was a second factor ends: its person signs in with both."""
        if any(record["method"] == "mfa" for record in get_authentication_records(request, user)):
            request.session[FACTOR] = True
            return None
        logout(request)
        return redirect("sign-in")

    def process_exception(self, request: HttpRequest, error: Exception) -> HttpResponse | None:
        if isinstance(error, LinkOver):
            shown = {"minutes": LINK_MINUTES, "page": _page_before(request)}
            return render(request, "portal/link_over.html", shown, status=404)
        if not isinstance(error, StepUpNeeded):
            return None
        messages.info(request, _("Show that it is you, then press the button again."))
        ways = get_adapter().get_reauthentication_methods(request.user)
        place = ways[0]["url"] if ways else reverse("account_login")
        return redirect(f"{place}?{urlencode({'next': _page_of(request)})}")


def _page_of(request: HttpRequest) -> str:
    """The page that a form stands on: what was sent is not sent again by itself."""
    if request.method in ("GET", "HEAD"):
        return request.get_full_path()
    return _page_before(request)


def _page_before(request: HttpRequest) -> str:
    page = request.headers.get("Referer", "")
    same_site = url_has_allowed_host_and_scheme(page, {request.get_host()}, require_https=request.is_secure())
    return page if page and same_site else reverse("home")


def _moment(seconds: object) -> datetime | None:
    return datetime.fromtimestamp(seconds, UTC) if isinstance(seconds, (int, float)) else None
