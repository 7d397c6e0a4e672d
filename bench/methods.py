#!/usr/bin/env python3
"""What each way of sharing costs: one calculated cycle, worked out again under a policy for each method.

  .venv/bin/python bench/methods.py --rows 1M --contributors 100k --sales 100k [--runs 3] [--json]

`manage.py bench` runs it after the whole cycles. The files are its own; sales get a customer each, and a tenth of
them an output that is attributed to two contributors; half of the contributors have a measure. The lab does the work,
without posting anything: sums of sales, routing, pools, numerators, the split. What it takes for the cycle's own policy
alone is taken off each time. `cpu_s` is the processor's time, that of the database included: what costs are told by,
since it hardly depends on what else the machine does. REVSHARE_HOME says where (default: var/bench/methods)."""

import argparse
import json
import os
import statistics
import sys
import time
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))
os.environ.setdefault("REVSHARE_HOME", str(ROOT / "var" / "bench" / "methods"))
os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")

import django  # noqa: E402

from config.embedded.layout import Layout  # noqa: E402
from config.embedded.postgres import Postgres  # noqa: E402
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
from revshare.management.bench.processes import all_processes, family  # noqa: E402
from revshare.management.bench.tables import methods as table  # noqa: E402
from revshare.periods import parse_period  # noqa: E402
from revshare.policies.operations import register  # noqa: E402

KEY = "2026-06"
OWN = "own"
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


def text(method: str, name: str) -> bytes:
    return f'name = "{name}"\nversion = "1"\n{TABLE}{METHODS[method]}\n'.encode()


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
    policy, _ = register(content=text("asset_count", OWN), act=ACT)
    period = parse_period("2026-06-01", "2026-07-01", "UTC")
    cycles.open_cycle(key=KEY, period=period, policy=policy, act=ACT)
    cycles.lock(key=KEY, act=ACT, accept_quarantine="benchmark")
    return cycles.calculate(key=KEY, act=ACT)


def cpu_s() -> float:
    """Processor seconds of this process and of the database so far."""
    processes = all_processes()
    database = Postgres(Layout.of(Path(os.environ["REVSHARE_HOME"]))).pid()
    return time.process_time() + sum(processes[pid].cpu_s for pid in family([database], processes))


def measure(cycle: Cycle, method: str) -> tuple[float, float, int]:
    """Seconds and processor seconds for the policy beside the cycle's own, and how many amounts it gave."""
    others = [drafted(text(method, method))] if method else []
    begun, worked = time.perf_counter(), cpu_s()
    outcome = compare(cycle=cycle, others=others, at=ACT.at).outcomes[-1]
    taken = (time.perf_counter() - begun, cpu_s() - worked)
    return *taken, sum(int((amounts > 0).sum()) for amounts in outcome.amounts.values())


def measured(cycle: Cycle, method: str, runs: int) -> dict[str, Any]:
    """Medians of what a method takes beside the cycle's own policy."""
    walls, cpus, amounts = [], [], 0
    for _ in range(runs):
        own_wall, own_cpu, _ = measure(cycle, "")
        wall, cpu, amounts = measure(cycle, method)
        walls.append(wall - own_wall)
        cpus.append(cpu - own_cpu)
    return {
        "method": method, "amounts": amounts, "wall_s": round(statistics.median(walls), 3),
        "cpu_s": round(statistics.median(cpus), 3),
    }  # fmt: skip


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    for name, usual in (("rows", "1M"), ("contributors", "100k"), ("sales", "100k")):
        parser.add_argument(f"--{name}", type=count, default=count(usual))
    parser.add_argument("--runs", type=int, default=3)
    parser.add_argument("--work", type=Path, default=ROOT / "var" / "bench", help="where the files are made")
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    size = Size(options.rows, options.contributors, options.sales)
    cycle = fill(make(options.work, size), size.sales)
    measure(cycle, "")
    lines = [measured(cycle, method, options.runs) for method in METHODS]
    print(json.dumps(lines) if options.json else "\n".join(table({"lines": lines})))


if __name__ == "__main__":
    main()
