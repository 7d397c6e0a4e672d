"""Every promise I1 to I30 has a defect, made on purpose, which `verify` names or the database refuses: here is where."""

import ast
from importlib import import_module
from pathlib import Path

import pytest

HERE = Path(__file__).parent
ROOT = HERE.parent.parent
PROMISES = [f"I{number}" for number in range(1, 31)]
# Defects that no row shows afterwards: what is broken on purpose, or tried, in the test of this name.
TRIED = {
    "I17": "tests/test_apportion.py::test_i17_order_of_rows_does_not_matter_once_sorted_by_id",
    "I18": "tests/attacks/test_functions.py::test_a_second_partition_for_the_same_cycle_is_refused",
    "I27": "tests/payouts/test_batches.py::test_the_register_repeats_and_is_safe_to_open",
    "I30": "tests/portal/test_access.py::test_anothers_a_draft_and_an_unknown_statement_are_the_same_404",
}


def seeded() -> dict[str, set[str]]:
    """By promise: the defects that `verify` names, of every module of this folder."""
    found: dict[str, set[str]] = {}
    for path in HERE.glob("test_*.py"):
        if path.name == Path(__file__).name:
            continue
        module = import_module(f"tests.verification.{path.stem}")
        for table in ("DEFECTS", "TWO_LINES"):
            for what, (_, named, *_) in getattr(module, table, {}).items():
                for promise in {named} if isinstance(named, str) else named:
                    found.setdefault(promise, set()).add(f"{path.stem}: {what}")
    return found


@pytest.mark.parametrize("promise", PROMISES)
def test_a_promise_is_broken_on_purpose_and_the_breach_is_caught(promise: str) -> None:
    if promise in TRIED:
        path, _, name = TRIED[promise].partition("::")
        functions = ast.walk(ast.parse((ROOT / path).read_text()))
        assert name in {item.name for item in functions if isinstance(item, ast.FunctionDef)}
    else:
        assert seeded().get(promise), f"no defect is made on purpose that {promise} names"
