"""The current cycle as a pipeline: of each stage its numbers, how long ago it was or how long it waits, what blocks it,
what to do next, and whose turn that is."""

from collections import Counter
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from django.db.models import Count, Max, Q, Sum
from django.http import HttpRequest
from django.urls import reverse
from django.utils.html import format_html
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext

from revshare.access.rules import may
from revshare.audit_trail.models import Event
from revshare.console.cycle_facts import balance_of, brief_of, statements_of
from revshare.console.doors import person
from revshare.console.runs import doing, last_run
from revshare.console.shown import amount, in_english, role, since, words
from revshare.console.waiting import Waiting
from revshare.cycles.models import Cycle
from revshare.cycles.review import preparers
from revshare.cycles.rules import STATES, reached
from revshare.files.models import IngestedFile
from revshare.money import MICRO_DIGITS, minor_digits
from revshare.payouts.models import PaymentBatch
from revshare.reviews.queries import Standing, standing
from revshare.runs.models import Run
from revshare.statements.queries import PUBLISHED
from revshare.wording import whole

UNFINISHED = 10
OPERATOR, APPROVER, FINANCE = "operator", "approver", "finance"
# Stage: title, the move that ends it, whose turn it is, what the button says.
MOVES = (
    (gettext_lazy("Lock"), "lock", OPERATOR, gettext_lazy("Lock the cycle")),
    (gettext_lazy("Calculate"), "calculate", OPERATOR, gettext_lazy("Calculate it")),
    (gettext_lazy("Review"), "submit", OPERATOR, gettext_lazy("Look at it and submit")),
    (gettext_lazy("Approve"), "approve", APPROVER, gettext_lazy("Look at it and approve")),
    (gettext_lazy("Publish"), "publish", APPROVER, gettext_lazy("Publish the statements")),
)  # fmt: skip
AHEAD = {
    "calculate": gettext_lazy("shares every pool, to the micro"),
    "submit": gettext_lazy("compares it with the cycle before"),
    "approve": gettext_lazy("a second person looks and releases"),
    "publish": gettext_lazy("shows everybody their statement"),
    "pay": gettext_lazy("finance hands a batch to the bank"),
}  # fmt: skip


@dataclass
class Stage:
    """One stage. `state`: done, now, ahead or blocked. `age`: since when it is done, or waits. `turn`: whose it is.
    `hint`: what it will do, of one that lies ahead."""

    title: Any
    state: str
    lines: list[Any] = field(default_factory=list)
    hint: Any = ""
    age: str = ""
    blocked: Any = ""
    turn: str = ""
    mine: bool = False
    next: Any = ""
    url: str = ""


def unfinished_or_last() -> list[Cycle]:
    """The first cycles that are not published yet; where there are none, the last one."""
    last = Cycle.objects.order_by("-starts_at").values("pk")[:1]
    rows = Cycle.objects.select_related("policy").filter(~Q(state__in=PUBLISHED) | Q(pk__in=last))
    found = list(rows.order_by("starts_at")[: UNFINISHED + 1])
    return [cycle for cycle in found if cycle.state not in PUBLISHED][:UNFINISHED] or found


def stages_of(request: HttpRequest, cycle: Cycle, *, waiting: Waiting, at: datetime) -> list[Stage]:
    said = standing(cycle.pk)
    run = last_run(f"cycle:{cycle.key}")
    times = _times(cycle)
    stages = [_files(request, waiting, at)]
    page = reverse("admin:cycle", args=[cycle.key])
    for number, (title, action, who, button) in enumerate(MOVES, 1):
        done = reached(state=cycle.state, goal=STATES[number])
        now = cycle.state == STATES[number - 1]
        stage = Stage(title, "done" if done else "now" if now else "ahead", url=page)
        stage.lines = _lines(action, cycle, said) if done or now else []
        stage.hint = "" if done or now else AHEAD[action]
        stage.age = since(times[action], at) if done else ""
        if now:
            stage.age = _waits(times[MOVES[number - 2][1]], at) if number > 1 else ""
            stage.blocked = _blocked(action, cycle, waiting, said, run)
            stage.turn, stage.next = role(who), button
            stage.mine = _mine(request, action, cycle)
            if stage.blocked:
                stage.state = "blocked"
        stages.append(stage)
    return [*stages, _payment(request, cycle, at)]


def _waits(then: datetime | None, at: datetime) -> str:
    return _("waits %(time)s") % {"time": since(then, at, ago=False)}


