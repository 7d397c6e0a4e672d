"""The fast way from records to weights against the rule in SQL, and both against one asset after another in Python."""

from collections import defaultdict
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path
from typing import Any
from unittest import mock

import duckdb
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from django.test import override_settings
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from revshare.apportion import TICKS_PER_ASSET, split_ticks
from revshare.lake import duck, literal, spool
from revshare.manifests import contributor_codes, equal_shares, weighing
from revshare.manifests.rules import weigh_sql
from revshare.manifests.weighing import UnknownContributor, weigh
from tests.examples import examples

VERSIONS = ("v1", "v2", "v'3", "v4")
PEOPLE = ("a", "A", "9", "10", "é", "作家", "a-longer-id", "=x", *(f"p{number}" for number in range(15)))
HOLDERS = [1, 1, 1, 2, 7, 16, 17, 19, 23]
SCHEMA = pa.schema([
    ("dataset_version", pa.string()), ("asset_id", pa.string()), ("contributor_id", pa.string()),
    ("share", pa.decimal128(38, 6)), ("weight", pa.decimal128(38, 6)),
])  # fmt: skip
LIMITS: dict[str, tuple[Any, ...]] = {
    "ARRAY_BYTES": (300, 2000, 10**9), "CELLS_AT_ONCE": (1, 30, 10**7), "MOSTLY_ODD": (0, 3, 10**9),
    "BITMAP_BITS": (1, 3, 24), "BATCH_ROWS": (1, 5, 10**6),
    "HASH": (equal_shares.HASH, "hash(asset_id)", "(hash(asset_id) % 2 * (1::UBIGINT << 63))", "CAST(7 AS UBIGINT)"),
    "contributor_codes.HASH": (
        contributor_codes.HASH, "hash(contributor_id) >> 32", "(hash(contributor_id) | 18446462598732840960::UBIGINT)",
        "CASE contributor_id WHEN 'A' THEN 18446744073709551615::UBIGINT ELSE hash(contributor_id) END",
        "CAST(7 AS UBIGINT)",
    ),
}  # fmt: skip
"""Small enough to take every way through the code; hashes that meet often, or always."""
Record = tuple[str, str, str, Decimal | None, Decimal]
Weights = dict[str, dict[str, tuple[int, Decimal]]]


@dataclass(frozen=True)
class Case:
    records: list[Record]
    cuts: list[int]  # where one part ends and the next begins
    limits: Mapping[str, Any]
    looks_odd: str = ""  # whose records look odd and are not (a weight of 1.000), as others of their assets do not


@st.composite
def cases(draw: st.DrawFn) -> Case:
    """Each record once; an asset's id also stands in other versions; shares and weights on some versions only."""
    records: list[Record] = []
    for version in draw(st.lists(st.sampled_from(VERSIONS), min_size=1, unique=True)):
        odd = draw(st.sampled_from(["", "", "shares", "weights", "both"]))
        for number in range(draw(st.integers(1, 6))):
            names = draw(st.permutations(PEOPLE))[: draw(st.sampled_from(HOLDERS))]
            weight = (
                Decimal(draw(st.sampled_from(["1", "0", "2.5", "0.000001"])))
                if odd in ("weights", "both")
                else Decimal(1)
            )
            shares: list[Decimal | None] = [None] * len(names)
            if odd in ("shares", "both") and draw(st.booleans()):
                parts = draw(
                    st.lists(st.sampled_from(["0", "1", "0.333333", "7"]), min_size=len(names), max_size=len(names))
                )
                shares = [Decimal(part) for part in ["0.142857", *parts[1:]]]
            records += [
                (version, f"asset {number}", name, share, weight) for name, share in zip(names, shares, strict=True)
            ]
    records = draw(st.permutations(records))
    cuts = sorted(draw(st.lists(st.integers(0, len(records)), max_size=2)))
    limits = {name: draw(st.sampled_from(values)) for name, values in LIMITS.items()}
    return Case(records, cuts, limits, draw(st.sampled_from(["", "", "A"])))


def twin(records: list[Record]) -> Weights:
    by_asset: dict[tuple[str, str], dict[str, tuple[Decimal | None, Decimal]]] = defaultdict(dict)
    for version, asset, name, share, weight in records:
        by_asset[version, asset][name] = (share, weight)
    found: Weights = defaultdict(dict)
    for (version, _), people in by_asset.items():
        names = sorted(people)
        given_shares = [people[name][0] for name in names]
        millionths = [int(share * 1_000_000) for share in given_shares if share is not None]
        parts = split_ticks(shares=millionths or None, contributors=len(names))
        for name, ticks in zip(names, parts, strict=True):
            before, weighted = found[version].get(name, (0, Decimal(0)))
            found[version][name] = (before + ticks, weighted + ticks * people[name][1])
    return found


