"""Claims on assets: filed, proven, decided; and held money released with a reason."""

from typing import Any

from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from revshare.allocation.releasing import Released, decide, release_held
from revshare.api.access import act_of, user_of
from revshare.api.base import Filter, Keyset, View, described
from revshare.api.fields import FREE_TEXT, Input, Micros, RequiredReason, Text
from revshare.claims.operations import MOST_DAYS, USUAL_DAYS, check_not_claimant, file_claim, prove
from revshare.claims.queries import find, with_state
from revshare.claims.rules import CLOSED, OPEN

CLAIM = {"id": "The claim's number."}
REFUSES = (404, 409, 413, 415, 422)


class ClaimIn(Input):
    """Whose an asset is said to be, and what speaks for it."""

    claimant_id = Text(max_length=200)
    dataset_version = Text(max_length=200)
    asset_id = Text(max_length=200)
    proof = Text(FREE_TEXT, meant="text without control characters", max_length=2000)
    days = serializers.IntegerField(
        required=False, default=USUAL_DAYS, min_value=1, max_value=MOST_DAYS, help_text="Until the full proof is due."
    )


class HeldIn(RequiredReason):
    """Whose held money is released, and why."""

    contributor_id = Text(max_length=200)


class StepOut(serializers.Serializer):
    action = serializers.CharField()
    state = serializers.CharField(source="target")
    text = serializers.CharField()
    at = serializers.DateTimeField()
    by = serializers.CharField()


class ClaimOut(serializers.Serializer):
    """A claim on an asset, and where it stands."""

    id = serializers.IntegerField()
    claimant_id = serializers.CharField()
    dataset_version = serializers.CharField()
    asset_id = serializers.CharField()
    proof = serializers.CharField()
    state = serializers.CharField(help_text=f"One of {', '.join((*OPEN, *CLOSED))}.")
    filed_at = serializers.DateTimeField()
    filed_by = serializers.CharField()
    due_at = serializers.DateTimeField(help_text="Without full proof by then it lapses.")


class ClaimWithSteps(ClaimOut):
    """A claim with all its steps, the first one first."""

    steps = serializers.SerializerMethodField()

    def get_steps(self, claim: Any) -> list[dict[str, Any]]:
        return list(StepOut(claim.steps.order_by("pk"), many=True).data)


class ReleasedOut(serializers.Serializer):
    """Money that was held in a cycle and is no more: a journal, which the next statements list."""

    cycle = serializers.CharField()
    journal = serializers.IntegerField()
    currency = serializers.CharField()
    amount_micros = Micros()


class DecidedOut(serializers.Serializer):
    claim = ClaimWithSteps()
    released = ReleasedOut(many=True)


class NoLongerHeldOut(serializers.Serializer):
    released = ReleasedOut(many=True)


def _shown(released: list[Released]) -> list[dict[str, Any]]:
    return [
        {"cycle": item.cycle, "journal": item.journal, "currency": currency, "amount_micros": micros}
        for item in released
        for currency, micros in sorted(item.micros.items())
    ]


class Claims(View):
    needs = {"GET": ("browse",), "POST": ("file_claim",)}
    pagination_class = Keyset
    filters = {"state": Filter("Only claims in this state.", choices=(*OPEN, *CLOSED))}

    @described(
        "claims_list", "List claims on assets, latest first", answers={200: ClaimOut(many=True)}, filters=filters
    )
    def get(self, request: Request) -> Response:
        rows: Any = with_state()
        return self.get_paginated_response(ClaimOut(self.page(rows.filter(**self.chosen)), many=True).data)

    @described(
        "claims_file", "File a claim on an asset",
        description="From the next lock on the money of the asset is held, until the claim is decided or lapses.",
        request=ClaimIn, answers={201: ClaimWithSteps}, refuses=REFUSES,
    )  # fmt: skip
    def post(self, request: Request) -> Response:
        claim = file_claim(**self.given(ClaimIn), act=act_of(request))
        return Response(ClaimWithSteps(find(claim.pk)).data, status=201)


class OneClaim(View):
    needs = {"GET": ("browse",)}

    @described("claims_read", "Read a claim", answers={200: ClaimWithSteps}, refuses=[404], paths=CLAIM)
    def get(self, request: Request, id: int) -> Response:
        return Response(ClaimWithSteps(find(id)).data)


class Prove(View):
    needs = {"POST": ("file_claim",)}

    @described(
        "claims_prove", "Say what the full proof of a claim is", request=RequiredReason, answers={200: ClaimWithSteps},
        refuses=REFUSES, paths=CLAIM,
    )  # fmt: skip
    def post(self, request: Request, id: int) -> Response:
        prove(number=id, evidence=self.given(RequiredReason)["reason"], act=act_of(request))
        return Response(ClaimWithSteps(find(id)).data)


class Uphold(View):
    needs = {"POST": ("decide_claim",)}

    @described(
        "claims_uphold", "Uphold a claim: its money goes to the claimant, what was held and what comes",
        request=RequiredReason, answers={200: DecidedOut}, refuses=REFUSES, paths=CLAIM,
    )  # fmt: skip
    def post(self, request: Request, id: int) -> Response:
        return _decided(self, request, id, "uphold")


class Reject(View):
    needs = {"POST": ("decide_claim",)}

    @described(
        "claims_reject", "Reject a claim: what was held goes back", request=RequiredReason, answers={200: DecidedOut},
        refuses=REFUSES, paths=CLAIM,
    )  # fmt: skip
    def post(self, request: Request, id: int) -> Response:
        return _decided(self, request, id, "reject")


def _decided(view: View, request: Request, id: int, action: str) -> Response:
    reason = view.given(RequiredReason)["reason"]
    check_not_claimant(number=id, contributor_id=user_of(request).contributor_id)
    released = decide(number=id, action=action, reason=reason, act=act_of(request))
    return Response(DecidedOut({"claim": find(id), "released": _shown(released)}).data)


class ReleaseHeld(View):
    needs = {"POST": ("release_held",)}

    @described(
        "held_release", "Release to a contributor what is held because they had opted out", request=HeldIn,
        answers={200: NoLongerHeldOut}, refuses=REFUSES,
    )  # fmt: skip
    def post(self, request: Request) -> Response:
        released = release_held(**self.given(HeldIn), act=act_of(request))
        return Response(NoLongerHeldOut({"released": _shown(released)}).data)
