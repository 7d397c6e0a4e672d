import sys
from argparse import ArgumentParser, ArgumentTypeError, BooleanOptionalAction
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

from config.instance import ROOT, one_at_a_time
from revshare.management import plain
from revshare.management.bench import documents, growth, inputs, methods, peers, race, tables
from revshare.management.bench.race import Plan

T = TypeVar("T")


class Command(plain.Command):
    help = "Compare a whole cycle with an analyst's scripts, side by side; exit 1 if they do not agree."

    def arguments(self, parser: ArgumentParser) -> None:
        count = argument(inputs.count)
        parser.add_argument("--rows", type=count, default=1_000_000, help="attributions, such as 10M (default: 1M)")
        parser.add_argument("--contributors", type=count, default=100_000, help="default: 100k")
        parser.add_argument("--sales", type=count, default=100_000, help="default: 100k")
        parser.add_argument("--seed", type=int, default=7)
        parser.add_argument("--runs", type=count, default=3, help="default: 3; figures are medians")
        parser.add_argument("--format", choices=inputs.FORMATS, default="csv", help="of attributions and sales")
        parser.add_argument("--peers", default="duckdb,pandas", help=f"of {','.join(peers.SCRIPTS)}; may be empty")
        parser.add_argument("--work", type=Path, default=ROOT / "var" / "bench", help="default: var/bench")
        parser.add_argument(
            "--stages", action=BooleanOptionalAction, default=True, help="measure the limits of single stages too"
        )
        parser.add_argument("--second-cycle", action="store_true", help="a month later, on the same manifests, too")
        parser.add_argument(
            "--growth", type=argument(sizes), metavar="SIZE,…",
            help="instead: one run at each ROWS:CONTRIBUTORS:SALES, and how the time of each stage grows",
        )  # fmt: skip
        parser.add_argument(
            "--methods", action=BooleanOptionalAction, default=True, help="what each way of sharing costs, too"
        )
        parser.add_argument("--only-methods", action="store_true", help="instead: only that")
        parser.add_argument("--write-docs", action="store_true", help="record the result in docs/")

    def run(self, options: dict[str, Any]) -> dict[str, Any]:
        plan = Plan(
            size=inputs.Size(options["rows"], options["contributors"], options["sales"], options["seed"]),
            format=options["format"], runs=options["runs"], peers=peers.chosen(options["peers"]),
            work=options["work"].absolute(), with_limits=options["stages"], second_cycle=options["second_cycle"],
        )  # fmt: skip
        # Two at once would measure each other.
        with one_at_a_time(plan.work / "bench.lock"):
            if options["only_methods"]:
                self.agree = True
                return self._methods(plan, options)
            result = self._growth(plan, options["growth"]) if options["growth"] else self._run(plan)
            if options["methods"] and not options["growth"]:
                result["methods"] = self._methods(plan, options)
        for failure in result["failures"]:
            self.stderr.write(failure)
        self.agree = result["agree"]
        if options["write_docs"] and self.agree:
            (documents.record_growth if options["growth"] else documents.record_run)(result)
        return result

    def _run(self, plan: Plan) -> dict[str, Any]:
        result = race.run(plan, self.say)
        self._show(
            tables.title(result), *tables.contestants(result), "", *tables.stages(result), "",
            *tables.limits(result), "",
            tables.second_cycle(result), tables.verdict(result),
        )  # fmt: skip
        return result

    def _methods(self, plan: Plan, options: dict[str, Any]) -> dict[str, Any]:
        result = methods.run(plan, self.say)
        self._show(tables.methods_title(result), *tables.methods(result))
        if options["write_docs"]:
            documents.record_methods(result)
        return result

    def _growth(self, plan: Plan, sizes: list[inputs.Size]) -> dict[str, Any]:
        result = growth.run(plan, sizes, self.say)
        self._show(tables.growth_title(result), *tables.growth(result))
        return result

    def _show(self, *lines: str) -> None:
        for line in ("", *lines):
            self.say(line)

    def handle(self, *args: Any, **options: Any) -> None:
        super().handle(*args, **options)
        if not self.agree:
            sys.exit(1)


def sizes(text: str) -> list[inputs.Size]:
    """`1M:100k:100k,10M:1M:1M`. Raises ValueError."""
    return [inputs.size(part) for part in text.split(",")]


def argument(parse: Callable[[str], T]) -> Callable[[str], T]:
    """A parser for argparse, which says itself what a ValueError does not."""

    def parsed(text: str) -> T:
        try:
            return parse(text)
        except ValueError:
            raise ArgumentTypeError(f"{text!r} is not such a number, or numbers: 10M, 100k, 1234") from None

    return parsed
