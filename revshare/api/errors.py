"""What goes wrong, in one shape: {"code": for machines, "detail": a sentence for a person, and what else there is}."""

import logging
from typing import Any

from django.core.exceptions import BadRequest, PermissionDenied, RequestDataTooBig, SuspiciousOperation
from django.db import OperationalError
from django.http import Http404, UnreadablePostError
from django.http.multipartparser import MultiPartParserError
from rest_framework import exceptions, serializers
from rest_framework.response import Response
from rest_framework.views import set_rollback

from revshare.errors import Conflict, NotAllowed, NotFound, Refused

log = logging.getLogger(__name__)

WHO = "Say who you are: send the header `Authorization: Token …`, or sign in on the pages first."
MEANINGS = {
    400: "The request cannot be understood: a field or parameter is missing, unknown or malformed (see `fields`).",
    401: "Nobody is signed in, or the token or password is wrong.",
    403: "You may not do this.",
    404: "There is no such thing, or none that you may know of.",
    409: "Somebody else was first, or the thing is in another state than this needs.",
    413: "The body is too large.",
    415: "The body has a type that is not taken here.",
    422: "Understood, but refused: `detail` says why and what to do.",
    429: "Too many attempts: wait as long as the header Retry-After says (seconds).",
    503: "The database cannot be reached at the moment: try again.",
}
REFUSALS: tuple[tuple[type[Refused], int], ...] = ((NotFound, 404), (NotAllowed, 403), (Conflict, 409), (Refused, 422))


class Busy(Conflict):
    """This very step is being run already; `run` is its id."""

    code = "busy"

    def __init__(self, message: str, *, run: int) -> None:
        super().__init__(message)
        self.run = run


class Malformed(exceptions.APIException):
    """A request that is no well-formed one."""

    status_code = 400
    default_code = "malformed"


class TooLarge(exceptions.APIException):
    status_code = 413
    default_code = "too_large"
    default_detail = "The body is too large."


class Unavailable(exceptions.APIException):
    status_code = 503
    default_code = "unavailable"
    default_detail = "The database cannot be reached at the moment. Nothing was done; try again."


class ErrorOut(serializers.Serializer):
    """The one shape of every error."""

    code = serializers.CharField(help_text="For machines; stable.")
    detail = serializers.CharField(help_text="A sentence for a person: what is wrong and what to do.")
    fields = serializers.DictField(  # type: ignore[assignment]
        child=serializers.CharField(), required=False, help_text="With code `invalid`: what is wrong with each field."
    )
    run = serializers.IntegerField(required=False, help_text="With code `busy`: the run that is at work on it already.")


def answer(error: Exception, context: dict[str, Any]) -> Response | None:
    """Django REST framework's exception handler. None for what is no fault of the caller: that becomes a 500."""
    if isinstance(error, Refused):
        status = next(status for kind, status in REFUSALS if isinstance(error, kind))
        more = {"run": error.run} if isinstance(error, Busy) else {}
        return Response({"code": error.code, "detail": str(error)} | more, status=status)
    known = _translated(error)
    if known is None:
        return None
    set_rollback()
    return Response(_body(known), status=known.status_code, headers=_headers(known))


def _translated(error: Exception) -> exceptions.APIException | None:
    """What Django itself throws at a bad request, in our words."""
    if isinstance(error, exceptions.NotAuthenticated):
        return _like(error, exceptions.NotAuthenticated(WHO))
    if isinstance(error, exceptions.APIException):
        return error
    if isinstance(error, Http404):
        return exceptions.NotFound("There is nothing at this address.")
    if isinstance(error, PermissionDenied):
        return exceptions.PermissionDenied()
    if isinstance(error, RequestDataTooBig):
        return TooLarge()
    if isinstance(error, (SuspiciousOperation, BadRequest, MultiPartParserError, UnreadablePostError)):
        return Malformed("The request cannot be read: it is malformed or was cut off.")
    if isinstance(error, OperationalError):
        log.error("the database cannot be reached", exc_info=error)
        return Unavailable()
    return None


def _like(given: exceptions.APIException, ours: exceptions.APIException) -> exceptions.APIException:
    ours.status_code = given.status_code
    ours.auth_header = getattr(given, "auth_header", "Token")  # type: ignore[attr-defined]
    return ours


def _headers(error: exceptions.APIException) -> dict[str, str]:
    headers = {}
    if error.status_code == 401:
        headers["WWW-Authenticate"] = str(getattr(error, "auth_header", "Token"))
    if (wait := getattr(error, "wait", None)) is not None:
        headers["Retry-After"] = str(int(wait) + 1)
    return headers


def _body(error: exceptions.APIException) -> dict[str, Any]:
    if isinstance(error, exceptions.ValidationError):
        fields = _flat(error.detail)
        said = " ".join(words if name == "request" else f"{name}: {words}" for name, words in fields.items())
        return {"code": "invalid", "detail": said, "fields": fields}
    code = {"permission_denied": "not_allowed"}.get(error.default_code, error.default_code)
    return {"code": code, "detail": str(error.detail)}


def _flat(detail: Any) -> dict[str, str]:
    """DRF's nested errors as one sentence a field."""
    if not isinstance(detail, dict):
        detail = {"request": detail}
    flat = {}
    for name, said in detail.items():
        words = said if isinstance(said, list) else [said]
        flat["request" if name == "non_field_errors" else name] = " ".join(map(str, words))
    return flat
