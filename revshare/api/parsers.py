"""Bodies, read strictly: whatever two programs could read differently is refused."""

import json
from collections.abc import Mapping
from typing import IO, Any

from rest_framework.exceptions import ParseError
from rest_framework.parsers import BaseParser

from revshare.api.errors import TooLarge

MAX_JSON_BYTES = 64 << 10
MAX_TEXT_BYTES = 256 << 10


def _whole(stream: IO[bytes], limit: int) -> bytes:
    body = stream.read(limit + 1)
    if len(body) > limit:
        raise TooLarge(f"The body is larger than {limit >> 10} KiB.")
    return body


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) < len(pairs):
        raise ValueError("an object names a key twice")
    return found


def _no_constant(name: str) -> None:
    raise ValueError(f"{name} is not JSON")


class StrictJson(BaseParser):
    """One JSON object in UTF-8, at most 64 KiB: no NaN, no key twice, no endless nesting or numbers."""

    media_type = "application/json"

    def parse(
        self, stream: IO[bytes], media_type: str | None = None, parser_context: Mapping[str, Any] | None = None
    ) -> dict[str, Any]:
        try:
            text = _whole(stream, MAX_JSON_BYTES).decode("utf-8")
            data = json.loads(text, object_pairs_hook=_once, parse_constant=_no_constant)
        except UnicodeDecodeError as error:
            raise ParseError(f"The body is not UTF-8 (byte {error.start}).") from None
        except RecursionError:
            raise ParseError("The body is not usable JSON: it is nested too deeply.") from None
        except ValueError as error:
            raise ParseError(f"The body is not usable JSON: {error}.") from None
        if not isinstance(data, dict):
            raise ParseError("The body must be one JSON object.")
        return data


class PlainText(BaseParser):
    """The bytes as they are, at most 256 KiB."""

    media_type = "text/plain"

    def parse(
        self, stream: IO[bytes], media_type: str | None = None, parser_context: Mapping[str, Any] | None = None
    ) -> Any:
        return _whole(stream, MAX_TEXT_BYTES)


class Toml(PlainText):
    media_type = "application/toml"
