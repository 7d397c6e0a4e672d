"""Files of weights put together by numbers: the same contributors, in the same order, as by names."""

from collections.abc import Mapping, Sequence
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from revshare.lake import duck, spool
from revshare.manifests.numbering import NUMBERING, hash_of, together
from revshare.manifests.weighing import weigh

NAMES = ["A", "a", "a-longer-id", "b", "é", "作家", "作家2"]
LIST = sorted([*NAMES, *(f"p{number:02}" for number in range(20))])
OTHER_LIST = [*LIST, "zz"]


def a_file(folder: Path, number: int, rows: Mapping[int, str], listed: Sequence[str] | None = LIST) -> Path:
    """Places with their names; in small row groups, as a large file has several."""
    said = {} if listed is None else {NUMBERING: hash_of(pa.array(listed, pa.string()))}
    table = pa.table({
        "contributor_id": pa.array(rows.values(), pa.string()), "place": pa.array(rows.keys(), pa.int32()),
    })  # fmt: skip
    path = folder / f"weights-{number}.parquet"
    pq.write_table(table.replace_schema_metadata(said), path, row_group_size=3)
    return path


@given(held=st.lists(st.sets(st.integers(0, len(LIST) - 1)), min_size=1, max_size=4))
@settings(deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_everybody_stands_once_and_in_order(held: list[set[int]], tmp_path: Path) -> None:
    files = [a_file(tmp_path, n, {place: LIST[place] for place in sorted(own)}) for n, own in enumerate(held)]
    found = together(files)
    assert found is not None
    assert found.ids.to_pylist() == sorted({LIST[place] for own in held for place in own})
    for path in files:
        rows = pq.read_table(path)
        codes = found.codes[path].tolist()
        assert [found.ids[code].as_py() for code in codes] == rows.column("contributor_id").to_pylist()


A, B, C = LIST[:3]


@pytest.mark.parametrize(
    ("first", "second", "lists"),
    [
        ({0: A}, {1: B}, (LIST, OTHER_LIST)),
        ({0: A}, {1: B}, (LIST, None)),
        ({0: A, 1: B}, {1: C}, (LIST, LIST)),  # one place, two names
        ({0: A, 1: B}, {2: B}, (LIST, LIST)),  # two places, one name
        ({0: B, 1: A}, {2: C}, (LIST, LIST)),  # out of order
    ],
)
def test_numbers_that_do_not_fit_the_names_are_not_used(
    first: dict[int, str], second: dict[int, str], lists: tuple[Sequence[str], Sequence[str] | None], tmp_path: Path
) -> None:
    files = [a_file(tmp_path, 0, first, lists[0]), a_file(tmp_path, 1, second, lists[1])]
    assert together(files) is None


def test_nobody_at_all() -> None:
    assert together([]) is None


def test_lists_differ_where_texts_are_cut_otherwise() -> None:
    assert hash_of(pa.array(["ab", "c"])) != hash_of(pa.array(["a", "bc"]))
    assert hash_of(pa.array(["x", "ab", "c", "y"]).slice(1, 2)) == hash_of(
        pa.array(["ab", "c"]).cast(pa.large_string())
    )


def test_weights_say_who_stands_where() -> None:
    """Those that are counted, those with some odd assets, and those by the rule alone."""
    rows = [("even", "x", "b", "NULL", 1), ("odd", "x", "b", "NULL", 1), ("odd", "y", "a", "NULL", 2)]
    rows += [("odd", f"z{number}", "é", "NULL", 1) for number in range(9)] + [("ruled", "x", "é", "1", 3)]
    values = ", ".join(f"('{v}', '{a}', '{c}', {s}::DECIMAL(38, 6), {w}::DECIMAL(38, 6))" for v, a, c, s, w in rows)
    records = (
        "SELECT *, share IS NOT NULL OR weight <> 1 AS odd "
        f"FROM (VALUES {values}) r (dataset_version, asset_id, contributor_id, share, weight)"
    )
    everybody = ["a", "a0", "b", "é"]
    with spool() as scratch, duck(scratch) as con:
        done = weigh(
            con, records=records, people=pa.array(everybody), versions=["even", "odd", "ruled"], target=scratch
        )
        held = {}
        for version, weighed in done.items():
            table = pq.read_table(weighed.weights)
            assert table.schema.metadata[NUMBERING.encode()].decode() == hash_of(pa.array(everybody))
            held[version] = dict(zip(table["place"].to_pylist(), table["contributor_id"].to_pylist(), strict=True))
        assert held == {"even": {2: "b"}, "odd": {0: "a", 2: "b", 3: "é"}, "ruled": {3: "é"}}
        found = together([weighed.weights for weighed in done.values()])
        assert found is not None
        assert found.ids.to_pylist() == ["a", "b", "é"]