def _times(cycle: Cycle) -> dict[str, datetime | None]:
    submitted = Event.objects.filter(object=f"cycle:{cycle.key}", action="cycle.submit").values_list("at", flat=True)
    return {
        "lock": cycle.locked_at, "calculate": cycle.calculated_at, "submit": submitted.first(),
        "approve": cycle.approved_at, "publish": cycle.published_at,
    }  # fmt: skip


def _files(request: HttpRequest, waiting: Waiting, at: datetime) -> Stage:
    facts = IngestedFile.objects.aggregate(count=Count("pk"), rows=Sum("rows_in", default=0), last=Max("loaded_at"))
    stage = Stage(
        _("Files"), "done" if facts["count"] else "now", url=reverse("admin:revshare_ingestedfile_changelist")
    )
    stage.lines = [
        _("%(count)s files") % {"count": whole(facts["count"])}, _("%(count)s rows") % {"count": whole(facts["rows"])},
    ]  # fmt: skip
    stage.age = _("last one %(ago)s") % {"ago": since(facts["last"], at)} if facts["last"] else ""
    if waiting:
        said = ngettext("%(count)s row waits in quarantine", "%(count)s rows wait in quarantine", waiting.count)
        stage.blocked = said % {"count": waiting}
        stage.turn, stage.next, stage.url = role(OPERATOR), _("Decide about the rows"), reverse("admin:quarantine")
        stage.mine = may(roles=person(request).roles, action="quarantine")
    return stage


def _lines(action: str, cycle: Cycle, said: Standing) -> list[Any]:
    if action == "lock":
        return [_("%(first)s to %(last)s") % {"first": f"{cycle.starts_on}", "last": f"{cycle.ends_on}"}]
    if action == "calculate":
        brief = brief_of(cycle)
        if brief is None:
            return []
        counted = ngettext("%(count)s pool", "%(count)s pools", brief.pools) % {"count": whole(brief.pools)}
        return [counted, *(total.to_contributors for total in brief.totals)]
    if action == "submit":
        return _findings(said)
    if action == "approve":
        if cycle.approved_by:
            return [_("by %(person)s") % {"person": cycle.approved_by}]
        return [_("books %(balance)s") % {"balance": balance_of(cycle)}]
    return [_("%(count)s statements") % {"count": whole(statements_of(cycle))}]


def _findings(said: Standing) -> list[str]:
    if not said.blocking:
        return [_("nothing unusual")]
    return [
        ngettext("%(count)s finding", "%(count)s findings", said.blocking) % {"count": said.blocking},
        _("%(count)s overridden") % {"count": said.overridden},
    ]


def _blocked(action: str, cycle: Cycle, waiting: Waiting, said: Standing, run: Run | None) -> Any:
    if run and run.live:
        return _("%(step)s is under way.") % {"step": doing(run)}
    if action == "lock" and waiting:
        rows = ngettext("%(count)s row is in quarantine.", "%(count)s rows are in quarantine.", waiting.count)
        return rows % {"count": waiting}
    if action in ("submit", "approve") and said.stopped:
        return _("An approver stopped it.")
    if action == "approve" and said.open:
        findings = ngettext("%(count)s finding is not overridden.", "%(count)s findings are not overridden.", said.open)
        return findings % {"count": said.open}
    if run and run.step == action and run.state == Run.State.FAILED:
        return format_html("{} {}", _("Refused last time:"), in_english(run.error))
    return ""


def _mine(request: HttpRequest, action: str, cycle: Cycle) -> bool:
    user = person(request)
    second = action in ("approve", "publish")
    return may(roles=user.roles, action=action) and not (second and user.username in preparers(cycle))


def _payment(request: HttpRequest, cycle: Cycle, at: datetime) -> Stage:
    """What was made of the cycle's balances. Batches pay out of the last published cycle."""
    published = cycle.state in PUBLISHED
    stage = Stage(_("Pay"), "ahead", url=reverse("admin:payouts"))
    if not published:
        stage.hint = AHEAD["pay"]
        return stage
    batches = list(PaymentBatch.objects.filter(cycle=cycle))
    if not batches:
        return Stage(
            stage.title, "now", [_("nothing prepared")], age=_waits(cycle.published_at, at), turn=role(FINANCE),
            mine=may(roles=person(request).roles, action="prepare_payouts"), next=_("Prepare payments"), url=stage.url,
        )  # fmt: skip
    states = Counter(batch.state for batch in batches)
    stage.lines = [f"{count} {words(state)}" for state, count in sorted(states.items())]
    stage.lines += [amount(_micros(batch), batch.currency) for batch in batches[:3]]
    stage.state = "now" if states["draft"] or states["approved"] else "done"
    return stage


def _micros(batch: PaymentBatch) -> int:
    return batch.total_minor * 10 ** (MICRO_DIGITS - minor_digits(batch.currency))
