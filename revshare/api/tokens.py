"""Tokens for programs: made in exchange for a name and a password, listed, ended."""

import hashlib
from typing import Any

from django.contrib.auth import authenticate
from rest_framework import serializers
from rest_framework.exceptions import AuthenticationFailed
from rest_framework.permissions import AllowAny
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.throttling import SimpleRateThrottle

from revshare.access.attempts import note_failure
from revshare.access.models import ApiToken, User
from revshare.access.tokens import DAYS, MAX_DAYS, make_token, revoke_token
from revshare.api.access import act_of, user_of
from revshare.api.base import Keyset, View, described
from revshare.api.fields import PRINTABLE, Input, Text
from revshare.audit_trail.operations import Act
from revshare.clock import now
from revshare.signin.backend import address_of
from revshare.signin.factors import has_factor, needs_factor, takes_code
from revshare.signin.middleware import FACTOR_FIRST


class TokenIn(Input):
    name = Text(max_length=150)
    password = Text(PRINTABLE, max_length=500)
    code = Text(max_length=20, required=False, default="")
    days = serializers.IntegerField(min_value=1, max_value=MAX_DAYS, required=False, default=DAYS)
    purpose = Text(max_length=100, required=False, default="")


class TokenOut(serializers.Serializer):
    id = serializers.IntegerField()
    token = serializers.CharField(help_text="Send it as the header `Authorization: Token …`. It is shown this once.")
    expires_at = serializers.DateTimeField()


class TokenListed(serializers.Serializer):
    """A token, but for the text itself: only its hash is kept."""

    id = serializers.IntegerField()
    purpose = serializers.CharField()
    made_at = serializers.DateTimeField()
    expires_at = serializers.DateTimeField()
    last_used_at = serializers.DateTimeField(allow_null=True)
    revoked_at = serializers.DateTimeField(allow_null=True)


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
        description="By name and password, and `code` (of the authenticator app, or a recovery code) where the person "
        "has a second factor. A new token each time; what releases money it may do in its first 10 minutes only. At "
        "most 10 attempts a minute for one name; after 10 wrong ones the account takes no more for 15 minutes.",
        refuses=[401, 413, 415, 429],
    )  # fmt: skip
    def post(self, request: Request) -> Response:
        body = self.given(TokenIn)
        user = authenticate(request._request, username=body["name"], password=body["password"])
        if user is None:
            raise AuthenticationFailed("The name or the password is wrong, or there were too many attempts.")
        assert isinstance(user, User), "the only kind of user there is"
        self._check_factor(user, body["code"], request)
        act = Act(actor=user.username, at=now())
        made, text = make_token(user=user, act=act, days=body["days"], purpose=body["purpose"])
        return Response({"id": made.pk, "token": text, "expires_at": made.expires_at})

    def _check_factor(self, user: User, code: str, request: Request) -> None:
        if has_factor(user):
            if not takes_code(user, code):
                note_failure(name=user.username, address=address_of(request._request), at=now())
                raise AuthenticationFailed("Give `code`: what the authenticator app shows now, or a recovery code.")
        elif needs_factor(user):
            raise AuthenticationFailed(FACTOR_FIRST)

    def get_authenticate_header(self, request: Request) -> str:
        return "Token"  # without it DRF answers 403


class OwnTokens(View):
    needs = {"GET": ("end_tokens",)}
    pagination_class = Keyset

    @described(
        "tokens_list", "List your own tokens, latest first", answers={200: TokenListed(many=True)},
        description="Ended ones too. Their text is not kept.",
    )  # fmt: skip
    def get(self, request: Request) -> Response:
        rows = self.page(ApiToken.objects.filter(user=user_of(request)))
        return self.get_paginated_response(TokenListed(rows, many=True).data)


class EndToken(View):
    needs = {"POST": ("end_tokens",)}

    @described(
        "tokens_end", "End one of your own tokens", answers={200: TokenListed}, refuses=[404, 413, 415],
        paths={"id": "The token's id."},
    )  # fmt: skip
    def post(self, request: Request, id: int) -> Response:
        return Response(TokenListed(revoke_token(user=user_of(request), token_id=id, act=act_of(request))).data)
