"""The benchmark itself: everybody in turn on the same files, several times; medians; the same payouts or it is worth
nothing."""

from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from statistics import median
from typing import Any

from revshare.management.bench import inputs, limits, machine, stages
from revshare.management.bench.inputs import Size
from revshare.management.bench.instance import Prepared, fresh_instance
from revshare.management.bench.limits import Reached
from revshare.management.bench.measured import Measured
from revshare.management.bench.peers import payouts_hash, run_peer
from revshare.management.bench.product import FIRST, SECOND, CycleRun, run_cycle

PRODUCT = "revshare"
MEBIBYTE = 1 << 20
REFERENCE = "duckdb"  # who says what the payouts of the second cycle are


@dataclass(frozen=True)
class Plan:
    """What to run."""

    size: Size
    format: str
    runs: int
    peers: list[str]
    work: Path
    with_limits: bool = True
    second_cycle: bool = False


@dataclass
class Race:
    """What happened so far. `hashes`: of every payouts.csv, by month and then by who wrote it."""

    plan: Plan
    say: Callable[[str], None]
    measured: dict[str, list[Measured]] = field(default_factory=dict)
    hashes: dict[str, dict[str, set[str]]] = field(default_factory=lambda: {FIRST: {}, SECOND: {}})
    failures: list[str] = field(default_factory=list)
    cycles: dict[str, list[CycleRun]] = field(default_factory=lambda: {FIRST: [], SECOND: []})
    reached: list[list[Reached]] = field(default_factory=list)
    staged: list[CycleRun] = field(default_factory=list)
    second_peer: Measured | None = None

    def note(self, who: str, month: str, measured: Measured, out: Path) -> bool:
        """Keeps the hash of what somebody wrote; tells whether there is anything."""
        digest = payouts_hash(out)
        self.say(
            f"{month}  {who:9}{measured.wall_s:9.2f} s  cpu {measured.cpu_s:8.2f} s  services "
            f"{measured.services_cpu_s:8.2f} s  other {measured.other_cpu_s:7.2f} s  peak "
            f"{measured.peak_bytes // MEBIBYTE:6,} MB  payouts {digest[:16] or '-'}"
        )
        if measured.exit or not digest:
            self.failures.append(f"{who} failed on {month}: {measured.why}")
            return False
        self.hashes[month].setdefault(who, set()).add(digest)
        return True


def run(plan: Plan, say: Callable[[str], None]) -> dict[str, Any]:
    """Runs the plan and returns all there is to say of it, for JSON. Raises Refused if it cannot even begin."""
    say(
        f"Files for {plan.size.rows:,} attributions, {plan.size.contributors:,} contributors, {plan.size.sales:,} sales"
    )
    data = inputs.make(plan.work, plan.size)
    inputs.warm(data)
    race = Race(plan, say)
    for number in range(plan.runs):
        say(f"Run {number + 1} of {plan.runs}")
        _product(race, data)
        for peer in plan.peers:
            out = plan.work / f"out-{peer}"
            measured = run_peer(peer, data=data, format=plan.format, out=out)
            if race.note(peer, FIRST, measured, out):
                race.measured.setdefault(peer, []).append(measured)
    if plan.second_cycle:
        _second_by_peer(race, data)
    return _result(race)


def _product(race: Race, data: Path) -> None:
    plan, out = race.plan, race.plan.work / f"out-{PRODUCT}"
    files = inputs.one_format(data, plan.format, plan.work / "in")
    with fresh_instance(plan.work / "home") as instance:
        cycle = run_cycle(instance, FIRST, files=files, out=out)
        if not race.note(PRODUCT, FIRST, cycle.measured, out):
            return
        race.measured.setdefault(PRODUCT, []).append(cycle.measured)
        race.cycles[FIRST].append(cycle)
        if plan.second_cycle:
            _second(race, data, instance)
    if plan.with_limits:
        _stages(race, data, files)


