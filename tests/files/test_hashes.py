"""Hashes that come more than once, and hashes of keys of several columns."""

from collections import Counter
from unittest import mock

import duckdb
import numpy as np
from hypothesis import example, given
from hypothesis import strategies as st

from revshare.files import hashes as files_hashes
from revshare.files.hashes import Gathered, key_hash

LARGEST = 2**64 - 1
FEW = st.sampled_from([0, 1, 2**63 - 1, 2**63, LARGEST])
PARTS = st.lists(st.lists(st.one_of(FEW, st.integers(0, LARGEST), st.integers(0, 20)), max_size=60), max_size=6)


@given(PARTS)
@example([])
@example([[]])
@example([[7], [7]])
@example([[7] * 9])
def test_those_that_come_again_are_found_once_and_counted(parts: list[list[int]]) -> None:
    gathered = Gathered()
    with mock.patch.object(files_hashes, "MORE_HASHES", 1):  # it has to grow with nearly every part
        for part in parts:
            hashes = np.array(part, np.uint64)
            gathered.add(hashes)
            hashes[:] = 0  # what came is kept, whatever becomes of the array
    seen = Counter(number for part in parts for number in part)
    repeated, again = gathered.take_repeated()
    assert repeated.tolist() == sorted(number for number, times in seen.items() if times > 1)
    assert again == sum(seen.values()) - len(seen)
    assert gathered.take_repeated()[1] == 0


def test_a_key_is_hashed_by_all_its_columns() -> None:
    rows = [(a, b, c) for a in ("", "x", "xy") for b in ("", "y", "x") for c in ("", "x", "yx")]
    con = duckdb.connect()
    con.execute("CREATE TABLE rows (a VARCHAR, b VARCHAR, c VARCHAR)")
    con.executemany("INSERT INTO rows VALUES (?, ?, ?)", rows * 2)
    for key in (("a",), ("a", "b"), ("a", "b", "c")):
        names = ", ".join(key)
        counted = con.sql(
            f"SELECT count(*), count(DISTINCT h) FROM (SELECT DISTINCT {names}, {key_hash(key)} AS h FROM rows)"
        )
        assert counted.fetchall() == [(3 ** len(key), 3 ** len(key))]
    assert key_hash(("c",)) == "hash(c)"
