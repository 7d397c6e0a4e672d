"""What goes in by explicit grammar, and money going out."""

import re
from collections.abc import Mapping
from typing import Any

from django.utils.datastructures import MultiValueDict
from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers

PRINTABLE = r"[^\x00-\x1f\x7f-\x9f\u2028\u2029\ud800-\udfff]+"
FREE_TEXT = r"[^\x00-\x08\x0b-\x1f\x7f-\x9f\u2028\u2029\ud800-\udfff]*"
DIGEST = r"[0-9a-f]{64}"


class Text(serializers.CharField):
    """A JSON string that matches a grammar whole. Numbers and booleans are no strings."""

    def __init__(self, pattern: str = PRINTABLE, *, meant: str = "printable text", **options: Any) -> None:
        self.pattern, self.meant = re.compile(pattern), meant
        super().__init__(**({"trim_whitespace": False, "max_length": 200} | options))

    def to_internal_value(self, data: Any) -> str:
        if not isinstance(data, str) or not self.pattern.fullmatch(data):
            raise serializers.ValidationError(f"This must be {self.meant}, as a string.")
        return super().to_internal_value(data)


class Input(serializers.Serializer):
    """A body whose every field is known: a mistyped name is an error, since it would quietly do something else."""

    def to_internal_value(self, data: Any) -> Any:
        if isinstance(data, Mapping):
            unknown = [str(name) for name in data if name not in self.fields]
            if unknown:
                raise serializers.ValidationError({name[:60]: "There is no such field." for name in unknown[:10]})
        if isinstance(data, MultiValueDict):
            for name in data:
                if len(data.getlist(name)) > 1:
                    raise serializers.ValidationError({name: "Give this once."})
        return super().to_internal_value(data)


class Nothing(Input):
    """No fields."""


class Reason(Input):
    """Why, for the audit trail."""

    reason = Text(FREE_TEXT, meant="text without control characters", max_length=2000, required=False, default="",
                  allow_blank=True, help_text="Why; it goes into the audit trail.")  # fmt: skip


class RequiredReason(Input):
    """Why, for the audit trail."""

    reason = Text(FREE_TEXT, meant="text without control characters", max_length=2000,
                  help_text="Why; it goes into the audit trail.")  # fmt: skip


@extend_schema_field(
    {"type": "string", "pattern": "^-?[0-9]+$", "example": "6900",
     "description": "Millionths of the currency's major unit, a whole number as a string: 6900 of USD is $0.0069. A "
     "string because JavaScript and others cannot hold such numbers exactly beyond 2^53."}
)  # fmt: skip
class Micros(serializers.Field):
    """Money out."""

    def __init__(self, **options: Any) -> None:
        super().__init__(read_only=True, **options)

    def to_representation(self, value: Any) -> str:
        return str(int(value))


@extend_schema_field(
    {"type": "string", "pattern": "^[0-9]+$", "example": "720720",
     "description": "Shares of assets, 720,720 ticks to one asset; a whole number as a string."}
)  # fmt: skip
class Ticks(Micros):
    """Assets out."""
