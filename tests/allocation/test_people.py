"""Contributors of a cycle, put together by the numbers of their files and by their names: the same people, holding the
same."""

from pathlib import Path
from unittest import mock

import duckdb
import pyarrow as pa
import pytest

from revshare.allocation import queries
from revshare.allocation.queries import People
from revshare.lake import duck, spool
from revshare.manifests.queries import Weights
from revshare.manifests.weighing import weigh

EVERYBODY = ["A", "a", "b", "long-name", "é", "作家"]
RECORDS = [("v1", "x", "b"), ("v1", "y", "作家"), ("v1", "y", "A"), ("v2", "x", "long-name"), ("v2", "z", "b")]


def drafts(con: duckdb.DuckDBPyConnection, target: Path) -> dict[str, Weights]:
    versions, assets, names = zip(*RECORDS, strict=True)
    con.register("given", pa.table({"dataset_version": versions, "asset_id": assets, "contributor_id": names}))
    records = "SELECT *, NULL::DECIMAL(38, 6) AS share, 1::DECIMAL(38, 6) AS weight, false AS odd FROM given"
    done = weigh(con, records=records, people=pa.array(EVERYBODY), versions=["v1", "v2"], target=target)
    return {version: Weights(weighed.weights, []) for version, weighed in done.items()}


def said(people: People) -> tuple[object, ...]:
    names = people.ids.to_pylist()
    held = {
        version: sorted((names[code], ticks) for _, units in people.units(version, None)
                        for code, ticks in zip(units.codes.tolist(), units.ticks.tolist(), strict=True))
        for version in ("v1", "v2")
    }  # fmt: skip
    return names, held, people.places(EVERYBODY), people.codes_of(["b", "nobody"]).tolist()


@pytest.mark.parametrize("others", [[], ["b", "A"], ["a", "b"], ["zz"]])
def test_numbers_and_names_say_the_same(db: None, others: list[str]) -> None:
    with spool() as scratch, duck(scratch) as con:
        weights = drafts(con, scratch)
        con.execute("DROP TABLE person")
        con.register("moved", pa.table({"contributor_id": pa.array(others, pa.string())}))
        by_number = said(People(con, ["v1", "v2"], ["moved"], drafts=weights))
        with mock.patch.object(queries, "together", return_value=None):
            by_name = said(People(con, ["v1", "v2"], ["moved"], drafts=weights))
        assert by_number == by_name
        assert by_name[0] == sorted({"A", "b", "long-name", "作家", *others})
        assert by_name[1] == {
            "v1": [("A", 360_360), ("b", 720_720), ("作家", 360_360)], "v2": [("b", 720_720), ("long-name", 720_720)],
        }  # fmt: skip


def test_names_are_compared_where_a_file_does_not_number_them(db: None) -> None:
    with spool() as scratch, duck(scratch) as con:
        weights = drafts(con, scratch)
        plain = scratch / "plain.parquet"
        con.execute(
            f"COPY (SELECT * EXCLUDE (place) FROM read_parquet('{weights['v1'].path}')) TO '{plain}' (FORMAT parquet)"
        )
        mixed = weights | {"v1": Weights(plain, [])}
        assert said(People(con, ["v1", "v2"], drafts=mixed)) == said(People(con, ["v1", "v2"], drafts=weights))
