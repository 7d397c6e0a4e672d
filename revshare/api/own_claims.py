"""Contributors' own claims on works."""

from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from revshare.api.access import act_of
from revshare.api.base import Keyset, View, described
from revshare.api.claims import CLAIM, REFUSES, ClaimOut, ClaimWithSteps
from revshare.api.fields import FREE_TEXT, Input, RequiredReason, Text
from revshare.api.own import own_id
from revshare.claims.operations import file_claim, prove
from revshare.claims.queries import find, with_state
from revshare.errors import NotFound


class OwnClaimIn(Input):
    """Which asset is yours, and what speaks for it."""

    dataset_version = Text(max_length=200)
    asset_id = Text(max_length=200)
    proof = Text(FREE_TEXT, meant="text without control characters", max_length=2000)


class OwnClaims(View):
    needs = {"GET": ("claim_own",), "POST": ("claim_own",)}
    pagination_class = Keyset

    @described("own_claims", "List your claims, latest first", answers={200: ClaimOut(many=True)})
    def get(self, request: Request) -> Response:
        rows = with_state().filter(claimant_id=own_id(request))
        return self.get_paginated_response(ClaimOut(self.page(rows), many=True).data)

    @described(
        "own_claims_file", "Claim a work", request=OwnClaimIn, answers={201: ClaimWithSteps}, refuses=REFUSES,
        description="From the next lock on the money of the asset is held, until the claim is decided or lapses.",
    )  # fmt: skip
    def post(self, request: Request) -> Response:
        claim = file_claim(claimant_id=own_id(request), **self.given(OwnClaimIn), act=act_of(request))
        return Response(ClaimWithSteps(find(claim.pk)).data, status=201)


class OwnClaim(View):
    needs = {"GET": ("claim_own",)}

    @described("own_claims_read", "Read one of your claims", answers={200: ClaimWithSteps}, refuses=[404], paths=CLAIM)
    def get(self, request: Request, id: int) -> Response:
        return Response(_own(request, id).data)


class ProveOwn(View):
    needs = {"POST": ("claim_own",)}

    @described(
        "own_claims_prove", "Say what the full proof of your claim is", request=RequiredReason,
        answers={200: ClaimWithSteps}, refuses=REFUSES, paths=CLAIM,
    )  # fmt: skip
    def post(self, request: Request, id: int) -> Response:
        _own(request, id)
        prove(number=id, evidence=self.given(RequiredReason)["reason"], act=act_of(request))
        return Response(_own(request, id).data)


def _own(request: Request, id: int) -> serializers.Serializer:
    """Another's claim and none are the same."""
    found = with_state().filter(claimant_id=own_id(request), pk=id).first()
    if found is None:
        raise NotFound(f"You have no claim {id}.")
    return ClaimWithSteps(found)
