"""Entries made by arrays against a slow twin: one loop over contributors and pools, in Python's integers."""

import hashlib
from collections import defaultdict
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from unittest import mock

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from django.db import transaction
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from revshare import array_rows
from revshare.allocation import splitting
from revshare.allocation.balances import BALANCES
from revshare.allocation.numerators import Numerators
from revshare.allocation.splitting import Splitter
from revshare.apportion import TICKS_PER_ASSET
from revshare.lake import duck, keep, spool
from revshare.manifests.models import Manifest
from revshare.manifests.queries import WEIGHTS
from revshare.policies.rules import parse
from revshare.pools.models import Pool
from revshare.pools.rules import Pinned
from revshare.pools.sources import Sources
from tests.conftest import AT
from tests.examples import examples
from tests.test_apportion import oracle

pytestmark = pytest.mark.django_db
PEOPLE = ("a", "A", "9", "10", "b1", "é", "e\u0301", "作家", "ann-with-a-longer-id", "\U0001f600", "=x")
VERSIONS = ("v1", "v2", "v3")
CYCLE = 7
RULES = 'name = "p"\nversion = "1"\n[streams.default]\ncontributor_share = "20%"\npooling = "single"\nallocation = "asset_count"'
SOURCES = Sources(ranges=(), rulebook=parse(RULES), days=(AT.date(), AT.date()), zone="UTC", upto_arrival=0)
Weights = dict[str, dict[str, int]]
Balances = dict[tuple[str, str], int]


@dataclass(frozen=True)
class Case:
    weights: Weights
    pools: list[Pool]
    before: Balances


@st.composite
def cases(draw: st.DrawFn) -> Case:
    ticks = st.one_of(st.integers(0, 3).map(lambda n: n * TICKS_PER_ASSET), st.integers(0, 10**9))
    weights = {
        version: draw(st.dictionaries(st.sampled_from(PEOPLE), ticks, min_size=1, max_size=7)) for version in VERSIONS
    }
    pools = []
    for _ in range(draw(st.integers(1, 6))):
        versions = draw(st.lists(st.sampled_from(VERSIONS), min_size=1, max_size=3, unique=True))
        if sum(sum(weights[version].values()) for version in versions):
            total = draw(st.one_of(st.integers(0, 5), st.integers(0, 10**12), st.just(2**60)))
            currency = draw(st.sampled_from(["EUR", "JPY", "USD"]))
            pools.append(Pool(
                pk=len(pools) + 11, cycle_id=CYCLE, versions=versions, currency=currency, distributable_micros=total,
            ))  # fmt: skip
    accounts = st.tuples(st.sampled_from([*PEOPLE, "somebody else"]), st.sampled_from(["EUR", "GBP", "USD"]))
    return Case(weights, pools, draw(st.dictionaries(accounts, st.integers(-(10**15), 10**15), max_size=9)))


def twin(case: Case) -> tuple[list[dict[str, Any]], Balances]:
    """The entries in order, and what each account touched closes with."""
    shares: dict[tuple[str, str], list[tuple[int, int, int]]] = defaultdict(list)
    for pool in case.pools:
        held: dict[str, int] = defaultdict(int)
        for version in pool.versions:
            for name, ticks in case.weights[version].items():
                held[name] += ticks
        names = sorted(held)
        amounts = oracle(pool.distributable_micros, [held[name] for name in names])
        for name, amount in zip(names, amounts, strict=True):
            shares[pool.currency, name].append((pool.pk, held[name], amount))
    rows, closing = [], {}
    for number, ((currency, name), lines) in enumerate(sorted(shares.items()), 1):
        opening, earned = case.before.get((name, currency), 0), sum(amount for _, _, amount in lines)
        closing[name, currency] = opening + earned
        for place, (pool, ticks, amount) in enumerate(lines, 1):
            last = place == len(lines)
            rows.append({
                "cycle_id": CYCLE, "statement_no": number, "numerator_ticks": ticks, "amount_micros": amount,
                "opening_micros": opening * last, "earned_micros": earned * last, "pool_id": pool,
                "statement_lines": len(lines) * last, "contributor_id": name,
            })  # fmt: skip
    return rows, closing


def hash_of(rows: list[dict[str, Any]], *numbers: str) -> str:
    """As `ledger.rules` says it, written down a second time."""
    columns = ["".join(f"{row['contributor_id']}\n" for row in rows).encode()]
    columns += [b"".join(row[name].to_bytes(8, "big", signed=True) for row in rows) for name in numbers]
    return hashlib.sha256(b"".join(hashlib.sha256(column).digest() for column in columns)).hexdigest()


def store(case: Case, folder: Path) -> str:
    """Weights and balances into the lake; returns the name of the balances."""
    draft = folder / "draft.parquet"
    for version, weights in case.weights.items():
        pq.write_table(pa.table({"contributor_id": list(weights), "assets_ticks": list(weights.values())}), draft)
        Manifest.objects.create(
            dataset_version=version, frozen_at=AT, sha256="0" * 64, weights_sha256=keep(draft, WEIGHTS)
        )
    if not case.before:
        return ""
    names, currencies = zip(*case.before, strict=True)
    table = {"contributor_id": names, "currency": currencies, "closing_micros": list(case.before.values())}
    pq.write_table(pa.table(table), draft)
    return keep(draft, BALANCES)


