"""What PostgreSQL says that a query did, read by tests of what it must not do."""

import json
from collections.abc import Iterator
from typing import Any


def nodes(plan: dict[str, Any]) -> Iterator[dict[str, Any]]:
    yield plan
    for below in plan.get("Plans", ()):
        yield from nodes(below)


def rows_out_of(explained: str, node_type: str) -> int:
    """How many rows nodes of a type gave in all, such as those that take arrays apart. Of EXPLAIN (ANALYZE, FORMAT
    json); a plan without any such node is no answer."""
    [whole] = json.loads(explained)
    found = [node for node in nodes(whole["Plan"]) if node["Node Type"] == node_type]
    assert found, f"no {node_type} in {explained}"
    return sum(round(node["Actual Rows"] * node["Actual Loops"]) for node in found)
