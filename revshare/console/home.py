"""The first page: where the latest cycle is, what waits, what to do next."""

from dataclasses import dataclass
from typing import Any

from django.http import HttpRequest
from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext

from revshare.access.rules import may
from revshare.clock import now
from revshare.console.pipeline import stages_of, unfinished_or_last
from revshare.console.runs import deed, live_runs, names_of, page_of, stage_of
from revshare.console.shown import in_english
from revshare.console.waiting import Waiting, in_quarantine
from revshare.continuity.queries import closed_because
from revshare.cycles.models import Cycle
from revshare.cycles.operations import next_action
from revshare.errors import Refused
from revshare.files.models import IngestedFile
from revshare.policies.models import Policy
from revshare.statements.queries import PUBLISHED
from revshare.verification.nightly import last_verdict

NEXT = {
    "lock": gettext_lazy("Cycle %(key)s is open. An operator locks it"),
    "calculate": gettext_lazy("Cycle %(key)s is locked. An operator calculates it"),
    "submit": gettext_lazy("Cycle %(key)s is calculated. An operator submits it for review"),
    "approve": gettext_lazy("Cycle %(key)s is in review. An approver who did not prepare it approves it"),
    "publish": gettext_lazy("Cycle %(key)s is approved. An approver publishes it"),
}  # fmt: skip


SHOWN_RUNS = 6


@dataclass(frozen=True)
class Next:
    text: str
    url: str
    mine: bool


def dashboard(request: HttpRequest) -> dict[str, Any]:
    at = now()
    listed = unfinished_or_last()
    cycle = listed[0] if listed else None
    unfinished = [each for each in listed if each.state not in PUBLISHED]
    live = live_runs()[:SHOWN_RUNS]
    names = names_of(live)
    runs = [
        {"deed": deed(run, names[run.pk]), "stage": stage_of(run), "actor": run.actor, "url": page_of(run)}
        for run in live
    ]
    waiting = in_quarantine(request)
    return {
        "cycle": cycle, "stages": stages_of(request, cycle, waiting=waiting, at=at) if cycle else [],
        "waiting": waiting, "runs": runs, "closed": _closed(),
        "todo": _todo(request, waiting, cycle, unfinished), "verdict": last_verdict(),
        "may_verify": may(roles=request.user.roles, action="verify"),  # type: ignore[union-attr]
    }  # fmt: skip


def _closed() -> Any:
    """Why this instance may neither publish nor pay; blank if it may."""
    try:
        return in_english(closed_because())
    except Refused as error:
        return in_english(str(error))


def _todo(request: HttpRequest, waiting: Waiting, cycle: Cycle | None, unfinished: list[Cycle]) -> list[Next]:
    """The next thing to do, for whom; the person's own first. Where a cycle is, there is a policy, and its
    first stage says whether there are files; where rows wait, there is one: none of these is asked for."""
    roles = request.user.roles  # type: ignore[union-attr]
    todo = []
    if not cycle and not waiting and not IngestedFile.objects.exists():
        todo.append(Next(_("Take in the first file"), reverse("admin:upload"), may(roles=roles, action="ingest")))
    if not cycle and not Policy.objects.exists():
        todo.append(
            Next(_("Register a policy"), reverse("admin:register-policy"), may(roles=roles, action="register_policy"))
        )
    elif not cycle:
        todo.append(Next(_("Open a cycle"), reverse("admin:open-cycle"), may(roles=roles, action="open_cycle")))
    if waiting:
        rows = ngettext(
            "%(count)s row waits in quarantine: decide", "%(count)s rows wait in quarantine: decide", waiting.count
        )
        todo.append(Next(rows % {"count": waiting}, reverse("admin:quarantine"), may(roles=roles, action="quarantine")))
    for each in unfinished:
        action = next_action(each)
        if action in NEXT:
            text = NEXT[action] % {"key": each.key}
            todo.append(Next(text, reverse("admin:cycle", args=[each.key]), may(roles=roles, action=action)))
    return sorted(todo, key=lambda item: not item.mine)
