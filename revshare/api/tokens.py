"""A token for a program, in exchange for a name and a password."""

import hashlib
from typing import Any

from django.contrib.auth import authenticate
from rest_framework import serializers
from rest_framework.authtoken.models import Token
from rest_framework.exceptions import AuthenticationFailed
from rest_framework.permissions import AllowAny
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.throttling import SimpleRateThrottle

from revshare.api.base import View, described
from revshare.api.fields import PRINTABLE, Input, Text


class TokenIn(Input):
    name = Text(max_length=150)
    password = Text(PRINTABLE, max_length=500)


class TokenOut(serializers.Serializer):
    token = serializers.CharField(help_text="Send it as the header `Authorization: Token …`.")


class ByAddress(SimpleRateThrottle):
    """So many attempts from one address. Headers that a client could make up do not count."""

    rate = "60/min"

    def get_cache_key(self, request: Request, view: Any) -> str:
        return f"token-address:{request.META.get('REMOTE_ADDR', '')}"


class ByName(ByAddress):
    """So many attempts for one name, wherever they come from."""

    rate = "10/min"

    def get_cache_key(self, request: Request, view: Any) -> str:
        name = str(dict(request.data).get("name")).casefold()
        return f"token-name:{hashlib.sha256(name.encode(errors='replace')).hexdigest()}"


class Tokens(View):
    permission_classes = (AllowAny,)
    authentication_classes = ()
    throttle_classes = (ByAddress, ByName)

    @described(
        "token_create", "Get a token for a program", request=TokenIn, answers={200: TokenOut}, open_to_all=True,
        description="By name and password; the same token each time. At most 10 attempts a minute for one name.",
        refuses=[401, 413, 415, 429],
    )  # fmt: skip
    def post(self, request: Request) -> Response:
        body = self.given(TokenIn)
        user = authenticate(request._request, username=body["name"], password=body["password"])
        if user is None:
            raise AuthenticationFailed("The name or the password is wrong.")
        token, _ = Token.objects.get_or_create(user=user)
        return Response({"token": token.key})

    def get_authenticate_header(self, request: Request) -> str:
        return "Token"  # without it DRF answers 403
