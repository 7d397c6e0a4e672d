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
from revshare.bulk import Texts, copy_arrays, ids_out
from tests.ownership import owner

texts = st.lists(
    st.text(st.characters(exclude_characters="\0", exclude_categories=["Cs"]), min_size=1, max_size=9), min_size=1
)
EDGES = {
    np.int16: (-(2**15), -1, 0, 1, 2**15 - 1), np.int32: (-(2**31), -1, 0, 1, 2**31 - 1),
    np.int64: (-(2**63), -1, 0, 1, 2**63 - 1),
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
        found: dict[int, bytes] = {}
        for chosen, block in own.groups(positions):
            at = np.arange(len(places))[chosen]
            assert len(at) == len(block)
            assert len({len(values[places[place]].encode()) for place in at}) <= 1
            found |= dict(zip(at.tolist(), block.tolist(), strict=True))
        assert [found[place] for place in range(len(places))] == [values[place].encode() for place in places]


@pytest.mark.parametrize(
    "names", [["ann", "ben", "мир"], ["a", "作家", "Ω", "x" * 300, "=1+1", "\\N", '"', "a\nb", "\U0001f600"]]
)
def test_what_is_copied_comes_back(db: None, names: list[str]) -> None:
    numbers = random.Random(7)
    rows = [(numbers.choice(EDGES[np.int16]), numbers.choice(EDGES[np.int32]), numbers.choice(EDGES[np.int64]), name)
            for name in names for _ in range(5)]  # fmt: skip
    own = Texts(pa.array([row[3] for row in rows]))
    small, middle, large = (np.array([row[place] for row in rows], kind) for place, kind in enumerate(EDGES))

    def blocks():  # type: ignore[no-untyped-def]
        for first in range(0, len(rows), 4):
            at = np.arange(first, min(first + 4, len(rows)))
            for chosen, ids in own.groups(at):
                yield small[at][chosen], middle[at][chosen], large[at][chosen], ids

    for frozen in (False, True):
        with transaction.atomic(), owner(), connection.cursor() as cursor:
            cursor.execute("CREATE TABLE copied (a smallint, b integer, c bigint, d text)")
            assert copy_arrays(table="copied", columns=("a", "b", "c", "d"), blocks=blocks(), frozen=frozen) == len(
                rows
            )
            cursor.execute("SELECT a, b, c, d FROM copied")
            assert sorted(cursor.fetchall()) == sorted(rows)
            transaction.set_rollback(True)


def test_nothing_is_copied_from_no_blocks(db: None) -> None:
    with connection.cursor() as cursor:
        cursor.execute("CREATE TEMP TABLE copied (a smallint)")
        assert copy_arrays(table="copied", columns=("a",), blocks=[]) == 0
        assert copy_arrays(table="copied", columns=("a",), blocks=[[np.empty(0, np.int16)]]) == 0


def test_an_error_of_the_database_comes_through(db: None) -> None:
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute("CREATE TEMP TABLE copied (a smallint CHECK (a > 0))")
        with pytest.raises(Exception, match="check constraint"), transaction.atomic():
            copy_arrays(table="copied", columns=("a",), blocks=[[np.zeros(3, np.int16)]])


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
