"""Policies: registered once, then fixed."""

import tomllib
from typing import Any

from rest_framework import serializers
from rest_framework.parsers import MultiPartParser
from rest_framework.request import Request
from rest_framework.response import Response

from revshare.api.access import act_of
from revshare.api.base import Filter, Keyset, View, described
from revshare.api.errors import TooLarge
from revshare.api.fields import Input
from revshare.api.parsers import MAX_TEXT_BYTES, PlainText, Toml
from revshare.errors import NotFound
from revshare.policies.models import Policy
from revshare.policies.operations import register
from revshare.policies.rules import BadPolicy, parse


class PolicyIn(Input):
    file = serializers.FileField(allow_empty_file=True, help_text="A policy file in TOML.")


class PolicyOut(serializers.Serializer):
    """A registered version of a policy."""

    id = serializers.IntegerField()
    name = serializers.CharField()
    version = serializers.CharField()
    sha256 = serializers.CharField(help_text="Over the file's bytes.")
    registered_at = serializers.DateTimeField()
    registered_by = serializers.CharField()


class PolicyWithText(PolicyOut):
    """A registered version of a policy with its file, and what it says."""

    text = serializers.CharField(help_text="The file, as it was registered.")
    sentences = serializers.SerializerMethodField(help_text="In plain language, by table.")

    def get_sentences(self, policy: Policy) -> dict[str, list[str]]:
        return parse(policy.text).sentences


def readable(content: bytes) -> None:
    """Raises BadPolicy for the TOML that Python's reader breaks on rather than refuses: numbers of thousands of digits,
    tables nested thousands deep."""
    try:
        tomllib.loads(content.decode("utf-8", errors="replace"))
    except tomllib.TOMLDecodeError:
        return  # registering says where
    except (ValueError, RecursionError):
        raise BadPolicy("The policy is not valid TOML: a number or the nesting goes beyond all measure.") from None


class Policies(View):
    needs = {"GET": ("browse",), "POST": ("register_policy",)}
    parser_classes = (PlainText, Toml, MultiPartParser)
    pagination_class = Keyset
    filters = {"name": Filter("Only versions of the policy with this name.")}

    @described(
        "policies_list", "List registered policies, latest first", answers={200: PolicyOut(many=True)}, filters=filters
    )
    def get(self, request: Request) -> Response:
        rows = self.page(Policy.objects.filter(**self.chosen))
        return self.get_paginated_response(PolicyOut(rows, many=True).data)

    @described(
        "policies_register", "Register a version of a policy",
        description="The TOML file as the body, or as the part `file` of a form. Once registered, a version never "
        "changes.",
        request={"text/plain": str, "application/toml": str, "multipart/form-data": PolicyIn},
        answers={201: PolicyWithText, 200: PolicyWithText}, refuses=[409, 413, 415, 422],
    )  # fmt: skip
    def post(self, request: Request) -> Response:
        content = self._content(request)
        readable(content)
        policy, new = register(content=content, act=act_of(request))
        return Response(PolicyWithText(policy).data, status=201 if new else 200)

    def _content(self, request: Request) -> bytes:
        if isinstance(request.data, bytes):
            return request.data
        file: Any = self.given(PolicyIn)["file"]
        if file.size > MAX_TEXT_BYTES:
            raise TooLarge(f"The policy is larger than {MAX_TEXT_BYTES >> 10} KiB.")
        return bytes(file.read())


class OnePolicy(View):
    needs = {"GET": ("browse",)}

    @described(
        "policies_read", "Read a policy", answers={200: PolicyWithText}, refuses=[404], paths={"id": "The policy's id."}
    )
    def get(self, request: Request, id: int) -> Response:
        policy = Policy.objects.filter(pk=id).first()
        if policy is None:
            raise NotFound(f"There is no policy {id}.")
        return Response(PolicyWithText(policy).data)
