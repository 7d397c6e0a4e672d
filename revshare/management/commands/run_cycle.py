from argparse import ArgumentParser, ArgumentTypeError
from dataclasses import asdict
from pathlib import Path
from typing import Any

from django.core.management.base import CommandError

from revshare.audit_trail.operations import Act
from revshare.cycles.models import Cycle
from revshare.cycles.rules import reached
from revshare.errors import NotFound, Refused
from revshare.exports.operations import EXPORTS, USUAL, write
from revshare.files import uploads
from revshare.files.models import IngestedFile
from revshare.ingest.operations import find_files, ingest
from revshare.ingest.side_by_side import ingest_all, worth_it
from revshare.lake import sha256_of
from revshare.management import base
from revshare.management.commands import cycle as cycle_command
from revshare.management.commands import ingest as ingest_command
from revshare.management.timings import StageClock
from revshare.policies.models import Policy
from revshare.policies.operations import find as find_policy
from revshare.policies.operations import register
from revshare.progress import Progress
from revshare.tasks import request_step, wait

PREPARING = ("lock", "calculate")
RELEASING = ("submit", "approve", "publish")


class Command(base.Command):
    help = "Run a cycle from files to published statements. What is done already is found done."

    def arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("key")
        cycle_command.period_arguments(parser, required=True)
        parser.add_argument(
            "--until", choices=["calculated", "published"], help="default: published if --approved-by is given"
        )
        parser.add_argument("--prepared-by", metavar="USER", help="an operator")
        parser.add_argument("--approved-by", metavar="USER", help="an approver, another person")
        parser.add_argument("--from", dest="folder", type=Path, metavar="DIR", help="first ingest the files there")
        parser.add_argument("--export", type=Path, metavar="DIR", help="write exports as CSV there")
        parser.add_argument(
            "--exports", type=export_kinds, default=list(USUAL), metavar="KIND,…",
            help=f"which of {', '.join(EXPORTS)} (default: {', '.join(USUAL)})",
        )  # fmt: skip
        parser.add_argument("--accept-quarantine", default="", metavar="REASON", help="lock with rows in quarantine")
        parser.add_argument("--one-by-one", action="store_true", help="take in large files one after the other")
        parser.add_argument("--queue", action="store_true", help="let a worker run the steps, and wait")
        parser.add_argument(
            "--timings", action="store_true", help="tell the seconds of each stage in --json (of this process alone)"
        )

    def run(self, options: dict[str, Any]) -> dict[str, Any]:
        self.clock = StageClock()
        until = options["until"] or ("published" if options["approved_by"] else "calculated")
        if until == "published" and not (options["prepared_by"] and options["approved_by"]):
            raise CommandError(
                "publishing takes two people: name them with --prepared-by and --approved-by", returncode=2
            )
        act = base.acting(options["prepared_by"], "open_cycle")
        if options["approved_by"]:
            base.acting(options["approved_by"], "approve")
        files = self._ingest(options["folder"], act, options) if options["folder"] else []
        with self.clock.step("open"):
            cycle, _ = cycle_command.open_cycle(options, policy=self._policy(options, act), act=act)
        state = cycle.state
        cycle = self._steps(cycle, until, options)
        result = cycle_command.describe(cycle) | {"no_op": state == cycle.state, "files": files}
        if result["no_op"]:
            self.say(f"Cycle {cycle.key} is {cycle.state} already: nothing was done.")
        if options["export"]:
            result["exports"] = self._export(cycle, options["export"], options["exports"])
        if options["timings"]:
            result["timings"] = [asdict(span) for span in self.clock.spans]
        return result

    def progress(self, stage: str, done: int, total: int) -> None:
        self.clock.note(stage)
        super().progress(stage, done, total)

    def _ingest(self, folder: Path, act: Act, options: dict[str, Any]) -> list[dict[str, Any]]:
        found = find_files(folder)
        if not options["queue"] and not options["one_by_one"] and worth_it(found):
            return self._ingest_side_by_side(found, act)
        reports = []
        for kind, path in found:
            self.say(f"Taking in {path.name} …")
            before = IngestedFile.objects.order_by("-pk").values_list("pk", flat=True).first() or 0
            with self.clock.step(kind):
                file = self._by_worker(kind, path, act) if options["queue"] else ingest(
                    kind=kind, path=path, act=act, progress=self.progress
                ).file  # fmt: skip
            reports.append(self._told(file, seen=file.pk <= before))
        return reports

    def _ingest_side_by_side(self, found: list[tuple[str, Path]], act: Act) -> list[dict[str, Any]]:
        """Their stages overlap, so only the whole has a time."""
        self.say(f"Taking in {', '.join(path.name for _, path in found)} …")
        with self.clock.step("ingest"):
            done = list(ingest_all(files=found, act=act, progress_of=self._progress_of))
        return [self._told(report.file, seen=report.seen_before) for _, _, report in done]

    def _progress_of(self, kind: str) -> Progress:
        return lambda stage, done, total: base.Command.progress(self, f"{kind}: {stage}", done, total)

    def _told(self, file: IngestedFile, *, seen: bool) -> dict[str, Any]:
        report = ingest_command.describe(file) | {"no_op": seen}
        self.say("  " + ("these bytes are in already; nothing was done" if seen else ingest_command.sentence(report)))
        return report

    def _by_worker(self, kind: str, path: Path, act: Act) -> IngestedFile:
        try:
            if known := IngestedFile.objects.filter(kind=kind, sha256=sha256_of(path)).first():
                return known
            with path.open("rb") as file:
                upload = uploads.receive(
                    kind=kind, name=path.name, chunks=iter(lambda: file.read(1 << 20), b""), act=act
                )
        except OSError as error:
            raise Refused(f"Cannot read {path}: {error.strerror}.") from None
        run, _ = request_step(
            step="ingest", subject=f"upload:{upload.pk}", act=act, request={"upload": upload.pk}, queue=True
        )
        run = wait(run.pk, watch=self.watcher(), queue=True)
        if run.error:
            raise Refused(run.error)
        return IngestedFile.objects.get(pk=run.outcome["file"])

    def _policy(self, options: dict[str, Any], act: Act) -> Policy:
        shipped = None
        if options["folder"] and (path := options["folder"] / "policy.toml").exists():
            shipped, new = register(content=path.read_bytes(), act=act)
            self.say(f"Policy {shipped.name} {shipped.version} is {'' if new else 'already '}registered.")
        if options["policy"]:
            return find_policy(options["policy"])
        if shipped is None:
            raise NotFound("Say which policy: --policy NAME, or policy.toml in the folder of --from.")
        return shipped

    def _steps(self, cycle: Cycle, until: str, options: dict[str, Any]) -> Cycle:
        for action in PREPARING + (RELEASING if until == "published" else ()):
            if reached(state=cycle.state, goal=until):
                break
            by = options["approved_by" if action in ("approve", "publish") else "prepared_by"]
            before = cycle.state
            with self.clock.step(action):
                cycle = cycle_command.step(
                    self, action=action, key=cycle.key, by=by, accept_quarantine=options["accept_quarantine"],
                    queue=options["queue"],
                )  # fmt: skip
            if cycle.state != before:
                self.say(f"Cycle {cycle.key} is {cycle.state.replace('_', ' ')}.")
        return cycle

    def _export(self, cycle: Cycle, folder: Path, kinds: list[str]) -> dict[str, str]:
        written = {}
        for kind in kinds:
            target = folder / f"{kind}.csv"
            with self.clock.step(f"export {kind}"):
                rows = write(kind=kind, cycle_id=cycle.pk, format="csv", target=target)
            self.say(f"{rows:,} rows written to {target}.")
            written[kind] = str(target)
        return written


def export_kinds(text: str) -> list[str]:
    """`payouts,journal` as a list of kinds."""
    kinds = text.split(",")
    if unknown := [kind for kind in kinds if kind not in EXPORTS]:
        raise ArgumentTypeError(f"there is no export {', '.join(unknown)}; there are {', '.join(EXPORTS)}")
    return kinds
