"""The first page: where the latest cycle is, what waits, what to do next."""

from dataclasses import dataclass
from typing import Any

from django.db.models import Count, Sum
from django.http import HttpRequest
from django.urls import reverse

from revshare.access.rules import may
from revshare.console.cycle_facts import Facts, facts_of
from revshare.console.runs import doing, live_runs, page_of, stage_of
from revshare.console.shown import amount
from revshare.console.waiting import Waiting, in_quarantine
from revshare.continuity.queries import closed_because
from revshare.cycles.models import Cycle
from revshare.cycles.operations import next_action
from revshare.errors import Refused
from revshare.files.models import IngestedFile
from revshare.policies.models import Policy
from revshare.verification.nightly import last_verdict

WHO = {
    "lock": "An operator locks it", "calculate": "An operator calculates it",
    "submit": "An operator submits it for review",
    "approve": "An approver who did not prepare it approves it", "publish": "An approver publishes it",
}  # fmt: skip


@dataclass(frozen=True)
class Step:
    """One box of the pipeline: a title, what is true of it, and where its records are."""

    title: str
    lines: list[Any]
    done: bool
    url: str


@dataclass(frozen=True)
class Next:
    text: str
    url: str
    mine: bool


def dashboard(request: HttpRequest) -> dict[str, Any]:
    cycle = Cycle.objects.select_related("policy").first()
    facts = facts_of(cycle) if cycle else None
    runs = [
        {"doing": doing(run), "subject": run.subject.partition(":")[2], "stage": stage_of(run), "actor": run.actor,
         "url": page_of(run)}
        for run in live_runs()
    ]  # fmt: skip
    waiting = in_quarantine()
    return {
        "cycle": cycle, "steps": _pipeline(cycle, facts), "waiting": waiting, "runs": runs,
        "todo": _todo(request, waiting), "closed": _closed(), "verdict": last_verdict(),
    }  # fmt: skip


def _closed() -> str:
    """Why this instance may neither publish nor pay; blank if it may."""
    try:
        return closed_because()
    except Refused as error:
        return str(error)


def _pipeline(cycle: Cycle | None, facts: Facts | None) -> list[Step]:
    files = IngestedFile.objects.aggregate(count=Count("pk"), rows=Sum("rows_in", default=0))
    steps = [
        Step(
            "Files", [f"{files['count']:,} files", f"{files['rows']:,} rows"], bool(files["count"]),
            reverse("admin:revshare_ingestedfile_changelist"),
        )
    ]  # fmt: skip
    if cycle is None:
        return steps
    mine = f"?cycle={cycle.pk}"
    done = facts is not None
    blank: list[Any] = ["not yet"]
    return [
        *steps,
        Step("Pools", _sums(facts) if facts else blank, done, _records("pool", mine)),
        Step(
            "Allocation", [f"{facts.statements:,} contributors", *facts.suspended] if facts else blank, done,
            _records("allocation", mine),
        ),
        Step(
            "Ledger", [f"journal {facts.journal.seq}" if facts.journal else "nothing to post", facts.balance]
            if facts else blank, done, _records("leg", f"?cycle={cycle.pk}"),
        ),
        Step("Statements", [f"{facts.statements:,} statements"] if facts else blank, done, _records("statement", mine)),
    ]  # fmt: skip


def _records(model: str, query: str) -> str:
    return reverse(f"admin:revshare_{model}_changelist") + query


def _sums(facts: Facts) -> list[Any]:
    count = len(facts.pools)
    return [f"{count:,} pool{'' if count == 1 else 's'}", *(amount(t.distributable, t.currency) for t in facts.totals)]


def _todo(request: HttpRequest, waiting: Waiting) -> list[Next]:
    """The next thing to do, for whom; the person's own first."""
    roles = request.user.roles  # type: ignore[union-attr]
    todo = []
    if not IngestedFile.objects.exists():
        todo.append(Next("Take in the first file", reverse("admin:upload"), may(roles=roles, action="ingest")))
    if not Policy.objects.exists():
        todo.append(
            Next("Register a policy", reverse("admin:register-policy"), may(roles=roles, action="register_policy"))
        )
    elif not Cycle.objects.exists():
        todo.append(Next("Open a cycle", reverse("admin:open-cycle"), may(roles=roles, action="open_cycle")))
    if waiting:
        rows = f"{waiting} row{'s wait' if waiting.many else ' waits'} in quarantine: decide"
        todo.append(Next(rows, reverse("admin:quarantine"), may(roles=roles, action="quarantine")))
    unfinished = Cycle.objects.exclude(state__in=["published", "settled"]).order_by("starts_at")
    for cycle in unfinished[:10]:
        action = next_action(cycle)
        if action in WHO:
            text = f"Cycle {cycle.key} is {cycle.get_state_display().replace('_', ' ')}. {WHO[action]}"
            todo.append(Next(text, reverse("admin:cycle", args=[cycle.key]), may(roles=roles, action=action)))
    return sorted(todo, key=lambda item: not item.mine)
