"""Arrow's batches go into the database as they are and in their order, whatever lengths and blanks they hold."""

from typing import Any

import pyarrow as pa
import pytest
from django.db import connection, transaction
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from revshare import binary_rows
from revshare.bulk import copy_batches

COLUMNS = {
    "a": ("smallint", pa.int16(), st.integers(-(2**15), 2**15 - 1)),
    "b": ("integer", pa.int32(), st.integers(-(2**31), 2**31 - 1)),
    "c": ("bigint", pa.int64(), st.none() | st.integers(-(2**63), 2**63 - 1)),
    "d": ("text", pa.string(), st.text(st.characters(exclude_characters="\0", exclude_categories=["Cs"]), max_size=9)),
    "e": ("text", pa.large_string(), st.sampled_from(["", "", "作家", "x" * 300, "\\N", '"', "a\nb"])),
}
rows = st.lists(st.tuples(*(values for _, _, values in COLUMNS.values())), max_size=12)


def batch_of(rows: list[tuple[Any, ...]]) -> pa.RecordBatch:
    columns = zip(*rows, strict=True) if rows else [[]] * len(COLUMNS)
    arrays = [pa.array(values, kind) for values, (_, kind, _) in zip(columns, COLUMNS.values(), strict=True)]
    return pa.RecordBatch.from_arrays(arrays, list(COLUMNS))


@pytest.mark.parametrize("piece_bytes", [binary_rows.PIECE_BYTES, 700, 1])
@given(batches=st.lists(rows, max_size=3), before=rows)
@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_what_is_copied_comes_back_in_its_order(
    db: None, piece_bytes: int, batches: list[list[tuple[Any, ...]]], before: list[tuple[Any, ...]]
) -> None:
    # Also slices of longer batches, whose buffers begin elsewhere.
    sliced = [batch_of(before + rows).slice(len(before)) for rows in batches]
    with pytest.MonkeyPatch.context() as patch, transaction.atomic(), connection.cursor() as cursor:
        patch.setattr(binary_rows, "PIECE_BYTES", piece_bytes)
        types = ", ".join(f"{name} {kind}" for name, (kind, _, _) in COLUMNS.items())
        cursor.execute(f"CREATE TEMP TABLE copied ({types}) ON COMMIT DROP")
        wanted = [row for rows in batches for row in rows]
        assert copy_batches(table="copied", columns=list(COLUMNS), batches=sliced) == len(wanted)
        cursor.execute("SELECT a, b, c, d, e FROM copied ORDER BY ctid")
        assert cursor.fetchall() == wanted
        transaction.set_rollback(True)


def test_one_long_text_makes_few_rows_wide(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(binary_rows, "PIECE_BYTES", 10_000)
    texts = pa.array(["x"] * 500 + ["y" * 9_000] + ["x"] * 499)
    pieces = list(binary_rows.images(pa.RecordBatch.from_arrays([texts], ["text"])))
    assert sum(map(len, pieces)) == 1_000 * 6 + 999 + 9_000
    assert len(pieces) < 30
