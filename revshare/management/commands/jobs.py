from argparse import ArgumentParser
from typing import Any

from django.core.management.base import CommandError

from revshare.access.jobs import rights_of
from revshare.errors import NotFound, Refused
from revshare.management import base
from revshare.runs.models import LIVE, Run
from revshare.runs.operations import stop
from revshare.tasks import again, wait

SHOWN = 50


class Command(base.Command):
    help = "What workers are at work on, and were: list jobs, try a failed one again, stop one."

    def arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("action", choices=["list", "retry", "stop"])
        parser.add_argument("job", nargs="?", type=int, help="its number")
        parser.add_argument("--state", choices=["live", "failed", "done"], help="list: only these")
        parser.add_argument("--by", metavar="USER", help="who does it: whoever may ask for the step")
        parser.add_argument("--queue", action="store_true", help="retry: by a worker, whose end is waited for")

    def run(self, options: dict[str, Any]) -> dict[str, Any]:
        if options["action"] == "list":
            return self._list(options["state"])
        if options["job"] is None:
            raise CommandError(f"to {options['action']} needs the number of a job", returncode=2)
        run = Run.objects.filter(pk=options["job"]).first()
        if run is None:
            raise NotFound(f"There is no job {options['job']}: `jobs list` shows those there are.")
        act = base.acting(options["by"], rights_of([run])[run.pk])
        if options["action"] == "stop":
            stop(run_id=run.pk, act=act)
            self.say(f"Job {run.pk} is stopped. What it had finished stays.")
            return {"job": run.pk, "state": Run.State.FAILED}
        made = wait(again(run=run, act=act).pk, watch=self.watcher(), queue=options["queue"])
        if made.error:
            raise Refused(made.error)
        self.say(f"Job {made.pk} did what job {run.pk} was to do.")
        return {"job": made.pk, "state": made.state, "outcome": made.outcome}

    def _list(self, state: str | None) -> dict[str, Any]:
        rows = Run.objects.order_by("-pk")
        if state:
            rows = rows.filter(state__in=LIVE) if state == "live" else rows.filter(state=state)
        jobs = []
        for run in rows[:SHOWN]:
            self.say(f"{run.pk}  {run.state}  {run.step} {run.subject}, by {run.actor}  {run.error}".rstrip())
            jobs.append({"job": run.pk, "state": run.state, "step": run.step, "subject": run.subject,
                         "actor": run.actor, "requested_at": run.requested_at.isoformat(),
                         "error": run.error})  # fmt: skip
        if not jobs:
            self.say("There are no such jobs.")
        return {"jobs": jobs}
