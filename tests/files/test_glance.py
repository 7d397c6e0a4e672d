"""What is seen at a glance against a slow look."""

from collections import Counter
from unittest import mock

import numpy as np
import pyarrow as pa
import pytest
from django.test import override_settings
from hypothesis import given, settings
from hypothesis import strategies as st

from revshare.files import glance
from revshare.files.glance import Glance, Plain

MOST = 2**64 - 1
PLAIN = Plain(key=("a", "b"), owner="b", only={"share": "", "weight": "1"})
# Some that many rows have, and the ends.
hashes = st.sampled_from([0, 1, 2, 2**62, 2**62 + 1, 2**63, MOST - 1, MOST]) | st.integers(0, MOST)
batches = st.lists(st.lists(st.tuples(hashes, hashes), max_size=8), max_size=6)


def seen(made: list[list[tuple[int, int]]]) -> Glance:
    found = Glance()
    for batch in made:
        keys, owners = ([pair[place] for pair in batch] for place in (0, 1))
        found.see(
            pa.record_batch(
                {
                    glance.KEY_HASH: pa.array(keys, pa.uint64()),
                    glance.OWNER_HASH: pa.array(owners, pa.uint64()),
                }
            )
        )
    return found


@given(made=batches, most=st.sampled_from([4, 16_000_000]), together=st.sampled_from([0, 3, 1_000_000]))
@settings(max_examples=150, deadline=None)
def test_keys_and_owners_are_those_that_came_by(made: list[list[tuple[int, int]]], most: int, together: int) -> None:
    with mock.patch.object(glance, "MAX_OWNERS", most), mock.patch.object(glance, "OWNERS_TOGETHER", together):
        found = seen(made)
    rows = [pair for batch in made for pair in batch]
    owners = sorted({owner for _, owner in rows})
    assert found.rows == len(rows)
    repeated, kept = found.repeated(), found.owners()
    assert repeated is not None
    assert repeated.tolist() == sorted(key for key, count in Counter(key for key, _ in rows).items() if count > 1)
    assert kept is None or kept.tolist() == owners
    assert kept is not None or len(owners) > most
    again = found.repeated()
    assert again is not None
    assert again.tolist() == repeated.tolist()


def test_what_has_no_room_is_not_known() -> None:
    with override_settings(REVSHARE_ARRAY_BYTES=16):
        assert seen([[(1, 1), (1, 2)]]).repeated() is not None
        assert seen([[(1, 1), (1, 2)], [(3, 3)]]).repeated() is None


@pytest.mark.parametrize(
    ("name", "values", "allowed"),
    [
        ("a", ["x", "!~"], True),
        ("a", ["x", ""], False),
        ("a", ["x", None], False),
        ("licence", ["x", "", None], True),
        ("licence", ["", ""], True),
        ("licence", ["x y"], False),
        ("licence", ["x\x7f"], False),
        ("licence", ["é"], False),
        ("licence", ["x" * 200], True),
        ("licence", ["x" * 201], False),
        ("share", ["", None], True),
        ("share", ["1"], False),
        ("weight", ["", "1", None], True),
        ("weight", ["11"], False),
        ("weight", ["1", "2"], False),
        ("weight", [1, None], True),
        ("weight", [1, 2], False),
        ("weight", [-1], False),
        ("share", [1], False),
        ("share", pa.array([None], pa.int64()), True),
    ],
)
def test_what_a_column_may_say(name: str, values: list[object], allowed: bool) -> None:
    column = pa.array(values)
    assert PLAIN.allows(name, column) is allowed
    # The same as a piece of a longer one.
    longer = pa.concat_arrays([pa.array([None], column.type), column, pa.array([None], column.type)])
    assert PLAIN.allows(name, longer.slice(1, len(values))) is allowed


def test_numbers_are_compared_whole() -> None:
    assert not PLAIN.allows("weight", pa.array(np.array([2**32 + 1]), pa.int64()))