def _stages(race: Race, data: Path, files: Path) -> None:
    """Another run, its files one by one: the times of its stages, and the limits beside them."""
    plan, out = race.plan, race.plan.work / f"out-{PRODUCT}-stages"
    with fresh_instance(plan.work / "home") as instance:
        cycle = run_cycle(instance, FIRST, files=files, out=out, one_by_one=True)
        if not race.note("by stages", FIRST, cycle.measured, out):
            return
        race.staged.append(cycle)
        race.reached.append(
            limits.measure_limits(instance, cycle, data=data, format=plan.format, out=plan.work / "out-limits")
        )


def _second(race: Race, data: Path, instance: Prepared) -> None:
    """The month after, in the same instance: the manifests are frozen and weighed by now."""
    plan, out = race.plan, race.plan.work / f"out-{PRODUCT}-second"
    month = inputs.second_month(data, plan.format, data / f"second-{plan.format}")
    files = inputs.second_month_to_take_in(month, plan.format, plan.work / "in-second")
    instance.settle()
    cycle = run_cycle(instance, SECOND, files=files, out=out)
    if race.note(PRODUCT, SECOND, cycle.measured, out):
        race.cycles[SECOND].append(cycle)


def _second_by_peer(race: Race, data: Path) -> None:
    plan, out = race.plan, race.plan.work / f"out-{REFERENCE}-second"
    month = inputs.second_month(data, plan.format, data / f"second-{plan.format}")
    race.second_peer = run_peer(REFERENCE, data=month, format=plan.format, out=out)
    race.note(REFERENCE, SECOND, race.second_peer, out)


def _result(race: Race) -> dict[str, Any]:
    plan = race.plan
    size = {name: getattr(plan.size, name) for name in ("rows", "contributors", "sales", "seed")}
    result: dict[str, Any] = size | {
        "format": plan.format, "runs": plan.runs, "machine": machine.facts(), "failures": race.failures,
        "agree": _agree(race), "contestants": _contestants(race),
        "stages": stages.medians([cycle.stages for cycle in race.staged or race.cycles[FIRST]]),
        "limits": limits.judge(race.reached) if race.reached else [], "second_cycle": _second_result(race),
        "payouts_sha256": {
            month: {who: sorted(found) for who, found in by.items()} for month, by in race.hashes.items() if by
        },
    }  # fmt: skip
    return result


def _agree(race: Race) -> bool:
    """Whether all wrote the same, every time."""
    return not race.failures and all(len(set().union(*by.values())) <= 1 for by in race.hashes.values())


def _contestants(race: Race) -> dict[str, dict[str, Any]]:
    table = {}
    for who, runs in race.measured.items():
        line: dict[str, Any] = {
            name: round(median(getattr(one, name) for one in runs), 3)
            for name in ("wall_s", "cpu_s", "services_cpu_s", "other_cpu_s")
        }
        line["peak_bytes"] = round(median(one.peak_bytes for one in runs))
        line["every_wall_s"] = [round(one.wall_s, 3) for one in runs]
        table[who] = line
    product = table.get(PRODUCT, {}).get("every_wall_s", [])
    for line in table.values():
        # Each time against who ran in the same turn: the machine's pace drifts from turn to turn.
        ratios = [own / other for own, other in zip(product, line["every_wall_s"], strict=False)]
        line["every_product_ratio"] = [round(ratio, 3) for ratio in ratios]
        line["product_ratio"] = round(median(ratios), 3) if ratios else None
    return table


def _second_result(race: Race) -> dict[str, Any] | None:
    cycles = race.cycles[SECOND]
    if not cycles or race.second_peer is None:
        return None
    wall_s, peer_s = median(cycle.since_lock_s for cycle in cycles), race.second_peer.wall_s
    return {
        "wall_s": round(wall_s, 3), "every_wall_s": [round(cycle.since_lock_s, 3) for cycle in cycles],
        "sales_ingest_s": round(median(cycle.wall_s("sales") for cycle in cycles), 3),
        "peak_bytes": round(median(cycle.measured.peak_bytes for cycle in cycles)),
        "peer": REFERENCE, "peer_wall_s": round(peer_s, 3), "product_ratio": round(wall_s / peer_s, 3),
        "stages": stages.medians([cycle.stages for cycle in cycles]),
    }  # fmt: skip
