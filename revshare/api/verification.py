"""Everything computed again: asked for, and what came of it."""

from typing import Any

from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.reverse import reverse

from revshare.api.access import act_of
from revshare.api.base import Keyset, View, described
from revshare.api.fields import Nothing
from revshare.api.runs import RunOut
from revshare.tasks import request_verify
from revshare.verification.models import StoredVerdict


class WrongOut(serializers.Serializer):
    """One thing that is wrong."""

    invariant = serializers.CharField(help_text="The promise that is broken, such as `I16`.")
    where = serializers.CharField()
    what = serializers.CharField()


class VerdictOut(serializers.Serializer):
    """What came of one verification of everything."""

    id = serializers.IntegerField()
    run = serializers.IntegerField(source="run_id")
    asked_at = serializers.DateTimeField()
    asked_by = serializers.CharField()
    clean = serializers.BooleanField(source="is_clean")
    checks = serializers.IntegerField()
    cycles = serializers.IntegerField(help_text="How many were computed again.")
    findings_count = serializers.IntegerField()
    findings = WrongOut(many=True, help_text="The first hundred.")


class Verifications(View):
    needs = {"GET": ("browse",), "POST": ("verify",)}
    pagination_class: Any = Keyset

    @described("verifications_list", "List verdicts, latest first", answers={200: VerdictOut(many=True)})
    def get(self, request: Request) -> Response:
        rows = self.page(StoredVerdict.objects.all())
        return self.get_paginated_response(VerdictOut(rows, many=True).data)

    @described(
        "verifications_create", "Have everything verified",
        description="Asks a worker to compute every cycle again and to check every promise: follow the run. One that "
        "is under way is taken for it.",
        request=Nothing, answers={202: RunOut}, refuses=[413, 415],
    )  # fmt: skip
    def post(self, request: Request) -> Response:
        self.given(Nothing)
        run, _ = request_verify(act=act_of(request))
        place = reverse("api-run", [run.pk], request=request)
        return Response(RunOut(run).data, status=202, headers={"Location": place})
