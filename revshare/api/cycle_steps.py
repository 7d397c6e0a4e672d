"""Moves of a cycle: by a worker (lock, calculate, publish) or at once (submit, approve)."""

from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.reverse import reverse

from revshare.api.access import act_of, user_of
from revshare.api.base import View, described
from revshare.api.cycles import KEY, CycleWithPools, represent_whole
from revshare.api.errors import Busy
from revshare.api.fields import DIGEST, FREE_TEXT, Input, Nothing, Text
from revshare.cycles import operations as cycles
from revshare.cycles.models import Cycle
from revshare.cycles.queries import find
from revshare.cycles.rules import MOVES, STATES, reached
from revshare.errors import Conflict
from revshare.runs.models import Run
from revshare.tasks import request_cycle_step

REFUSES = (404, 409, 413, 415, 422)
BY_WORKER = (
    "A worker does it: 202 with the run to follow, 200 if it is done already (`run` is the one that did it), 409 with "
    "code `busy` and the same run if somebody has just started it, 409 with code `conflict` if the cycle is in another "
    "state than this needs."
)


class LockIn(Input):
    """How to lock while rows are in quarantine."""

    accept_quarantine = Text(
        FREE_TEXT, meant="text without control characters", max_length=2000, required=False, default="",
        allow_blank=True,
        help_text="The reason to lock although rows are in quarantine; it is signed into the audit trail.",
    )  # fmt: skip


class ApproveIn(Input):
    """What is approved."""

    digest = Text(DIGEST, meant="the 64 hexadecimal digits of result_digest",
                  help_text="The cycle's `result_digest` that was looked at.")  # fmt: skip


class StepStarted(serializers.Serializer):
    """Where to follow a step."""

    cycle = serializers.CharField()
    step = serializers.CharField()
    state = serializers.ChoiceField(choices=STATES, help_text="Of the cycle, when this was answered.")
    run = serializers.IntegerField(allow_null=True, help_text="See `runs/{id}/`. Null if no run is on record.")


def ready(key: str, action: str) -> tuple[Cycle, bool]:
    """The cycle, and whether this move of it is done already. Raises Conflict unless it is the next one."""
    cycle, move = find(key), MOVES[action]
    if reached(state=cycle.state, goal=move.target):
        return cycle, True
    if cycle.state != move.source:
        raise Conflict(f"Cycle {key} is {cycle.state}; to {action} it, it must be {move.source}.")
    return cycle, False


class WorkerStep(View):
    action: str

    def start(self, request: Request, key: str, *, accept_quarantine: str = "") -> Response:
        cycle, done = ready(key, self.action)
        if done:
            run = Run.objects.filter(subject=f"cycle:{key}", step=self.action).order_by("-pk").first()
            return self._answer(request, cycle, run, 200)
        run, new = request_cycle_step(
            step=self.action, key=key, act=act_of(request), queue=True, accept_quarantine=accept_quarantine
        )
        if not new:
            raise Busy(f"{run.actor} has asked to {self.action} cycle {key} already: follow run {run.pk}.", run=run.pk)
        return self._answer(request, cycle, run, 202)

    def _answer(self, request: Request, cycle: Cycle, run: Run | None, status: int) -> Response:
        body = {"cycle": cycle.key, "step": self.action, "state": cycle.state, "run": run.pk if run else None}
        headers = {"Location": reverse("api-run", [run.pk], request=request)} if run and status == 202 else {}
        return Response(body, status=status, headers=headers)


class Lock(WorkerStep):
    needs = {"POST": ("lock",)}
    action = "lock"

    @described(
        "cycles_lock", "Close a cycle over its sales", description=f"No sale enters it from then on. {BY_WORKER}",
        request=LockIn, answers={202: StepStarted, 200: StepStarted}, refuses=REFUSES, paths=KEY,
    )  # fmt: skip
    def post(self, request: Request, key: str) -> Response:
        return self.start(request, key, accept_quarantine=self.given(LockIn)["accept_quarantine"])


class Calculate(WorkerStep):
    needs = {"POST": ("calculate",)}
    action = "calculate"

    @described(
        "cycles_calculate", "Calculate a locked cycle", description=f"Pools, allocations, statements. {BY_WORKER}",
        request=Nothing, answers={202: StepStarted, 200: StepStarted}, refuses=REFUSES, paths=KEY,
    )  # fmt: skip
    def post(self, request: Request, key: str) -> Response:
        self.given(Nothing)
        return self.start(request, key)


class Publish(WorkerStep):
    needs = {"POST": ("publish",)}
    action = "publish"

    @described(
        "cycles_publish", "Show the statements of an approved cycle to their contributors", description=BY_WORKER,
        request=Nothing, answers={202: StepStarted, 200: StepStarted}, refuses=REFUSES, paths=KEY,
    )  # fmt: skip
    def post(self, request: Request, key: str) -> Response:
        self.given(Nothing)
        return self.start(request, key)


class Submit(View):
    needs = {"POST": ("submit",)}

    @described(
        "cycles_submit", "Hand a calculated cycle to an approver", request=Nothing, answers={200: CycleWithPools},
        refuses=REFUSES, paths=KEY,
    )  # fmt: skip
    def post(self, request: Request, key: str) -> Response:
        self.given(Nothing)
        ready(key, "submit")
        return Response(represent_whole(cycles.submit(key=key, act=act_of(request))))


class Approve(View):
    needs = {"POST": ("approve",)}

    @described(
        "cycles_approve", "Release a cycle as a second person",
        description="Bound to the result that was looked at: 409 if `digest` is not the cycle's. 403 for whoever "
        "prepared it or is paid by it.",
        request=ApproveIn, answers={200: CycleWithPools}, refuses=REFUSES, paths=KEY,
    )  # fmt: skip
    def post(self, request: Request, key: str) -> Response:
        digest = self.given(ApproveIn)["digest"]
        cycle, _ = ready(key, "approve")
        cycles.check_not_payee(cycle, user_of(request).contributor_id)
        cycle = cycles.approve(key=key, act=act_of(request), digest=digest)
        if cycle.approved_digest != digest:
            raise Conflict(f"Cycle {key} was approved with another result ({cycle.approved_digest[:16]}…).")
        return Response(represent_whole(cycle))
