"""Runs: steps that a worker is at work on, or was."""

from types import SimpleNamespace

from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from revshare.access.jobs import rights_of
from revshare.api.access import MayDo, act_of
from revshare.api.base import Filter, Keyset, View, described
from revshare.api.fields import Nothing
from revshare.errors import NotFound
from revshare.runs.models import Run
from revshare.runs.operations import stop
from revshare.tasks import again

STATES = tuple(Run.State.values)


class RunOut(serializers.Serializer):
    """One step on one subject. Poll it until `state` is `done` or `failed`; `error` then says what was wrong."""

    id = serializers.IntegerField()
    subject = serializers.CharField(help_text="`cycle:<key>`, `upload:<id>`, `restatement:<key>` or `verify:all`.")
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
        "subject": Filter("`cycle:<key>`, `upload:<id>`, `restatement:<key>` or `verify:all`."),
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
        return Response(RunOut(_find(id)).data)


def _find(id: int) -> Run:
    run = Run.objects.filter(pk=id).first()
    if run is None:
        raise NotFound(f"There is no run {id}.")
    return run


class OwnRun(View):
    """A run, for whoever may ask for its step."""

    needs = {"POST": ("browse",)}

    def found(self, request: Request, id: int) -> Run:
        self.given(Nothing)
        run, permission = _find(id), MayDo()
        if not permission.has_permission(request, SimpleNamespace(needs={"POST": (rights_of([run])[run.pk],)})):
            self.permission_denied(request, message=permission.message)
        return run


class Retry(OwnRun):
    @described(
        "runs_retry", "Ask again for what a failed run was to do", request=Nothing, answers={202: RunOut},
        refuses=[404, 409, 413, 415, 422], paths={"id": "The run's id."},
    )  # fmt: skip
    def post(self, request: Request, id: int) -> Response:
        run = again(run=self.found(request, id), act=act_of(request))
        return Response(RunOut(run).data, status=202)


class Stop(OwnRun):
    @described(
        "runs_stop", "Stop a run", description="What it had finished stays; it can be asked for again.",
        request=Nothing, answers={200: RunOut}, refuses=[404, 409, 413, 415, 422], paths={"id": "The run's id."},
    )  # fmt: skip
    def post(self, request: Request, id: int) -> Response:
        run = self.found(request, id)
        stop(run_id=run.pk, act=act_of(request))
        return Response(RunOut(_find(id)).data)
