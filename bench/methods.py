#!/usr/bin/env python3
"""What each way of sharing costs: one calculated cycle, worked out again under a policy for each method.

  .venv/bin/python bench/methods.py --rows 1M --contributors 100k --sales 100k [--runs 3] [--json]

The files are those of `manage.py bench`; sales get a customer each, and a tenth of them an output that is attributed to
two contributors; half of the contributors have a measure. The lab does the work, without posting anything: sums of
sales, routing, pools, numerators, the split. What it takes for the cycle's own policy alone is taken off each time.
REVSHARE_HOME says where (default: var/bench/methods)."""

import argparse
import json
import os
import statistics
import sys
import time
from datetime import UTC, datetime
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))
os.environ.setdefault("REVSHARE_HOME", str(ROOT / "var" / "bench" / "methods"))
os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")

import django  # noqa: E402

from config.instance import migrate_embedded, prepare  # noqa: E402

prepare()
django.setup()
migrate_embedded()

import duckdb  # noqa: E402

from revshare.audit_trail.operations import Act  # noqa: E402
from revshare.cycles import operations as cycles  # noqa: E402
from revshare.cycles.models import Cycle  # noqa: E402
from revshare.ingest.operations import ingest  # noqa: E402
from revshare.lab.candidates import drafted  # noqa: E402
from revshare.lab.operations import compare  # noqa: E402
from revshare.management.bench.inputs import Size, count, make  # noqa: E402
from revshare.periods import parse_period  # noqa: E402
from revshare.policies.operations import register  # noqa: E402

KEY = "2026-06"
ACT = Act(actor="bench", at=datetime.now(UTC), why="")
TABLE = '[streams.default]\ncontributor_share = "20%"\npooling = "per_model"\n'
METHODS = {
    "asset_count": 'allocation = "asset_count"',
    "weighted": 'allocation = "weighted"',
    "factors": 'allocation = "factors"\n[streams.default.factors]\nassets = "50%"\n"measure:revenue" = "50%"',
    "per_output": 'allocation = "per_output"',
    "directed": 'allocation = "asset_count"\n[streams.default.directed]\nstyle = "10%"',
    "by_usage": 'allocation = "by_usage"',
    "user_centric": 'allocation = "user_centric"',
    "cap and floor": 'allocation = "asset_count"\ncap = "0.01%"\nfloor = "0.01"',
    "rates by day": 'allocation = "asset_count"\n[[streams.default.rates]]\nfrom = 2026-06-15\n'
    'contributor_share = "25%"',
    "licences": 'allocation = "asset_count"\n[eligibility]\nexcluded_licences = ["editorial"]',
}
MORE = {
    "measures": "SELECT contributor_id, 'revenue' AS measure, '2026-06-01' AS start, '2026-07-01' AS \"end\", "
    "CAST(1 + hash(contributor_id) % 1000 AS VARCHAR) AS value FROM {contributors} WHERE hash(contributor_id) % 2 = 0",
    "outputs": "SELECT sale_id, contributor_id, '0.4' AS score, role FROM (SELECT sale_id, row_number() OVER () AS n "
    "FROM {sales} WHERE hash(sale_id) % 10 = 0) s CROSS JOIN (VALUES (0, 'output'), (1, 'output'), (2, 'style')) "
    "AS o (place, role) JOIN (SELECT contributor_id, row_number() OVER () AS n, count(*) OVER () AS people "
    "FROM {contributors}) c ON c.n = (s.n * 7 + place) % people + 1",
    "usage": "SELECT 'c' || customer AS customer_id, model, '2026-06-10' AS day, CAST(1 + customer % 9 AS VARCHAR) AS "
    "units FROM range({customers}) AS r (customer) CROSS JOIN (SELECT DISTINCT model FROM {models}) "
    "WHERE (customer + hash(model)) % 3 = 0",
}


def text(method: str) -> bytes:
    return f'name = "{method}"\nversion = "1"\n{TABLE}{METHODS[method]}\n'.encode()


def fill(folder: Path, sales: int) -> Cycle:
    """The instance with a calculated cycle; only found again if it is there."""
    if found := Cycle.objects.filter(key=KEY).first():
        return found
    extra = folder / "methods"
    extra.mkdir(exist_ok=True)
    con = duckdb.connect()
    files = {
        name: f"read_csv('{folder / name}.csv', all_varchar = true)" for name in ("contributors", "sales", "models")
    }
    customers = max(1, sales // 20)
    con.execute(
        f"COPY (SELECT *, 'c' || hash(coalesce(nullif(refund_of, ''), sale_id)) % {customers} AS customer_id "
        f"FROM {files['sales']}) TO '{extra}/sales.csv' (HEADER)"
    )
    for kind, query in MORE.items():
        con.execute(f"COPY ({query.format(customers=customers, **files)}) TO '{extra}/{kind}.csv' (HEADER)")
    for kind in ("contributors", "models", "attributions", "measures", "usage", "sales", "outputs"):
        path = extra / f"{kind}.csv"
        ingest(kind=kind, path=path if path.exists() else folder / f"{kind}.csv", act=ACT)
    policy, _ = register(content=text("asset_count"), act=ACT)
    period = parse_period("2026-06-01", "2026-07-01", "UTC")
    cycles.open_cycle(key=KEY, period=period, policy=policy, act=ACT)
    cycles.lock(key=KEY, act=ACT, accept_quarantine="benchmark")
    return cycles.calculate(key=KEY, act=ACT)


def measure(cycle: Cycle, method: str) -> tuple[float, int]:
    """Seconds for the policy beside the cycle's own, and how many amounts it gave."""
    others = [drafted(text(method))] if method else []
    begun = time.perf_counter()
    outcome = compare(cycle=cycle, others=others, at=ACT.at).outcomes[-1]
    seconds = time.perf_counter() - begun
    return seconds, sum(int((amounts > 0).sum()) for amounts in outcome.amounts.values())


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    for name, usual in (("rows", "1M"), ("contributors", "100k"), ("sales", "100k")):
        parser.add_argument(f"--{name}", type=count, default=count(usual))
    parser.add_argument("--runs", type=int, default=3)
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    size = Size(options.rows, options.contributors, options.sales)
    cycle = fill(make(ROOT / "var" / "bench", size), size.sales)
    measure(cycle, "")
    found = []
    for method in METHODS:
        runs = []
        for _ in range(options.runs):
            own, _ = measure(cycle, "")
            seconds, amounts = measure(cycle, method if method != "asset_count" else "")
            runs.append(seconds - own if method != "asset_count" else own)
        found.append({"method": method, "seconds": round(statistics.median(runs), 3), "amounts": amounts})
    if options.json:
        print(json.dumps(found))
        return
    for row in found:
        rate = row["amounts"] / row["seconds"] if row["seconds"] > 0 else 0
        print(f"{row['method']:14} {row['seconds']:8.3f} s {row['amounts']:12,} paid {rate:14,.0f} a second")


if __name__ == "__main__":
    main()