def rows_of(splitter: Splitter, ids: list[str]) -> list[dict[str, Any]]:
    """What it makes, as rows, in the order in which it comes. Each time it is all that a currency has of some rolls."""
    rows: list[dict[str, Any]] = []
    number, seen = 0, set()
    rolls = [{*range(*cut)} for cut in splitter.rolls.slices(1)]
    for some in splitter.statements():
        assert some.first_no == number + 1
        stops = [0, *some.ends.tolist()]
        assert stops[-1] == len(some.pools) == len(some.ticks) == len(some.amounts_micros)
        assert len(stops) - 1 == len(some.people) == len(some.opening_micros) == len(some.earned_micros)
        for place, person in enumerate(some.people.tolist()):
            number += 1
            for line in range(stops[place], stops[place + 1]):
                last = line + 1 == stops[place + 1]
                rows.append({
                    "cycle_id": CYCLE, "statement_no": number, "numerator_ticks": int(some.ticks[line]),
                    "amount_micros": int(some.amounts_micros[line]), "opening_micros": int(some.opening_micros[place]) * last,
                    "earned_micros": int(some.earned_micros[place]) * last, "pool_id": int(some.pools[line]),
                    "statement_lines": (stops[place + 1] - stops[place]) * last, "contributor_id": ids[person],
                })  # fmt: skip
        taken = {(some.currency, at) for at, roll in enumerate(rolls) if roll & {*some.people.tolist()}}
        assert taken.isdisjoint(seen)
        seen |= taken
    return rows


@given(
    case=cases(), people=st.sampled_from([1, 2, 3, 1000]), in_memory=st.sampled_from([0, 60, 10**6]),
    room=st.sampled_from([1, 120, array_rows.ROOM_BYTES]),
)  # fmt: skip
@settings(
    max_examples=examples(quick=20, long=60),
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
def test_entries_controls_and_balances_are_those_of_the_slow_twin(
    case: Case, people: int, in_memory: int, room: int, tmp_path: Path
) -> None:
    with (
        transaction.atomic(), spool() as scratch, duck(scratch) as con,
        mock.patch.object(splitting, "PEOPLE_AT_ONCE", people), mock.patch.object(splitting, "AMOUNTS_BYTES", in_memory),
        mock.patch.object(array_rows, "ROOM_BYTES", room),
    ):  # fmt: skip
        before = store(case, tmp_path)
        numerators = Numerators(con, sources=SOURCES, pinned=Pinned(), versions=VERSIONS, scratch=scratch)
        splitter = Splitter(
            cycle_id=CYCLE, pools=case.pools, numerators=numerators, rulebook=SOURCES.rulebook, before=before,
            scratch=scratch,
        )  # fmt: skip
        rows = rows_of(splitter, numerators.people.ids.to_pylist())
        pools, accounts = splitter.controls()
        closing = pq.read_table(splitter.balances).to_pylist()
        transaction.set_rollback(True)
    should, balances = twin(case)
    assert rows == should
    assert splitter.entries == len(should)
    assert {(row["contributor_id"], row["currency"]): row["closing_micros"] for row in closing} == balances
    assert len(closing) == len(balances)
    lasts = [(row["contributor_id"], row["earned_micros"]) for row in should if row["statement_lines"]]
    assert [(row["contributor_id"], row["earned_micros"]) for row in closing] == lasts
    for pool, control in zip(case.pools, pools, strict=True):
        own = sorted((row for row in should if row["pool_id"] == pool.pk), key=lambda row: row["contributor_id"])
        weights = [row["numerator_ticks"] for row in own]
        floors = sum(pool.distributable_micros * weight // sum(weights) for weight in weights)
        assert vars(control) | {"_state": None} == {
            "_state": None, "id": None, "cycle_id": CYCLE, "pool_id": pool.pk, "entries": len(own),
            "numerator_ticks": sum(weights), "amount_micros": pool.distributable_micros,
            "residue_micros": pool.distributable_micros - floors,
            "sha256": hash_of(own, "numerator_ticks", "amount_micros"),
        }  # fmt: skip
    currencies = {pool.pk: pool.currency for pool in case.pools}
    assert [control.currency for control in accounts] == sorted(set(currencies.values()))
    for total in accounts:
        lasts = [row for row in should if row["statement_lines"] and currencies[row["pool_id"]] == total.currency]
        assert vars(total) | {"_state": None} == {
            "_state": None, "id": None, "cycle_id": CYCLE, "currency": total.currency, "accounts": len(lasts),
            "credited": sum(row["earned_micros"] > 0 for row in lasts),
            "opening_micros": sum(row["opening_micros"] for row in lasts),
            "earned_micros": sum(row["earned_micros"] for row in lasts),
            "sha256": hash_of(lasts, "opening_micros", "earned_micros"),
        }  # fmt: skip
