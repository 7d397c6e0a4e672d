#!/usr/bin/env python3
"""What reading costs once many cycles are stored: fills an instance of its own with cycles of as many statements as
asked for, signs people in, turns pages, and prints what SQL each request took (p50, p99) and how many queries it made.

  .venv/bin/python bench/reads.py --cycles 24 --statements 1000000 --requests 200 [--json]

The rows are made by SQL, not by the product's own split, and taken in through the functions that it uses: partitions
are indexed, checked against their controls and attached. REVSHARE_HOME says where (default: var/bench/reads); what is
there already is read again."""

import argparse
import json
import os
import random
import sys
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))
os.environ.setdefault("REVSHARE_HOME", str(ROOT / "var" / "bench" / "reads"))
os.environ.setdefault("REVSHARE_ALLOWED_HOSTS", "localhost")
os.environ.setdefault("REVSHARE_STRICT_SIGN_IN", "false")  # staff without a second factor
os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")

import django  # noqa: E402

from config.instance import migrate_embedded, prepare  # noqa: E402

prepare()
django.setup()
migrate_embedded()

from django.db import connection, transaction  # noqa: E402
from django.test import Client  # noqa: E402

from revshare.access.models import User  # noqa: E402

TICKS, EARNED = 720_720, 1_000_000
FOLIO = 100  # statements
HASH = "0" * 64
POLICY = """name = "reads"
version = "1"
[streams.default]
contributor_share = "20%"
pooling = "per_model"
allocation = "asset_count"
"""
CYCLE = """
    INSERT INTO cycles_cycle (key, starts_on, ends_on, timezone, starts_at, ends_at, policy_id, state, opened_by,
        locked_by, pinned, input_digest, calculated_by, result_digest, balances_sha256, submitted_by, approved_by,
        approved_digest, published_by)
    SELECT to_char(month, 'YYYY-MM'), month, month + interval '1 month', 'UTC', month, month + interval '1 month',
        (SELECT id FROM policies_policy), 'open', 'op', '', '{}', '', '', '', '', '', '', '', ''
    FROM (SELECT timestamptz '2024-01-01 00:00Z' + %s * interval '1 month' AS month) m RETURNING id
"""
MOVES = (
    "UPDATE cycles_cycle SET state = 'locked', locked_by = 'op', locked_at = now(), upto_seq = 0, "
    "input_digest = %(hash)s",
    "UPDATE cycles_cycle SET state = 'calculated', calculated_by = 'op', calculated_at = now(), "
    "calculation = %(number)s, journals_after = 0, journals_upto = 0, result_digest = %(hash)s",
    "UPDATE cycles_cycle SET state = 'in_review', submitted_by = 'op'",
    "INSERT INTO reviews_review (cycle_id, result_digest, facts, made_at, made_by) SELECT id, result_digest, "
    """'{"differences": [], "pools": [], "takings": {}}', now(), 'op' FROM cycles_cycle""",
    "UPDATE cycles_cycle SET state = 'approved', approved_by = 'ap', approved_at = now(), approved_digest = %(hash)s",
    "UPDATE cycles_cycle SET state = 'published', published_by = 'ap', published_at = now()",
)
POOL = """
    INSERT INTO pools_pool (cycle_id, "table", model, dataset_version, currency, rule, share, sales_count, net_micros,
        carried_in_micros, distributable_micros, platform_micros, carried_out_micros, denominator_ticks, versions,
        suspense_reason)
    VALUES (%(cycle)s, 'default', 'm', '', 'USD', 'a fifth, by assets', '20%%', 1, %(total)s * 5, 0, %(total)s,
        %(total)s * 4, 0, %(ticks)s, '["d"]', '') RETURNING id
"""
# On each roll and in each folio so many neighbours, the last has the rest. Each has one line: all arrays of a folio but
# two say the same of everybody.
ROLLS = """
    INSERT INTO ledger_roll_{cycle} (cycle_id, roll, first_id, contributors)
    SELECT %(cycle)s, 1 + (n - 1) / %(folio)s, 'c' || to_char(min(n), 'FM0000000'),
        array_agg('c' || to_char(n, 'FM0000000') ORDER BY n)
    FROM generate_series(1, %(count)s) n GROUP BY 1 + (n - 1) / %(folio)s ORDER BY 2
"""
FOLIOS = """
    INSERT INTO ledger_folio_{cycle} (cycle_id, roll, currency, first_no, members, openings, earned, ends, pools, ticks,
        amounts)
    SELECT %(cycle)s, roll, 'USD', 1 + (roll - 1) * %(folio)s, places::smallint[],
        array_fill(%(number)s * %(earned)s::bigint, size), array_fill(%(earned)s::bigint, size), places,
        array_fill(%(pool)s::integer, size), array_fill(%(tick)s::bigint, size), array_fill(%(earned)s::bigint, size)
    FROM (SELECT roll, least(%(folio)s, %(count)s - (roll - 1) * %(folio)s) AS number
          FROM generate_series(1, (%(count)s + %(folio)s - 1) / %(folio)s) roll) r
    CROSS JOIN LATERAL (SELECT ARRAY(SELECT generate_series(1, number)) AS places, ARRAY[number] AS size OFFSET 0) p
    ORDER BY roll
"""
POOL_CONTROL = """
    INSERT INTO ledger_pool_control (cycle_id, pool_id, entries, numerator_ticks, amount_micros, residue_micros, sha256)
    VALUES (%(cycle)s, %(pool)s, %(count)s, %(ticks)s, %(total)s, 0, %(hash)s)
"""
ACCOUNT_CONTROL = """
    INSERT INTO ledger_account_control (cycle_id, currency, accounts, credited, opening_micros, earned_micros, sha256)
    VALUES (%(cycle)s, 'USD', %(count)s, %(count)s, %(number)s * %(total)s::numeric, %(total)s, %(hash)s)
"""


