"""For staff, about contributors' accounts: requests to be forgotten, letters that could not be sent."""

from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from revshare.api.access import act_of
from revshare.api.base import Keyset, View, described
from revshare.api.fields import RequiredReason
from revshare.api.own import DeletionOut
from revshare.mail.models import Message
from revshare.mail.rules import LOST
from revshare.personal.models import OUTCOMES, DeletionRequest
from revshare.personal.operations import decide_deletion


class DecisionIn(RequiredReason):
    """What becomes of it, and why: the contributor reads that."""

    outcome = serializers.ChoiceField(choices=OUTCOMES)


class Deletions(View):
    needs = {"GET": ("decide_deletion",)}
    pagination_class = Keyset

    @described(
        "deletions_list", "List contributors' requests to be forgotten, latest first",
        answers={200: DeletionOut(many=True)},
    )  # fmt: skip
    def get(self, request: Request) -> Response:
        rows = DeletionRequest.objects.select_related("decision")
        return self.get_paginated_response(DeletionOut(self.page(rows), many=True).data)


class DecideDeletion(View):
    needs = {"POST": ("decide_deletion",)}

    @described(
        "deletions_decide", "Grant a request to be forgotten, which deletes at once, or refuse it",
        request=DecisionIn, answers={200: DeletionOut}, refuses=[404, 409, 413, 415, 422],
        paths={"id": "The request's number."},
    )  # fmt: skip
    def post(self, request: Request, id: int) -> Response:
        made = decide_deletion(number=id, **self.given(DecisionIn), act=act_of(request))
        return Response(DeletionOut(made.request).data)


class LostLetterOut(serializers.Serializer):
    """A letter that the mail server refused, or that a process left behind."""

    id = serializers.IntegerField()
    contributor_id = serializers.CharField()
    kind = serializers.CharField()
    event = serializers.CharField(help_text="What it is about.")
    state = serializers.ChoiceField(choices=LOST)
    error = serializers.CharField(allow_blank=True)


class LostLetters(View):
    needs = {"GET": ("read_letters",)}
    pagination_class = Keyset

    @described(
        "letters_lost", "List letters that could not be sent, latest first", answers={200: LostLetterOut(many=True)}
    )
    def get(self, request: Request) -> Response:
        rows = Message.objects.filter(state__in=LOST)
        return self.get_paginated_response(LostLetterOut(self.page(rows), many=True).data)
