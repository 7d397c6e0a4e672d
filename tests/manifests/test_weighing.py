"""The fast way from records to weights against the rule in SQL, and both against one asset after another in Python."""

from collections import defaultdict
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path
from unittest import mock

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from django.test import override_settings
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from revshare.apportion import split_ticks
from revshare.lake import duck, literal, spool
from revshare.manifests import weighing
from revshare.manifests.rules import weigh_sql
from revshare.manifests.weighing import UnknownContributor, weigh

VERSIONS = ("v1", "v2", "v'3", "v4")
PEOPLE = ("a", "A", "9", "10", "é", "作家", "a-longer-id", "=x")
SCHEMA = pa.schema([
    ("dataset_version", pa.string()), ("asset_id", pa.string()), ("contributor_id", pa.string()),
    ("share", pa.decimal128(38, 6)), ("weight", pa.decimal128(38, 6)),
])  # fmt: skip
LIMITS = {
    "RECORDS_AT_ONCE": (1, 3, 10**7), "CELLS_AT_ONCE": (1, 6, 10**7), "MOSTLY_SHARED": (0, 3, 10**9),
    "BITMAP_BITS": (1, 3, 24),
}  # fmt: skip
Record = tuple[str, str, str, Decimal | None, Decimal]
Weights = dict[str, dict[str, tuple[int, Decimal]]]


@dataclass(frozen=True)
class Case:
    records: list[Record]
    cuts: list[int]  # where one part ends and the next begins
    limits: Mapping[str, int]


@st.composite
def cases(draw: st.DrawFn) -> Case:
    """Each record once; an asset's id also stands in other versions; shares and weights on some versions only."""
    records: list[Record] = []
    for version in draw(st.lists(st.sampled_from(VERSIONS), min_size=1, unique=True)):
        odd = draw(st.sampled_from(["", "", "shares", "weights", "both"]))
        for number in range(draw(st.integers(1, 6))):
            names = draw(
                st.lists(st.sampled_from(PEOPLE), min_size=1, max_size=draw(st.sampled_from([1, 1, 1, 7])), unique=True)
            )
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
    return Case(records, cuts, {name: draw(st.sampled_from(values)) for name, values in LIMITS.items()})


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
    return f"SELECT *, share IS NOT NULL OR weight <> 1 AS odd FROM read_parquet([{', '.join(paths)}])"


def people_of(records: str) -> str:
    """Everybody in the records, and somebody who has none."""
    return f"SELECT DISTINCT contributor_id FROM ({records}) UNION SELECT 'nobody'"


@contextmanager
def limited(limits: dict[str, int]) -> Iterator[None]:
    """Sets the module's limits, and how many records may be in memory at once."""
    own = dict(limits)
    at_once = own.pop("RECORDS_AT_ONCE", 10**7)
    with (
        override_settings(REVSHARE_ARRAY_BYTES=at_once * weighing.RECORD_BYTES),
        mock.patch.multiple(weighing, **own) if own else nullcontext(),
    ):
        yield


@given(case=cases())
@settings(
    max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow]
)
def test_the_fast_way_the_rule_and_python_agree(case: Case) -> None:
    with spool() as scratch, duck(scratch) as con, limited(case.limits):
        records = parts_of(case, scratch)
        weighed = weigh(
            con, records=records, people=people_of(records), versions=(*VERSIONS, "none"), target=scratch
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


def test_the_ways_are_taken_that_the_limits_say() -> None:
    """Several passes and groups, and the way back to the rule where most assets are shared."""
    alone: list[Record] = [(f"v{n % 3}", f"a{n}", PEOPLE[n % 5], None, Decimal(1)) for n in range(60)]
    shared: list[Record] = [("v0", f"s{n}", name, None, Decimal(1)) for n in range(90) for name in ("a", "A")]
    for records, limits, groups, by_rule in (
        (alone, {"RECORDS_AT_ONCE": 7, "CELLS_AT_ONCE": 5}, 3, 0), (alone, {}, 1, 0), (alone + shared, {}, 1, 3),
    ):  # fmt: skip
        singles, rule = mock.Mock(wraps=weighing._singles), mock.Mock(wraps=weighing._weigh_by_rule)
        with (
            spool() as scratch, duck(scratch) as con,
            mock.patch.multiple(weighing, _singles=singles, _weigh_by_rule=rule), limited(limits),
        ):  # fmt: skip
            sql = parts_of(Case(records, [], {}), scratch)
            weighed = weigh(con, records=sql, people=people_of(sql), versions=("v0", "v1", "v2"), target=scratch)
        assert (singles.call_count, rule.call_count) == (groups, by_rule)
        assert [weighed[version].assets for version in ("v0", "v1", "v2")] == [
            len({asset for version, asset, *_ in records if version == name}) for name in ("v0", "v1", "v2")
        ]


def test_a_record_of_somebody_whom_nobody_knows_stops_the_weighing() -> None:
    records: list[Record] = [("v0", "a1", "a", None, Decimal(1)), ("v0", "a2", "stranger", None, Decimal(1))]
    with spool() as scratch, duck(scratch) as con:
        sql = parts_of(Case(records, [], {}), scratch)
        with pytest.raises(UnknownContributor, match="1 records"):
            weigh(con, records=sql, people="SELECT 'a' AS contributor_id", versions=("v0",), target=scratch)
