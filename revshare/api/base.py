"""What all views share: who may, what may be asked, how it is paged and described."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

from django.db.models import QuerySet
from drf_spectacular.utils import OpenApiParameter, OpenApiResponse, extend_schema
from rest_framework import serializers
from rest_framework.exceptions import NotFound as NoSuchPage
from rest_framework.generics import GenericAPIView
from rest_framework.negotiation import BaseContentNegotiation, DefaultContentNegotiation
from rest_framework.pagination import CursorPagination
from rest_framework.renderers import JSONRenderer
from rest_framework.request import Request
from rest_framework.response import Response

from revshare.api.access import BySession, ByToken, MayDo
from revshare.api.errors import MEANINGS, ErrorOut, Malformed
from revshare.api.fields import PRINTABLE
from revshare.api.parsers import StrictJson

NUMBER = r"[1-9][0-9]{0,17}"
NOT_A_CURSOR = serializers.ValidationError({"cursor": "This is not a cursor: follow `next` and `previous`."})
PAGE = {"cursor": r"[A-Za-z0-9+/=_-]{1,200}", "limit": r"[1-9][0-9]{0,2}"}


@dataclass(frozen=True)
class Filter:
    """A query parameter: what it means, the grammar of its value, or the values there are."""

    meaning: str
    pattern: str = PRINTABLE
    choices: tuple[str, ...] = ()

    def takes(self, value: str) -> bool:
        if self.choices:
            return value in self.choices
        return len(value) <= 300 and bool(re.fullmatch(self.pattern, value))


class JsonOnly(BaseContentNegotiation):
    """Answers are JSON, or the file that the address names; the header Accept changes nothing."""

    def select_parser(self, request: Request, parsers: Any) -> Any:
        return DefaultContentNegotiation().select_parser(request, parsers)

    def select_renderer(self, request: Request, renderers: Any, format_suffix: Any = None) -> Any:
        return renderers[0], renderers[0].media_type


class Keyset(CursorPagination):
    """Page by page by descending id, without counting."""

    ordering = "-id"
    page_size = 50
    max_page_size = 500
    page_size_query_param = "limit"
    page_size_query_description = "How many to a page: 50 if not given, at most 500."
    cursor_query_description = "Where to go on: follow `next` and `previous` of a page rather than make one up."

    def decode_cursor(self, request: Request) -> Any:
        try:
            cursor = super().decode_cursor(request)
        except NoSuchPage:
            raise NOT_A_CURSOR from None
        if cursor and cursor.position is not None and not re.fullmatch(NUMBER, str(cursor.position)):
            raise NOT_A_CURSOR
        return cursor


class View(GenericAPIView):
    """`needs`: the actions of `access.rules.MAY` by method. `filters`: the query parameters that GET takes."""

    needs: ClassVar[dict[str, tuple[str, ...]]] = {}
    filters: ClassVar[dict[str, Filter]] = {}
    authentication_classes: Sequence[Any] = (ByToken, BySession)
    permission_classes: Sequence[Any] = (MayDo,)
    parser_classes: Sequence[Any] = (StrictJson,)
    renderer_classes = (JSONRenderer,)
    content_negotiation_class = JsonOnly
    pagination_class: Any = None
    metadata_class = None
    http_method_names = ["get", "head", "post"]

    def initial(self, request: Request, *args: Any, **kwargs: Any) -> None:
        if (request.encoding or "utf-8").lower().replace("_", "-") not in ("utf-8", "utf8"):
            raise Malformed("Only UTF-8 is read: leave the charset out.")
        if "HTTP_TRANSFER_ENCODING" in request.META:
            raise Malformed("Say how long the body is (Content-Length): it is not taken in chunks.")
        super().initial(request, *args, **kwargs)
        self.chosen = self._chosen(request)

    def _chosen(self, request: Request) -> dict[str, str]:
        """The query parameters, each known, given once and well-formed."""
        allowed = self.filters if request.method in ("GET", "HEAD") else {}
        paged = PAGE if self.pagination_class and request.method in ("GET", "HEAD") else {}
        wrong, chosen = {}, {}
        for name, values in request.query_params.lists():
            if name in paged:
                if len(values) > 1 or not re.fullmatch(paged[name], str(values[0])):
                    wrong[name] = "This is not a usable value."
            elif name not in allowed:
                wrong[name[:60]] = f"There is no such parameter; there are {', '.join([*allowed, *paged]) or 'none'}."
            elif len(values) > 1 or not allowed[name].takes(str(values[0])):
                one_of = f": one of {', '.join(allowed[name].choices)}" if allowed[name].choices else "."
                wrong[name] = f"This is not a usable value{one_of}"
            else:
                chosen[name] = str(values[0])
        if wrong:
            raise serializers.ValidationError(wrong)
        return chosen

    def given(self, shape: type[serializers.Serializer]) -> dict[str, Any]:
        """The body, by its serializer. Raises ValidationError."""
        body = shape(data=self.request.data)
        body.is_valid(raise_exception=True)
        return body.validated_data

    def page(self, rows: QuerySet[Any]) -> list[Any]:
        return list(self.paginate_queryset(rows) or [])

    def finalize_response(self, request: Request, response: Any, *args: Any, **kwargs: Any) -> Response:
        done = super().finalize_response(request, response, *args, **kwargs)
        done.headers.setdefault("Cache-Control", "no-store")
        return done


def described(
    operation_id: str, summary: str, *, answers: dict[Any, Any], refuses: Sequence[int] = (), request: Any = None,
    description: str = "", filters: dict[str, Filter] | None = None, paths: dict[str, str] | None = None,
    tag: str = "", open_to_all: bool = False,
) -> Any:  # fmt: skip
    """A view method's entry in the schema: plain words, and every way in which it can go wrong."""
    wrong = sorted({400, 503, *(() if open_to_all else (401, 403)), *refuses})
    known = [
        OpenApiParameter(name, str, required=False, description=item.meaning, enum=item.choices or None)
        for name, item in (filters or {}).items()
    ]
    places = [
        OpenApiParameter(name, int if name == "id" else str, OpenApiParameter.PATH, description=meaning)
        for name, meaning in (paths or {}).items()
    ]
    return extend_schema(
        operation_id=operation_id, summary=summary, description=description or summary, request=request,
        responses=answers | {status: OpenApiResponse(ErrorOut, MEANINGS[status]) for status in wrong},
        parameters=[*known, *places], tags=[tag or operation_id.partition("_")[0]],
        auth=[] if open_to_all else None,
    )  # fmt: skip
