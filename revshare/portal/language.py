"""In which language a page is: asked for in its address, chosen before in this browser, the
account's, the browser's."""

from collections.abc import Callable

from django.http import HttpRequest, HttpResponseBase, HttpResponseRedirect
from django.utils import translation
from django.utils.cache import patch_vary_headers

from revshare.mail.queries import language_of
from revshare.wording import LANGUAGES

ENGLISH_ONLY = ("/api/", "/healthz", "/readyz")  # what programs read
CONSOLE = "/console/"
COOKIE = "language"
COOKIE_SECONDS = 365 * 24 * 3600


class Language:
    """Makes it active for the time of the request."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponseBase]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        if request.path.startswith(ENGLISH_ONLY):
            with translation.override("en"):
                return self.get_response(request)
        asked = request.GET.get("language", "")
        if request.method == "GET" and asked in LANGUAGES:
            return _without_question(request, asked)
        with translation.override(_chosen(request)):
            response = self.get_response(request)
            response.headers.setdefault("Content-Language", _spoken(request, response))
        patch_vary_headers(response, ["Accept-Language", "Cookie"])
        return response


def remember(response: HttpResponseBase, language: str) -> None:
    """Keeps the choice in this browser."""
    response.set_cookie(COOKIE, language, max_age=COOKIE_SECONDS, httponly=True, samesite="Lax")


def _chosen(request: HttpRequest) -> str:
    kept = request.COOKIES.get(COOKIE, "")
    if kept in LANGUAGES:
        return kept
    contributor_id = getattr(request.user, "contributor_id", None)
    if contributor_id is not None and (own := language_of(contributor_id)):
        return own
    return translation.get_language_from_request(request)


def _spoken(request: HttpRequest, response: HttpResponseBase) -> str:
    """Pages are in the reader's language, and what contributors take along; the files that staff take are English."""
    is_page = response.headers.get("Content-Type", "").startswith("text/html")
    return translation.get_language() or "en" if is_page or not request.path.startswith(CONSOLE) else "en"


def _without_question(request: HttpRequest, language: str) -> HttpResponseBase:
    """The same page again, under its own address."""
    rest = request.GET.copy()
    del rest["language"]
    # A path that begins with two slashes would be another site's address.
    path = "/" + request.path.lstrip("/")
    response = HttpResponseRedirect(f"{path}?{rest.urlencode()}" if rest else path)
    remember(response, language)
    return response