def parts_of(case: Case, folder: Path) -> str:
    """The records as Parquet files; returns SQL that reads them."""
    paths = []
    for number, (start, end) in enumerate(zip([0, *case.cuts], [*case.cuts, len(case.records)], strict=True)):
        columns = zip(*case.records[start:end], strict=True) if end > start else [[]] * len(SCHEMA)
        arrays = [pa.array(list(values), kind.type) for values, kind in zip(columns, SCHEMA, strict=True)]
        pq.write_table(pa.table(arrays, SCHEMA), folder / f"part-{number}.parquet")
        paths.append(literal(folder / f"part-{number}.parquet"))
    odd = f"share IS NOT NULL OR weight <> 1 OR contributor_id = {literal(case.looks_odd)}"
    return f"SELECT *, {odd} AS odd FROM read_parquet([{', '.join(paths)}])"


def people_of(records: str) -> str:
    """Everybody in the records, and somebody who has none."""
    return f"SELECT DISTINCT contributor_id FROM ({records}) UNION SELECT 'nobody'"


def in_order(con: duckdb.DuckDBPyConnection, people: str) -> pa.Array:
    found = con.sql(f"SELECT contributor_id FROM ({people}) ORDER BY contributor_id").to_arrow_table()
    return found.column(0).combine_chunks()


@contextmanager
def limited(limits: Mapping[str, Any]) -> Iterator[None]:
    """Sets the modules' limits, and how many bytes of arrays may be in memory at once."""
    with ExitStack() as stack:
        for name, value in limits.items():
            if name == "ARRAY_BYTES":
                stack.enter_context(override_settings(REVSHARE_ARRAY_BYTES=value))
            else:
                module = weighing if hasattr(weighing, name) else equal_shares
                owner, _, name = name.rpartition(".")
                stack.enter_context(mock.patch.object(contributor_codes if owner else module, name, value))
        yield


