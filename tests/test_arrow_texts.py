"""Texts of Arrow, opened: what is found by places and bytes is what Arrow itself gives one by one."""

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from revshare.arrow_texts import opened

KINDS = [pa.string(), pa.large_string()]
texts = st.lists(st.sampled_from(["", "", "ann", "作家", "x" * 300, "a\0b", "é\n"]) | st.text(max_size=9), max_size=12)


def one_by_one(array: pa.Array) -> list[bytes]:
    return [(text or "").encode() for text in array.to_pylist()]


def by_places(array: pa.Array) -> list[bytes]:
    ends, signs = opened(array)
    width = np.int32 if pa.types.is_string(array.type) else np.int64
    assert (ends.dtype, signs.dtype, len(ends)) == (width, np.uint8, len(array) + 1)
    return [signs[ends[n] : ends[n + 1]].tobytes() for n in range(len(array))]


@pytest.mark.parametrize("kind", KINDS)
@given(before=texts, own=texts, after=texts)
def test_each_text_is_where_it_is_said_to_be(
    kind: pa.DataType, before: list[str], own: list[str], after: list[str]
) -> None:
    """Also in slices, and in slices of these."""
    whole = pa.array(["", *before, *own, *after], kind)
    for array in (pa.array(own, kind), whole.slice(1 + len(before), len(own)), whole[1:][len(before) :][: len(own)]):
        assert by_places(array) == one_by_one(array) == [text.encode() for text in own]
        assert opened(array).own.tobytes() == "".join(own).encode()


@pytest.mark.parametrize("kind", KINDS)
def test_no_text_has_one_place_and_no_bytes(kind: pa.DataType) -> None:
    """Arrow leaves out the places or the bytes, or has those of what it was cut from."""
    nothing = pa.py_buffer(b"")
    bare = pa.Array.from_buffers(kind, 0, [None, nothing, nothing])
    for array in (pa.array([], kind), pa.nulls(0, kind), pa.array(["ann", "ben"], kind).slice(1, 0), bare):
        ends, signs = opened(array)
        assert (ends.tolist(), len(signs), len(opened(array).own)) == ([0], 0, 0)


@pytest.mark.parametrize("kind", KINDS)
def test_a_null_looks_like_a_blank(kind: pa.DataType) -> None:
    array = pa.array(["x", None, "作家", None], kind)
    assert by_places(array) == by_places(array.fill_null("")) == one_by_one(array)
    assert by_places(pa.nulls(2, kind)) == [b"", b""]
    assert opened(array[1:]).own.tobytes() == "作家".encode()


@pytest.mark.parametrize("kind", KINDS)
def test_nothing_is_copied(kind: pa.DataType) -> None:
    array = pa.array(["ann", "ben"], kind)
    found = opened(array)
    assert (found.ends.ctypes.data, found.signs.ctypes.data) == tuple(one.address for one in array.buffers()[1:])


def test_texts_of_other_kinds_are_opened_too() -> None:
    array = pa.array(["ann", "ben", "ann"]).dictionary_encode()
    assert opened(array).own.tobytes() == b"annbenann"
