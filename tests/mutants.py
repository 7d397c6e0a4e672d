"""What became of the mutants of the money's core, as docs/mutants.md has it: `python -m tests.mutants` after a run of
`make mutants`."""

import json
from collections.abc import Iterator
from pathlib import Path

from mutmut.stats import status_by_exit_code

ROOT = Path(__file__).resolve().parent.parent
PAGE = ROOT / "docs" / "mutants.md"
BEGIN, END = "<!-- mutants: generated -->", "<!-- /mutants -->"
CAUGHT = {"killed", "timeout", "segfault", "caught by type check"}


def results() -> Iterator[tuple[str, dict[str, str]]]:
    """Of each file: what became of its mutants, by name."""
    for path in sorted((ROOT / "mutants").rglob("*.meta")):
        codes = json.loads(path.read_text())["exit_code_by_key"]
        if codes:
            file = str(path.relative_to(ROOT / "mutants")).removesuffix(".meta")
            yield file, {name: status_by_exit_code[code] for name, code in codes.items()}


def table() -> str:
    lines = ["| file | mutants | caught | survived | caught, % |", "|---|--:|--:|--:|--:|"]
    all_made = all_caught = 0
    for file, found in results():
        if waiting := [name for name, status in found.items() if status == "not checked"]:
            raise SystemExit(f"{len(waiting)} mutants of {file} were not tried: run `make mutants` to its end.")
        made, caught = len(found), sum(status in CAUGHT for status in found.values())
        all_made, all_caught = all_made + made, all_caught + caught
        lines.append(f"| `{file}` | {made} | {caught} | {made - caught} | {100 * caught / made:.1f} |")
    lines.append(f"| all | {all_made} | {all_caught} | {all_made - all_caught} | {100 * all_caught / all_made:.1f} |")
    return "\n".join(lines)


def main() -> None:
    made = table()
    before, _, rest = PAGE.read_text().partition(BEGIN)
    PAGE.write_text(f"{before}{BEGIN}\n\n{made}\n\n{END}{rest.partition(END)[2]}")
    print(made)


if __name__ == "__main__":
    main()
