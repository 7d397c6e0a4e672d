"""Reviews: a cycle beside the one before, what is unusual about it, and what approvers said to that."""

from typing import Any

from django.http import StreamingHttpResponse
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiResponse
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from revshare.api.access import act_of, user_of
from revshare.api.base import View, described
from revshare.api.cycles import KEY
from revshare.api.fields import Micros, Nothing, RequiredReason, Ticks
from revshare.api.files import download
from revshare.cycles.models import Cycle
from revshare.cycles.queries import find
from revshare.cycles.review import decide_finding, difference_csv, make_review
from revshare.errors import NotFound
from revshare.exports.tables import CONTENT_TYPES
from revshare.policies.review_terms import RULES
from revshare.reviews.models import OVERRIDE, STOP
from revshare.reviews.operations import check_not_concerned
from revshare.reviews.queries import findings_of, review_of

FINDING = KEY | {"id": "The finding's number."}


class ChangeOut(serializers.Serializer):
    """What a contributor earns now and earned in the cycle before."""

    contributor_id = serializers.CharField()
    before_micros = Micros()
    after_micros = Micros()


class DifferenceOut(serializers.Serializer):
    """Of one currency. Who is new, earned nothing in the cycle before; who is gone, earns nothing now."""

    currency = serializers.CharField()
    before_micros = Micros()
    after_micros = Micros()
    paid_before = serializers.IntegerField()
    paid_after = serializers.IntegerField()
    stayed = serializers.IntegerField()
    newcomers = serializers.IntegerField()
    newcomers_micros = Micros()
    dropouts = serializers.IntegerField()
    dropouts_micros = Micros()
    best_before_micros = Micros(help_text="What the best paid hundredth (at least one) earned.")
    best_after_micros = Micros()
    largest = ChangeOut(many=True)
    risers = ChangeOut(many=True)
    fallers = ChangeOut(many=True)
    new = ChangeOut(many=True)
    gone = ChangeOut(many=True)


class PoolFactOut(serializers.Serializer):
    net_micros = Micros()
    distributable_micros = Micros()
    denominator_ticks = Ticks()
    contributors = serializers.IntegerField()


class PoolChangeOut(serializers.Serializer):
    """A pool now and then; null where there is none."""

    name = serializers.CharField()
    now = PoolFactOut(allow_null=True)
    before = PoolFactOut(allow_null=True)


class FindingOut(serializers.Serializer):
    """Something unusual. What blocks has to be overridden before the cycle can be approved."""

    number = serializers.IntegerField()
    rule = serializers.ChoiceField(choices=RULES)
    subject = serializers.CharField(help_text="A contributor, a pool, a customer, a model or a file.")
    currency = serializers.CharField()
    blocks = serializers.BooleanField()
    says = serializers.CharField()
    measured = serializers.DictField(child=serializers.CharField(), help_text="The whole numbers behind it.")
    decision = serializers.CharField(help_text="override, stop, or empty.")
    reason = serializers.CharField()
    decided_by = serializers.CharField()


class ReviewOut(serializers.Serializer):
    """A calculated cycle beside the one calculated before it."""

    cycle = serializers.CharField()
    before = serializers.CharField(allow_null=True)
    result_digest = serializers.CharField(help_text="Of the result that was reviewed.")
    made_at = serializers.DateTimeField()
    made_by = serializers.CharField()
    differences = DifferenceOut(many=True)
    pools = PoolChangeOut(many=True)
    findings = FindingOut(many=True)


def represent(cycle: Cycle) -> Any:
    review = review_of(cycle.pk, cycle.result_digest)
    if review is None:
        raise NotFound(f"Cycle {cycle.key} was not reviewed yet: POST here, or submit it.")
    return ReviewOut(
        {
            "cycle": cycle.key, "before": review.before.key if review.before else None,
            "result_digest": review.result_digest, "made_at": review.made_at, "made_by": review.made_by,
            "differences": review.facts["differences"], "pools": review.facts["pools"],
            "findings": findings_of(cycle.pk),
        }
    ).data  # fmt: skip


class OneReview(View):
    needs = {"GET": ("browse",), "POST": ("calculate",)}

    @described(
        "cycles_review", "See a cycle beside the one before, and what is unusual", answers={200: ReviewOut},
        refuses=[404], paths=KEY,
    )  # fmt: skip
    def get(self, request: Request, key: str) -> Response:
        return Response(represent(find(key)))

    @described(
        "cycles_review_make", "Review a calculated cycle now",
        description="Submitting it does the same. A review is made once for a result.", request=Nothing,
        answers={200: ReviewOut}, refuses=[404, 409, 413, 415, 422], paths=KEY,
    )  # fmt: skip
    def post(self, request: Request, key: str) -> Response:
        self.given(Nothing)
        make_review(key=key, act=act_of(request))
        return Response(represent(find(key)))


class DifferenceCsv(View):
    needs = {"GET": ("export",)}

    @described(
        "cycles_difference", "What everybody earns beside the cycle before, as CSV",
        answers={(200, "text/csv"): OpenApiResponse(OpenApiTypes.STR, "The file.")}, refuses=[404, 422], paths=KEY,
    )  # fmt: skip
    def get(self, request: Request, key: str) -> StreamingHttpResponse:
        return download(difference_csv(key=key), f"difference-{key}.csv", CONTENT_TYPES["csv"])


class _Decision(View):
    needs = {"POST": ("decide_finding",)}
    action: str

    def decide(self, request: Request, key: str, number: int) -> Response:
        reason = self.given(RequiredReason)["reason"]
        cycle = find(key)
        check_not_concerned(cycle_id=cycle.pk, number=number, contributor_id=user_of(request).contributor_id)
        decide_finding(key=key, number=number, action=self.action, act=act_of(request, why=reason))
        return Response(represent(cycle))


class Override(_Decision):
    action = OVERRIDE

    @described(
        "cycles_override", "Let a finding pass, with a reason", request=RequiredReason, answers={200: ReviewOut},
        refuses=[404, 409, 413, 415, 422], paths=FINDING,
    )  # fmt: skip
    def post(self, request: Request, key: str, id: int) -> Response:
        return self.decide(request, key, id)


class Stop(_Decision):
    action = STOP

    @described(
        "cycles_stop", "Say that a cycle must not be approved for a finding, with a reason", request=RequiredReason,
        answers={200: ReviewOut}, refuses=[404, 409, 413, 415, 422], paths=FINDING,
    )  # fmt: skip
    def post(self, request: Request, key: str, id: int) -> Response:
        return self.decide(request, key, id)
