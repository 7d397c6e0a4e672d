"""Runs: steps that a worker is at work on, or was."""

from typing import Any

from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from revshare.api.base import Filter, Keyset, View, described
from revshare.errors import NotFound
from revshare.runs.models import Run

STATES = tuple(Run.State.values)


class RunOut(serializers.Serializer):
    """One step on one subject. Poll it until `state` is `done` or `failed`; `error` then says what was wrong."""

    id = serializers.IntegerField()
    subject = serializers.CharField(help_text="`cycle:<key>`, `upload:<id>` or `restatement:<key>`.")
    step = serializers.CharField(help_text="ingest, lock, calculate, publish, prove, restate or verify.")
    state = serializers.ChoiceField(choices=STATES)
    stage = serializers.CharField(help_text="What it is doing now.")
    progress_done = serializers.IntegerField()
    progress_total = serializers.IntegerField(help_text="0 while it is not known.")
    error = serializers.CharField(help_text="A sentence for a person; empty if nothing went wrong.")
    outcome = serializers.JSONField(help_text="What came of it: the file's id, the state and digest of the cycle, …")
    actor = serializers.CharField()
    requested_at = serializers.DateTimeField()
    started_at = serializers.DateTimeField(allow_null=True)
    finished_at = serializers.DateTimeField(allow_null=True)
    attempts = serializers.IntegerField(help_text="More than 1: a worker died and another went on.")


def last_runs(subjects: list[str]) -> dict[str, Run]:
    """The latest run of each subject."""
    return {run.subject: run for run in Run.objects.filter(subject__in=subjects).order_by("pk")}


class Runs(View):
    needs = {"GET": ("browse",)}
    pagination_class = Keyset
    filters = {
        "subject": Filter("`cycle:<key>`, `upload:<id>` or `restatement:<key>`."),
        "state": Filter("Only runs in this state.", choices=STATES),
    }

    @described("runs_list", "List runs, latest first", answers={200: RunOut(many=True)}, filters=filters)
    def get(self, request: Request) -> Response:
        rows = self.page(Run.objects.filter(**self.chosen))
        return self.get_paginated_response(RunOut(rows, many=True).data)


class OneRun(View):
    needs = {"GET": ("browse",)}

    @described("runs_read", "See how far a run is", answers={200: RunOut}, refuses=[404], paths={"id": "The run's id."})
    def get(self, request: Request, id: int) -> Response:
        run: Any = Run.objects.filter(pk=id).first()
        if run is None:
            raise NotFound(f"There is no run {id}.")
        return Response(RunOut(run).data)
