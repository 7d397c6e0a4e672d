from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from revshare.clock import now
from revshare.cycles.queries import find
from revshare.errors import Refused
from revshare.lab.candidates import Candidate, drafted, registered
from revshare.lab.csv_file import csv_blocks
from revshare.lab.operations import Comparison, compare
from revshare.lab.report import Mover, Report, decimals, report
from revshare.management import base
from revshare.management.lab_report import lines
from revshare.policies.operations import find as find_policy


class Command(base.Command):
    help = "What a cycle would pay under other policies, beside its own. Nothing is written but the file of --out."

    def arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("key")
        parser.add_argument(
            "--policy", action="append", default=[], metavar="NAME_OR_FILE.toml",
            help="a registered policy (NAME, NAME@VERSION) or a file; give several",
        )  # fmt: skip
        parser.add_argument("--out", type=Path, metavar="FILE.csv", help="what each contributor gets under each")

    def run(self, options: dict[str, Any]) -> dict[str, Any]:
        cycle = find(options["key"])
        others = [_candidate(name) for name in options["policy"]]
        comparison = compare(cycle=cycle, others=others, at=now(), progress=self.progress)
        self.progress("done", 0, 0)
        told = report(comparison)
        for line in lines(told):
            self.say(line)
        if options["out"]:
            _write(comparison, options["out"])
            self.say(f"Written to {options['out']}.")
        return as_json(told) | {"path": str(options["out"]) if options["out"] else None}


def _candidate(name: str) -> Candidate:
    if not name.endswith(".toml"):
        return registered(find_policy(name))
    try:
        return drafted(Path(name).read_bytes())
    except OSError as error:
        raise Refused(f"Cannot read {name}: {error.strerror}.") from None


def _write(comparison: Comparison, target: Path) -> None:
    draft = target.with_name(f"{target.name}.part")
    try:
        with draft.open("wb") as file:
            file.writelines(csv_blocks(comparison))
        draft.replace(target)
    except OSError as error:
        raise Refused(f"Cannot write {target}: {error.strerror}.") from None
    finally:
        draft.unlink(missing_ok=True)


def as_json(told: Report) -> dict[str, Any]:
    """For programs: micros are whole numbers, parts of one are text."""
    return {
        "cycle": told.key, "state": told.state,
        "policies": [
            {"name": rules.name, "sha256": rules.sha256, "registered": rules.is_registered,
             "sentences": rules.sentences}
            for rules in told.rules
        ],
        "currencies": {
            table.currency: [
                {
                    "policy": column.name, "net_micros": column.net_micros,
                    "carried_in_micros": column.carried_in_micros, "contributors": column.spread.contributors,
                    "total_micros": column.spread.total_micros, "median_micros": column.spread.median_micros,
                    **{f"{bucket}_micros": micros for bucket, micros in column.rest.items()},
                    "gini": decimals(column.spread.gini, 6), "top_hundredth": decimals(column.spread.top, 6),
                    "shift": vars(column.shift) if column.shift else None,
                    "gains": [_mover(mover) for mover in column.gains],
                    "losses": [_mover(mover) for mover in column.losses],
                }
                for column in table.columns
            ]
            for table in told.tables
        },
    }  # fmt: skip


def _mover(mover: Mover) -> dict[str, Any]:
    return vars(mover) | {"difference_micros": mover.difference_micros}
