"""Money in suspense: what an unknown name stands for, and what becomes of what no match lets out."""

from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from revshare.allocation.deciding import settle, share
from revshare.allocation.models import SuspenseDecision
from revshare.allocation.suspense import waiting
from revshare.api.access import act_of
from revshare.api.base import View, described
from revshare.api.fields import FREE_TEXT, Input, Micros, Text
from revshare.clock import now
from revshare.pools.matching import match
from revshare.pools.models import Match

KINDS = Match.KINDS


class WaitingOut(serializers.Serializer):
    """What one pool of a cycle left in suspense."""

    number = serializers.IntegerField(help_text="What it is called when somebody decides about it.")
    cycle = serializers.CharField()
    pool = serializers.CharField()
    kind = serializers.ChoiceField(choices=KINDS)
    name = serializers.CharField(help_text="The model or dataset version that the sales named.")
    currency = serializers.CharField()
    amount_micros = Micros()
    reason = serializers.CharField()
    since = serializers.DateTimeField(help_text="When the cycle was locked.")
    days = serializers.IntegerField(help_text="How long ago that is.")
    stands_for = serializers.CharField(help_text="What it is matched with; blank if it is not.")
    unknown = serializers.BooleanField(help_text="Nobody knows its name: a match lets it out.")
    decided = serializers.BooleanField(help_text="The next cycle shares it.")
    decided_model = serializers.CharField(help_text="With the sales of this model, if of one.")


class SuspenseOut(serializers.Serializer):
    results = WaitingOut(many=True)


class MatchIn(Input):
    kind = serializers.ChoiceField(choices=KINDS)
    name = Text(help_text="The name that nobody knows.")
    stands_for = Text(help_text="A known model or dataset version; the name itself, if it is known by now.")
    reason = Text(FREE_TEXT, meant="text without control characters", max_length=2000, help_text="Why.")


class MatchOut(serializers.Serializer):
    """From the next lock on these sales count for it, and what they left in suspense is shared."""

    kind = serializers.ChoiceField(choices=KINDS)
    name = serializers.CharField()
    stands_for = serializers.CharField()
    reason = serializers.CharField()
    matched_at = serializers.DateTimeField()
    matched_by = serializers.CharField()


class ShareIn(Input):
    reason = Text(FREE_TEXT, meant="text without control characters", max_length=2000, help_text="Why.")
    model = Text(required=False, default="", allow_blank=True, help_text="With its sales; else with its own pool.")


class SettleIn(Input):
    to = serializers.ChoiceField(choices=SuspenseDecision.SETTLED)
    reason = Text(FREE_TEXT, meant="text without control characters", max_length=2000, help_text="Why.")


class DecisionOut(serializers.Serializer):
    """What becomes of it, once and for all."""

    number = serializers.IntegerField(source="rest_id")
    decision = serializers.CharField(help_text="`share`, `platform` or `commons`.")
    model = serializers.CharField()
    journal = serializers.IntegerField(source="journal_id", allow_null=True)
    reason = serializers.CharField()
    decided_at = serializers.DateTimeField()
    decided_by = serializers.CharField()


class Suspense(View):
    needs = {"GET": ("browse",)}

    @described("suspense_list", "List money in suspense, oldest first", answers={200: SuspenseOut})
    def get(self, request: Request) -> Response:
        at = now()
        rows = [vars(row) | {"days": (at - row.since).days if row.since else 0} for row in waiting()]
        return Response(SuspenseOut({"results": rows}).data)


class Matching(View):
    needs = {"POST": ("match",)}

    @described(
        "suspense_match", "Say what an unknown model or dataset stands for", request=MatchIn,
        answers={200: MatchOut}, refuses=[413, 415, 422],
    )  # fmt: skip
    def post(self, request: Request) -> Response:
        body = self.given(MatchIn)
        made, _ = match(
            kind=body["kind"], name=body["name"], stands_for=body["stands_for"],
            act=act_of(request, why=body["reason"]),
        )  # fmt: skip
        return Response(MatchOut(made).data)


class Sharing(View):
    needs = {"POST": ("share_suspense",)}

    @described(
        "suspense_share", "Have the next cycle share what waits", request=ShareIn, answers={200: DecisionOut},
        description="For what no match lets out. Where nobody can share it then either, it waits again.",
        refuses=[404, 409, 413, 415, 422], paths={"id": "The number of what waits."},
    )  # fmt: skip
    def post(self, request: Request, id: int) -> Response:
        body = self.given(ShareIn)
        made, _ = share(number=id, model=body["model"], act=act_of(request, why=body["reason"]))
        return Response(DecisionOut(made).data)


class Settling(View):
    needs = {"POST": ("settle_suspense",)}

    @described(
        "suspense_settle", "Give what waits to the platform or the commons fund", request=SettleIn,
        answers={200: DecisionOut}, refuses=[404, 409, 413, 415, 422], paths={"id": "The number of what waits."},
    )  # fmt: skip
    def post(self, request: Request, id: int) -> Response:
        body = self.given(SettleIn)
        return Response(DecisionOut(settle(number=id, to=body["to"], act=act_of(request, why=body["reason"]))).data)
