from argparse import ArgumentParser
from dataclasses import asdict
from pathlib import Path
from typing import Any

from django.core.management.base import CommandError

from revshare.audit_trail.operations import Act
from revshare.cycles import operations as cycles
from revshare.cycles.models import Cycle
from revshare.cycles.queries import find
from revshare.cycles.review import decide_finding, difference_csv, make_review
from revshare.cycles.rules import reached
from revshare.cycles.summary import summarise
from revshare.errors import Refused
from revshare.management import base
from revshare.management.report import lines
from revshare.management.review_report import review_lines
from revshare.periods import PeriodError, parse_period
from revshare.policies.models import Policy
from revshare.policies.operations import find as find_policy
from revshare.reviews.models import OVERRIDE, STOP
from revshare.reviews.operations import DONE, check_not_concerned
from revshare.reviews.queries import findings_of, standing
from revshare.tasks import request_cycle_step, wait

ACTIONS = ("lock", "calculate", "submit", "approve", "publish")
DECISIONS = (OVERRIDE, STOP)


class Command(base.Command):
    help = "Open a cycle, move it on by one step, show its numbers, review it, decide about what a review found."

    def arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("action", choices=["open", *ACTIONS, "show", "review", *DECISIONS])
        parser.add_argument("key")
        parser.add_argument("finding", nargs="?", type=int, help="the number of what a review found")
        parser.add_argument("--reason", default="", help="why a finding is overridden, or the cycle stopped for it")
        parser.add_argument("--csv", metavar="PATH", help="with review: what everybody earns beside the cycle before")
        parser.add_argument("--by", metavar="USER", help="who does it")
        parser.add_argument("--accept-quarantine", default="", metavar="REASON", help="lock with rows in quarantine")
        parser.add_argument("--queue", action="store_true", help="let a worker do it, and wait")
        period_arguments(parser, required=False)

    def run(self, options: dict[str, Any]) -> dict[str, Any]:
        if options["action"] == "open":
            return self._open(options)
        if options["action"] == "review":
            return self._review(options)
        if options["action"] in DECISIONS:
            return self._decide(options)
        before = find(options["key"])
        if options["action"] == "show":
            summary = summarise(before)
            for line in lines(summary):
                self.say(line)
            return describe(before) | {"opted_out": [asdict(out) for out in summary.opted_out], "no_op": True}
        cycle = step(
            self, action=options["action"], key=options["key"], by=options["by"],
            accept_quarantine=options["accept_quarantine"], queue=options["queue"],
        )  # fmt: skip
        no_op = before.state == cycle.state
        self.say(f"Cycle {cycle.key} is {'already ' if no_op else ''}{cycle.state}.")
        return describe(cycle) | {"no_op": no_op}

    def _review(self, options: dict[str, Any]) -> dict[str, Any]:
        review = make_review(key=options["key"], act=base.acting(options["by"], "browse"))
        found = list(findings_of(review.cycle_id))
        for line in review_lines(review, found):
            self.say(line)
        if options["csv"]:
            with Path(options["csv"]).open("wb") as file:
                file.writelines(difference_csv(key=options["key"]))
        return {
            "cycle": options["key"], "before": review.before.key if review.before else None,
            "result_digest": review.result_digest, "differences": review.facts["differences"],
            "pools": review.facts["pools"], "open": standing(review.cycle_id).open,
            "findings": [
                {name: getattr(item, name) for name in (
                    "number", "rule", "subject", "currency", "blocks", "says", "decision", "reason", "decided_by")}
                for item in found
            ],
        }  # fmt: skip

    def _decide(self, options: dict[str, Any]) -> dict[str, Any]:
        if options["finding"] is None:
            raise CommandError(f"`cycle {options['action']} KEY` needs the number of a finding", returncode=2)
        act = base.acting(options["by"], "decide_finding", why=options["reason"])
        cycle = find(options["key"])
        if options["by"] is not None:
            own = base.person(options["by"]).contributor_id
            check_not_concerned(cycle_id=cycle.pk, number=options["finding"], contributor_id=own)
        decide_finding(key=cycle.key, number=options["finding"], action=options["action"], act=act)
        left = standing(cycle.pk).open
        self.say(f"Finding {options['finding']}: {DONE[options['action']]}. {left} still block{'s' * (left == 1)}.")
        return {"cycle": cycle.key, "finding": options["finding"], "open": left}

    def _open(self, options: dict[str, Any]) -> dict[str, Any]:
        if missing := [name for name in ("start", "end", "timezone", "policy") if not options[name]]:
            raise CommandError(f"opening a cycle needs {', '.join(f'--{name}' for name in missing)}", returncode=2)
        act = base.acting(options["by"], "open_cycle")
        cycle, new = open_cycle(options, policy=find_policy(options["policy"]), act=act)
        self.say(f"Cycle {cycle.key} is {'open' if new else f'there already, {cycle.state}'}.")
        return describe(cycle) | {"no_op": not new}


def period_arguments(parser: ArgumentParser, *, required: bool) -> None:
    """What says which cycle to open."""
    parser.add_argument("--start", required=required, metavar="YYYY-MM-DD", help="first day")
    parser.add_argument("--end", required=required, metavar="YYYY-MM-DD", help="the day after the last")
    parser.add_argument("--timezone", required=required, metavar="ZONE", help="such as Europe/London")
    parser.add_argument("--policy", metavar="NAME", help="NAME (latest version) or NAME@VERSION")


def open_cycle(options: dict[str, Any], *, policy: Policy, act: Act) -> tuple[Cycle, bool]:
    """Opens the cycle that the arguments describe. Raises Refused."""
    try:
        period = parse_period(options["start"], options["end"], options["timezone"])
    except PeriodError as error:
        raise Refused(f"{str(error).rstrip('.')}.", code="period_invalid") from None
    return cycles.open_cycle(key=options["key"], period=period, policy=policy, act=act)


def describe(cycle: Cycle) -> dict[str, Any]:
    return {
        "key": cycle.key, "state": cycle.state, "input_digest": cycle.input_digest,
        "result_digest": cycle.result_digest,
    }  # fmt: skip


def step(
    command: base.Command, *, action: str, key: str, by: str | None, accept_quarantine: str = "", queue: bool = False
) -> Cycle:
    """Makes one move, in this process or by a worker, and returns the cycle after it. Raises Refused."""
    cycle = find(key)
    target = cycles.MOVES[action].target
    act = base.acting(by, action)
    if action == "approve" and by is not None:
        cycles.check_not_payee(cycle, base.person(by).contributor_id)
    if reached(state=cycle.state, goal=target):
        return cycle
    if action in ("submit", "approve"):
        return {"submit": cycles.submit, "approve": cycles.approve}[action](key=key, act=act)
    run, _ = request_cycle_step(
        step=action, key=key, act=act, queue=queue, accept_quarantine=accept_quarantine, progress=command.progress
    )
    run = wait(run.pk, watch=command.watcher(), queue=queue)
    command.progress("done", 0, 0)
    if run.error:
        raise Refused(run.error)
    return find(key)