@given(case=cases())
@settings(
    max_examples=examples(quick=25, long=80),
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
def test_the_fast_way_the_rule_and_python_agree(case: Case) -> None:
    with spool() as scratch, duck(scratch) as con, limited(case.limits):
        records = parts_of(case, scratch)
        weighed = weigh(
            con, records=records, people=in_order(con, people_of(records)), versions=(*VERSIONS, "none"), target=scratch
        )  # fmt: skip
        should = twin(case.records)
        for version in (*VERSIONS, "none"):
            rows = pq.read_table(weighed[version].weights).to_pylist()
            found = {row["contributor_id"]: (row["assets_ticks"], row["weight_ticks"]) for row in rows}
            assert found == should.get(version, {})
            assert [row["contributor_id"] for row in rows] == sorted(found)
            own = [record for record in case.records if record[0] == version]
            assert (weighed[version].records, weighed[version].assets) == (
                len(own),
                len({asset for _, asset, *_ in own}),
            )
        by_rule = con.execute(weigh_sql(records)).fetchall()
        assert {(version, name): (ticks, weighted) for version, name, ticks, weighted in by_rule} == {
            (version, name): held for version, people in should.items() for name, held in people.items()
        }


def weighed(records: list[Record], limits: Mapping[str, Any], looks_odd: str = "") -> Weights:
    """What the fast way says of some records."""
    with spool() as scratch, duck(scratch) as con, limited(limits):
        sql = parts_of(Case(records, [len(records) // 2], {}, looks_odd), scratch)
        names = sorted({version for version, *_ in records})
        done = weigh(con, records=sql, people=in_order(con, people_of(sql)), versions=names, target=scratch)
        return {
            name: {
                row["contributor_id"]: (row["assets_ticks"], row["weight_ticks"])
                for row in pq.read_table(done[name].weights).to_pylist()
            }
            for name in names
        }


def test_the_ways_are_taken_that_the_limits_say() -> None:
    """Several groups, passes and parts of them; by the rule where most records say a share, and where hashes meet by id."""
    alone: list[Record] = [(f"v{n % 3}", f"a{n}", PEOPLE[n % 5], None, Decimal(1)) for n in range(60)]
    shared: list[Record] = [("v0", f"s{n}", name, None, Decimal(1)) for n in range(90) for name in ("a", "A")]
    shares: list[Record] = [("v0", f"x{n}", "a", Decimal(2), Decimal(1)) for n in range(40)]
    for records, limits, groups, by_rule, passes, parts, by_id in (
        (alone, {}, 1, 0, 1, 1, 0),
        (alone, {"CELLS_AT_ONCE": 5}, 3, 0, 3, 3, 0),
        (alone, {"ARRAY_BYTES": 100}, 1, 0, 6, 6, 0),
        (alone, {"HASH": "CAST(7 AS UBIGINT)"}, 1, 0, 1, 1, 1),
        (shared, {"ARRAY_BYTES": 1_800}, 1, 0, 1, 9, 0),
        (alone + shares[:3], {}, 1, 0, 1, 1, 0),
        (alone + shares, {}, 1, 1, 1, 1, 0),
    ):
        names = ("_repeated", "_count_singles", "_count_by_id")
        spies = {name: mock.Mock(wraps=getattr(equal_shares, name)) for name in names}
        count, rule = mock.Mock(wraps=weighing.count_equal), mock.Mock(wraps=weighing._weigh_by_rule)
        with (
            mock.patch.multiple(equal_shares, **spies),
            mock.patch.multiple(weighing, count_equal=count, _weigh_by_rule=rule),
        ):
            assert weighed(records, limits) == twin(records)
        assert (count.call_count, rule.call_count) == (groups, by_rule)
        assert [spies[name].call_count for name in names] == [passes, parts, by_id]


@pytest.mark.parametrize("hash_sql", LIMITS["HASH"])
@pytest.mark.parametrize("holders", [2, 16, 17, 18, 19, 20, 23])
def test_assets_of_many_holders_whose_hashes_meet(holders: int, hash_sql: str) -> None:
    """The same id in two versions, ids that begin alike, and one with another number of holders."""
    names = [("v0", "x"), ("v1", "x"), ("v0", "xx"), ("v0", "x" * 20 + "1"), ("v0", "x" * 20 + "2")]
    records: list[Record] = [
        (version, asset, name, None, Decimal(1)) for version, asset in names for name in reversed(PEOPLE[:holders])
    ]
    records.append(("v0", "alone", "é", None, Decimal(1)))
    assert weighed(records, {"HASH": hash_sql}) == twin(records)


@pytest.mark.parametrize("hash_sql", LIMITS["contributor_codes.HASH"])
def test_contributors_whose_hashes_lie_close_or_meet(hash_sql: str) -> None:
    """All in the first slot of the table, all in the last, one with the greatest hash there is, all with the same."""
    records: list[Record] = [(f"v{n % 2}", f"a{n}", PEOPLE[n % len(PEOPLE)], None, Decimal(1)) for n in range(60)]
    assert weighed(records, {"contributor_codes.HASH": hash_sql}) == twin(records)
    strangers = [*records, ("v0", "b", "stranger", None, Decimal(1))]
    with limited({"contributor_codes.HASH": hash_sql}), spool() as scratch, duck(scratch) as con:
        known = f"SELECT DISTINCT contributor_id FROM ({parts_of(Case(records, [], {}), scratch)})"
        con.execute(f"CREATE TABLE known AS {known}")
        sql = parts_of(Case(strangers, [], {}), scratch)
        with pytest.raises(UnknownContributor, match="1 "):
            weigh(con, records=sql, people=in_order(con, "FROM known"), versions=("v0", "v1"), target=scratch)


def test_an_asset_of_which_one_record_looks_odd_stays_whole() -> None:
    records: list[Record] = [("v", "x", name, None, Decimal(1)) for name in PEOPLE[:17]]
    records += [("v", f"y{number}", "é", None, Decimal(1)) for number in range(9)]
    assert weighed(records, {}, looks_odd="A") == twin(records)


def test_whoever_holds_too_little_of_an_asset_for_a_tick_is_in_the_manifest() -> None:
    names = [f"{number:06}" for number in range(TICKS_PER_ASSET + 2)]
    found = weighed([("v", "crowd", name, None, Decimal(1)) for name in names], {})["v"]
    assert len(found) == len(names)
    assert [found[name][0] for name in names] == [1] * TICKS_PER_ASSET + [0, 0]


@pytest.mark.parametrize(
    ("share", "others"), [(None, 0), (Decimal(1), 0), (Decimal(1), 9)], ids=["counted", "rule", "odd"]
)
def test_a_record_of_somebody_whom_nobody_knows_stops_the_weighing(share: Decimal | None, others: int) -> None:
    records: list[Record] = [("v0", "a1", "a", share, Decimal(1)), ("v0", "a2", "stranger", share, Decimal(1))]
    records += [("v0", f"b{number}", "a", None, Decimal(1)) for number in range(others)]
    with spool() as scratch, duck(scratch) as con:
        sql = parts_of(Case(records, [], {}), scratch)
        with pytest.raises(UnknownContributor, match="1 "):
            weigh(con, records=sql, people=pa.array(["a"]), versions=("v0",), target=scratch)
