"""Links to downloads: good for one person, one address and some minutes. Session and right are asked for all the same,
so a link that got into other hands, a log or a history opens nothing."""

from django.conf import settings
from django.core import signing
from django.http import HttpRequest
from django.utils.http import urlencode

PARAMETER = "link"
LINK_MINUTES = 10
_signer = signing.TimestampSigner(salt="download")


class LinkOver(Exception):
    """The link is none, of another person or address, or too old; the middleware says so, and what to do."""


def signed(request: HttpRequest, path: str, **query: str) -> str:
    """The address with a link for whoever asks now, behind what else is asked for."""
    return f"{path}?{urlencode({**query, PARAMETER: link_of(request, path)})}"


def link_of(request: HttpRequest, path: str) -> str:
    said = _said(request, path)
    return _signer.sign(said).removeprefix(f"{said}{_signer.sep}")


def check_link(request: HttpRequest) -> None:
    """Takes the link out of what was asked for. Raises LinkOver unless it is a good one; without the strict way of
    signing in (on one's own machine) there may be none."""
    asked = request.GET.copy()
    given = asked.pop(PARAMETER, [])
    if not given and not settings.REVSHARE_STRICT_SIGN_IN:
        return
    said = _said(request, request.path)
    try:
        _signer.unsign(f"{said}{_signer.sep}{given[-1] if given else ''}", max_age=LINK_MINUTES * 60)
    except signing.BadSignature:
        raise LinkOver from None
    request.GET = asked  # type: ignore[assignment]


def _said(request: HttpRequest, path: str) -> str:
    return f"{request.user.pk} {path}"
