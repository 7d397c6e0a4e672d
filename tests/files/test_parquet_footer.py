"""A Parquet file under a bare footer holds the same values, whatever wrote it; a footer that is none is refused."""

from pathlib import Path
from typing import Any

import duckdb
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from revshare.files.parquet_footer import FooterUnfit, copy_bare

MARK = {b"one": b"mark"}
TABLE = pa.table({
    "name": [f"n{number}" for number in range(100)], "blank": pa.array([None, "x"] * 50), "count": range(100),
}).replace_schema_metadata({"private": "note"})  # fmt: skip


@pytest.mark.parametrize(
    "options",
    [
        {},
        {"compression": "zstd", "row_group_size": 7},
        {"use_dictionary": False, "data_page_version": "2.0"},
        {"write_page_index": True, "version": "1.0", "sorting_columns": [pq.SortingColumn(0)]},
        {"write_page_checksum": True, "compression": "gzip"},
    ],
)
def test_values_stay_and_what_was_said_of_them_goes(tmp_path: Path, options: dict[str, Any]) -> None:
    source, target = tmp_path / "a.parquet", tmp_path / "b.parquet"
    pq.write_table(TABLE, source, **options)
    copy_bare(source, target, mark=MARK)
    assert pq.read_table(target).to_pylist() == TABLE.to_pylist()
    assert duckdb.sql(f"SELECT * FROM '{target}'").fetchall() == duckdb.sql(f"SELECT * FROM '{source}'").fetchall()
    found = pq.read_metadata(target)
    assert found.metadata == MARK
    for group in range(found.num_row_groups):
        for place in range(found.num_columns):
            column = found.row_group(group).column(place)
            assert not column.is_stats_set
            assert not (column.has_column_index)
            assert not (column.has_offset_index)


def test_a_file_of_duckdb(tmp_path: Path) -> None:
    source, target = tmp_path / "a.parquet", tmp_path / "b.parquet"
    with duckdb.connect() as con:
        con.execute(f"COPY (SELECT range % 7 AS a, 'x' || range AS b FROM range(300000)) TO '{source}'")
    copy_bare(source, target, mark=MARK)
    assert pq.read_table(target).equals(pq.read_table(source).replace_schema_metadata())


@given(at=st.integers(0, 400), byte=st.integers(0, 255))
@settings(max_examples=200, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_a_damaged_footer_is_refused_or_written_again(tmp_path: Path, at: int, byte: int) -> None:
    source, target = tmp_path / "a.parquet", tmp_path / "b.parquet"
    pq.write_table(TABLE, source)
    data = bytearray(source.read_bytes())
    data[-9 - at] = byte
    source.write_bytes(data)
    try:
        copy_bare(source, target, mark=MARK)
    except FooterUnfit:
        return
    assert target.read_bytes()[-4:] == b"PAR1"


@pytest.mark.parametrize("data", [b"", b"PAR1", b"PAR1\x00\x00\x00\x00PAR1", b"PAR1\xff\xff\xff\x7fPAR1", b"x" * 40])
def test_what_is_no_parquet_is_refused(tmp_path: Path, data: bytes) -> None:
    source = tmp_path / "a.parquet"
    source.write_bytes(data)
    with pytest.raises(FooterUnfit):
        copy_bare(source, tmp_path / "b.parquet", mark=MARK)
