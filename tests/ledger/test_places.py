"""Who is looked for is looked for on their roll: of each cycle one folio in a currency is opened, and no other."""

import json
from itertools import pairwise
from typing import Any

import pytest
from django.db import connection

from revshare.cycles import operations as cycles
from revshare.ledger.places import on_roll_of
from revshare.statements.models import Statement
from revshare.statements.queries import numbered, of_contributor
from tests.ownership import owner
from tests.plans import rows_out_of
from tests.stories import Story

MONTHS = ("2026-01-01", "2026-02-01", "2026-03-01", "2026-04-01")
FOLIO, FOLIOS = 100, 400
SOMEBODY, NUMBER = "c20050", 20050
FILL = """
INSERT INTO pools_pool (cycle_id, kind, "table", model, dataset_version, currency, rule, share, sales_count, net_micros,
    carried_in_micros, distributable_micros, platform_micros, carried_out_micros, denominator_ticks, versions, suspense_reason)
VALUES ({cycle}, 'sales', 'default', 'm', '', 'USD', '', '', 1, {count}, 0, {count}, 0, 0, {count}, '[]', '');
SELECT revshare_new_folios({cycle});
INSERT INTO ledger_roll_{cycle} (cycle_id, roll, first_id, contributors)
SELECT {cycle}, 1 + n / {size}, min('c' || (10000 + n)), array_agg('c' || (10000 + n) ORDER BY n)
FROM generate_series(0, {count} - 1) n GROUP BY 1 + n / {size};
INSERT INTO ledger_folio_{cycle} (cycle_id, roll, currency, first_no, members, openings, earned, ends, pools, ticks, amounts)
SELECT {cycle}, 1 + n / {size}, 'USD', min(1 + n), array_agg((1 + n % {size})::smallint ORDER BY n), array_agg(0::bigint),
    array_agg(1::bigint), array_agg(1 + n % {size} ORDER BY n), array_agg(p.id::integer), array_agg(1::bigint),
    array_agg(1::bigint)
FROM generate_series(0, {count} - 1) n, pools_pool p WHERE p.cycle_id = {cycle} GROUP BY 1 + n / {size};
SELECT revshare_index_entries({cycle});
ANALYZE ledger_roll_{cycle}, ledger_folio_{cycle};
SELECT revshare_attach_folios({cycle});
INSERT INTO ledger_account_control (cycle_id, currency, accounts, credited, opening_micros, earned_micros, sha256)
VALUES ({cycle}, 'USD', {count}, {count}, 0, {count}, '')
"""


@pytest.fixture
def stored(story: Story) -> list[int]:
    """Three locked cycles with as many folios that they are worth an index."""
    story.policy()
    made = []
    for start, end in pairwise(MONTHS):
        story.open(start, start, end)
        made.append(cycles.lock(key=start, act=story.act()).pk)
        with owner(), connection.cursor() as cursor:
            cursor.execute(FILL.format(cycle=made[-1], size=FOLIO, count=FOLIO * FOLIOS))
    with owner(), connection.cursor() as cursor:  # as autovacuum does; tests before this one left their own numbers
        cursor.execute(
            "ANALYZE cycles_cycle, policies_policy, contributors_contributor, pools_pool, ledger_account_control"
        )
    return made


def unfolded(explained: str) -> int:
    """How many statements or entries were taken out of arrays."""
    return rows_out_of(explained, "Function Scan")


def test_a_contributors_statements_are_found_on_their_rolls(stored: list[int]) -> None:
    """With all that their list asks for beside: the more is joined, the more tempting another order is to the planner."""
    found = (
        of_contributor(SOMEBODY)
        .filter(cycle__state__in=["locked"])
        .select_related("cycle", "cycle__policy", "contributor")
    )
    found = found.order_by("-cycle__starts_at", "currency")
    assert sorted(of_contributor(SOMEBODY).values_list("cycle_id", flat=True)) == stored
    assert unfolded(found.defer("content_sha256").explain(format="json", analyze=True)) <= FOLIO * len(stored)


@pytest.mark.parametrize("view", ["ledger_account", "ledger_entry"])
def test_a_contributors_entries_are_found_on_their_rolls(stored: list[int], view: str) -> None:
    query = f"FROM {view} e WHERE e.contributor_id = %(id)s AND {on_roll_of('e', '%(id)s')}"
    with connection.cursor() as cursor:
        cursor.execute(f"SELECT cycle_id, statement_no {query} ORDER BY 1", {"id": SOMEBODY})
        assert cursor.fetchall() == [(cycle, NUMBER - 10000 + 1) for cycle in stored]
        cursor.execute(f"EXPLAIN (ANALYZE, FORMAT json) SELECT amount_micros {query}", {"id": SOMEBODY})
        assert unfolded(json.dumps(cursor.fetchone()[0])) <= FOLIO * len(stored)


@pytest.mark.parametrize("name", ["b", "c10000x", "zoe"])
def test_who_is_on_no_roll_is_not_found(stored: list[int], name: str) -> None:
    """Before the first, between two, behind the last."""
    assert not of_contributor(name).exists()


def test_a_statement_is_found_by_its_number(stored: list[int]) -> None:
    first, last = NUMBER - 10000 - 5, NUMBER - 10000 + 1
    found: Any = numbered(stored[1], first, last)
    assert [row.contributor_id for row in found.order_by("ordinal")] == [
        f"c{10000 + n - 1}" for n in range(first, last + 1)
    ]
    assert unfolded(found.defer("content_sha256").explain(format="json", analyze=True)) <= 2 * FOLIO
    assert Statement.objects.count() == FOLIO * FOLIOS * len(stored)