def fill(cycles: int, count: int) -> None:
    """Makes what is not there yet."""
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute("SELECT count(*) FROM contributors_contributor")
        if not cursor.fetchone()[0]:
            cursor.execute(
                "INSERT INTO policies_policy (name, version, sha256, text, registered_at, registered_by) "
                "VALUES ('reads', '1', %s, %s, now(), 'op')",
                [HASH, POLICY],
            )
            cursor.execute(
                "INSERT INTO contributors_contributor "
                "(id, name, email, country, currency, payee_id, unclaimed, file_id) "
                "SELECT 'c' || to_char(n, 'FM0000000'), 'Contributor ' || n, '', '', '', '', false, 0 "
                "FROM generate_series(1, %s) n",
                [count],
            )
        cursor.execute("SELECT count(*) FROM cycles_cycle")
        (there,) = cursor.fetchone()
    for number in range(there, cycles):
        started = time.perf_counter()
        make_cycle(number, count)
        print(f"cycle {number + 1} of {cycles}: {time.perf_counter() - started:.1f} s", file=sys.stderr, flush=True)


@transaction.atomic
def make_cycle(number: int, count: int) -> None:
    with connection.cursor() as cursor:
        cursor.execute(CYCLE, [number])
        words = {
            "cycle": cursor.fetchone()[0], "number": number, "count": count, "tick": TICKS, "ticks": TICKS * count,
            "earned": EARNED, "total": EARNED * count, "hash": HASH, "folio": FOLIO,
        }  # fmt: skip
        move, *later = (f"{statement} WHERE id = %(cycle)s" for statement in MOVES)
        cursor.execute(move, words)
        cursor.execute(POOL, words)
        words["pool"] = cursor.fetchone()[0]
        cursor.execute("SELECT revshare_new_entries(%(cycle)s)", words)
        cursor.execute(ROLLS.format(cycle=words["cycle"]), words)
        cursor.execute(FOLIOS.format(cycle=words["cycle"]), words)
        cursor.execute(POOL_CONTROL, words)
        cursor.execute(ACCOUNT_CONTROL, words)
        cursor.execute("SELECT revshare_index_entries(%(cycle)s), revshare_attach_entries(%(cycle)s)", words)
        for move in later:
            cursor.execute(move, words)


class Watched:
    """Counts the queries of a request and the time they take."""

    def __init__(self) -> None:
        self.seconds: list[float] = []

    def __call__(self, execute, sql, params, many, context):  # type: ignore[no-untyped-def]  # Django's wrapper
        started = time.perf_counter()
        try:
            return execute(sql, params, many, context)
        finally:
            self.seconds.append(time.perf_counter() - started)


def measure(client: Client, addresses: list[str]) -> dict[str, float]:
    """p50 and p99 over requests, in milliseconds: of all SQL of a request, of its slowest query, of all of it."""
    sums, slowest, walls, queries = [], [], [], []
    for address in addresses:
        watched = Watched()
        started = time.perf_counter()
        with connection.execute_wrapper(watched):
            response = client.get(address)
        walls.append(time.perf_counter() - started)
        assert response.status_code == 200, (address, response.status_code)
        sums.append(sum(watched.seconds))
        slowest.append(max(watched.seconds))
        queries.append(len(watched.seconds))
    return {
        "requests": len(addresses), "queries": max(queries),
        **{
            f"{name}_p{part}_ms": round(sorted(values)[min(len(values) - 1, len(values) * part // 100)] * 1000, 2)
            for name, values in (("sql", sums), ("slowest_query", slowest), ("whole", walls))
            for part in (50, 99)
        },
    }  # fmt: skip


def pages(cycles: int, count: int, requests: int) -> dict[str, dict[str, float]]:
    chance = random.Random(7)  # noqa: S311  the same pages each time
    keys = [f"{2024 + number // 12}-{number % 12 + 1:02}" for number in range(cycles)]

    def numbers() -> list[str]:
        return [f"{chance.choice(keys)}-{chance.randint(1, count):09}" for _ in range(requests)]

    operator, _ = User.objects.get_or_create(username="op", defaults={"roles": ["operator"], "is_staff": True})
    staff = Client(SERVER_NAME="localhost")
    staff.force_login(operator)
    place = chance.randint(1, count)
    owner, _ = User.objects.get_or_create(
        username=f"c{place}", defaults={"roles": ["contributor"], "contributor_id": f"c{place:07}"}
    )
    own = Client(SERVER_NAME="localhost")
    own.force_login(owner)
    own_numbers = [f"{chance.choice(keys)}-{place:09}" for _ in range(requests)]
    api = [f"/api/v1/statements/{number}/" for number in numbers()]
    found = {
        "portal: list of 24 statements": (own, ["/statements/"] * requests),
        "portal: statement": (own, [f"/statements/{number}/" for number in own_numbers]),
        "API: statement, by staff": (staff, api),
        "console: statements, first page": (staff, ["/console/revshare/statement/"] * requests),
        "console: cycle": (staff, [f"/console/cycle/{chance.choice(keys)}/" for _ in range(requests)]),
    }
    return {name: measure(client, addresses) for name, (client, addresses) in found.items()}


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--cycles", type=int, default=24)
    parser.add_argument("--statements", type=int, default=1_000_000, help="of each cycle")
    parser.add_argument("--requests", type=int, default=200, help="of each page")
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    fill(options.cycles, options.statements)
    found = pages(options.cycles, options.statements, options.requests)
    for page, figures in found.items():
        print(f"{page:34}" + "  ".join(f"{name} {value}" for name, value in figures.items()))
    if options.json:
        print(json.dumps(found))
