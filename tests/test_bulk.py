"""Arrays go into the database as they are, whatever the lengths of texts and the signs of numbers."""

import random
import subprocess
import sys
from unittest import mock

import numpy as np
import pyarrow as pa
import pytest
from django.db import connection, transaction
from hypothesis import given, settings
from hypothesis import strategies as st

from revshare import bulk
from revshare.bulk import Texts, copy_batches, ids_out
from tests.ownership import owner

texts = st.lists(
    st.text(st.characters(exclude_characters="\0", exclude_categories=["Cs"]), min_size=1, max_size=9), min_size=1
)
EDGES = {
    pa.int16(): (-(2**15), -1, 0, 1, 2**15 - 1), pa.int32(): (-(2**31), -1, 0, 1, 2**31 - 1),
    pa.int64(): (-(2**63), -1, 0, 1, 2**63 - 1),
}  # fmt: skip


@given(values=texts, data=st.data())
@settings(max_examples=60, deadline=None)
def test_texts_are_found_by_their_places(values: list[str], data: st.DataObject) -> None:
    places = data.draw(st.lists(st.integers(0, len(values) - 1), max_size=12))
    # Also a slice of a longer array, as Arrow hands out batches.
    for array in (
        pa.array(values),
        pa.array(["before", *values, "after"]).slice(1, len(values)),
        pa.array(values).cast(pa.large_string()),
    ):
        own = Texts(array)
        positions = np.array(places, np.int64)
        assert own.joined(positions) == "".join(values[place] + "\n" for place in places).encode()


@pytest.mark.parametrize(
    "names", [["ann", "ben", "мир"], ["a", "作家", "Ω", "x" * 300, "=1+1", "\\N", '"', "a\nb", "\U0001f600"]]
)
def test_what_is_copied_comes_back(db: None, names: list[str]) -> None:
    numbers = random.Random(7)
    rows = [(numbers.choice(EDGES[pa.int16()]), numbers.choice(EDGES[pa.int32()]), numbers.choice(EDGES[pa.int64()]), name)
            for name in names for _ in range(5)]  # fmt: skip
    columns = {"a": pa.int16(), "b": pa.int32(), "c": pa.int64(), "d": pa.string()}
    table = pa.table([[row[place] for row in rows] for place in range(4)], pa.schema(columns.items()))
    for frozen in (False, True):
        with transaction.atomic(), owner(), connection.cursor() as cursor:
            cursor.execute("CREATE TABLE copied (a smallint, b integer, c bigint, d text)")
            batches = table.to_batches(max_chunksize=4)
            assert copy_batches(table="copied", columns=[*columns], batches=batches, frozen=frozen) == len(rows)
            cursor.execute("SELECT a, b, c, d FROM copied")
            assert cursor.fetchall() == rows
            transaction.set_rollback(True)


def numbers_of(*values: int) -> pa.RecordBatch:
    return pa.record_batch({"a": pa.array(values, pa.int16())})


def test_nothing_is_copied_from_no_batches(db: None) -> None:
    with connection.cursor() as cursor:
        cursor.execute("CREATE TEMP TABLE copied (a smallint)")
        assert copy_batches(table="copied", columns=("a",), batches=[]) == 0
        assert copy_batches(table="copied", columns=("a",), batches=[numbers_of()]) == 0


def test_an_error_of_the_database_comes_through(db: None) -> None:
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute("CREATE TEMP TABLE copied (a smallint CHECK (a > 0))")
        with pytest.raises(Exception, match="check constraint"), transaction.atomic():
            copy_batches(table="copied", columns=("a",), batches=[numbers_of(0, 0, 0)])


@pytest.mark.parametrize("together", [1, 2, 2048])
def test_all_ids_come_out(db: None, together: int) -> None:
    made = ["ann", "b", "作家", "Ω", "x" * 300, "\U0001f600", "ﬁ", ",", '"', "\\n", "\\", " ", "B"]
    made += [f"{number:04}".rjust(1200, "-") for number in range(40)]  # of which a page holds six
    with connection.cursor() as cursor, mock.patch.object(bulk, "PAGES_TOGETHER", together):
        cursor.execute('CREATE TEMP TABLE known_id (id text COLLATE "C" PRIMARY KEY) ON COMMIT DROP')
        assert list(ids_out("known_id", "id")) == []
        cursor.executemany("INSERT INTO known_id VALUES (%s)", [[one] for one in made])
        cursor.execute("UPDATE known_id SET id = id || '!' WHERE id LIKE '%%1'")  # which stands on the last page now
        arrays = list(ids_out("known_id", "id"))
    kept = [f"{one}!" if one.endswith("1") else one for one in made]
    assert sorted(one for array in arrays for one in array.to_pylist()) == sorted(kept)
    assert (len(arrays) > 1) == (together < 2048)


def test_an_id_with_a_line_feed_is_not_taken_for_two(db: None) -> None:
    with connection.cursor() as cursor:
        cursor.execute('CREATE TEMP TABLE known_id (id text COLLATE "C" PRIMARY KEY) ON COMMIT DROP')
        cursor.execute("INSERT INTO known_id VALUES ('ann'), (E'ben\\ncy')")
    with pytest.raises(ValueError, match="line feed"):
        list(ids_out("known_id", "id"))


def test_arrow_brings_no_pandas_in() -> None:
    code = (
        "import sys, numpy, pyarrow, revshare.bulk\n"
        "table = pyarrow.table({'n': numpy.arange(3)})\n"
        "assert table.column(0).to_numpy().sum() == 3 and pyarrow.array([1, 2]).to_numpy().sum() == 3\n"
        "assert 'pandas' not in sys.modules\n"
        "import pandas\n"
        "assert isinstance(table.to_pandas(), pandas.DataFrame)\n"
    )
    subprocess.run([sys.executable, "-c", code], check=True)
