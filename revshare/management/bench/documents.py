"""Records results in docs/: as JSON, as a picture, and as tables between two marks of docs/performance.md."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from config.instance import ROOT
from revshare.errors import Refused
from revshare.management.bench import picture, tables

DOCS = ROOT / "docs"
BEGIN, END = "<!-- bench: generated -->", "<!-- /bench -->"


def record_run(result: dict[str, Any], *, docs: Path = DOCS) -> None:
    """Records a run; one of the same size and format that is recorded already gives way to it. Raises Refused."""
    key = "-".join(str(result[name]) for name in ("rows", "contributors", "sales", "format"))
    _record("runs", key, result, docs)


def record_growth(result: dict[str, Any], *, docs: Path = DOCS) -> None:
    """The same for a measurement of growth, of which there is one a format."""
    _record("growth", result["format"], result, docs)


def record_methods(result: dict[str, Any], *, docs: Path = DOCS) -> None:
    """The same for what each way of sharing costs, of which there is one measurement."""
    _record("methods", "methods", result, docs)


def _record(kind: str, key: str, result: dict[str, Any], docs: Path) -> None:
    page = docs / "performance.md"
    head, begin, rest = page.read_text(encoding="utf-8").partition(BEGIN)
    _, end, tail = rest.partition(END)
    if not (begin and end):
        raise Refused(f"{page} does not have the marks {BEGIN} and {END}: nothing was recorded.")
    store = docs / "performance.json"
    recorded = json.loads(store.read_text()) if store.exists() else {"runs": {}, "growth": {}}
    recorded.setdefault(kind, {})[key] = result
    store.write_text(json.dumps(recorded, indent=1, sort_keys=False) + "\n")
    runs = sorted(recorded["runs"].values(), key=lambda run: (run["rows"], run["sales"], run["format"]))
    (docs / "performance.svg").write_text(picture.svg([(tables.title(run), run) for run in runs]))
    others = [list(recorded.get(kind, {}).values()) for kind in ("methods", "growth")]
    text = "\n".join(_page(runs, *others))
    page.write_text(f"{head}{BEGIN}\n\n{text}\n{END}{tail}", encoding="utf-8")


def _page(
    runs: list[dict[str, Any]], methods: list[dict[str, Any]], growths: list[dict[str, Any]]
) -> Iterator[str]:  # fmt: skip
    if runs:
        yield "![Seconds of a whole cycle](performance.svg)\n"
    for run in runs:
        yield f"## {tables.title(run)}\n"
        yield "\n".join(tables.contestants(run)) + "\n"
        yield f"{tables.verdict(run)} {tables.second_cycle(run)}".strip() + "\n"
        yield "\n".join(tables.stages(run)) + "\n"
        yield "\n".join(tables.limits(run)) + "\n"
        yield f"On {tables.machine(run)}\n"
    for measured in methods:
        yield f"## {tables.methods_title(measured)}\n"
        yield "\n".join(tables.methods(measured)) + "\n"
        yield f"On {tables.machine(measured)}\n"
    for growth in growths:
        yield f"## {tables.growth_title(growth)}\n"
        yield "\n".join(tables.growth(growth)) + "\n"
