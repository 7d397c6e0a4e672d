"""The tree's arithmetic, held against a plain one written down from docs/proof.md."""

import hashlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from revshare.proofs.rules import MAX_SUM_MICROS, NOTHING, Node, ProofWrong, Step, climb, leaf, owed, parent, split

AMOUNTS = st.integers(0, MAX_SUM_MICROS)


@given(AMOUNTS, st.integers(0, 2**64 - 1))
def test_the_parts_of_an_amount_come_to_it_and_none_is_negative(amount: int, chance: int) -> None:
    first, second = split(amount, chance)
    assert first + second == amount
    assert min(first, second) >= 0


def test_a_leaf_is_the_hash_of_its_parts_in_order() -> None:
    content, salt = hashlib.sha256(b"text").digest(), bytes(range(16))
    by_hand = hashlib.sha256(
        b"\x01" + salt + b"\x01" + content + (7).to_bytes(8, "big") + (300).to_bytes(8, "big")
    ).digest()
    assert leaf(content=content, part=1, salt=salt, earned_micros=7, owed_micros=300) == Node(by_hand, 7, 300)


def test_a_node_covers_the_sums_of_both_children() -> None:
    left, right = Node(b"l" * 32, 1, 2), Node(b"r" * 32, 3, 4)
    by_hand = hashlib.sha256(
        b"\x02"
        + b"l" * 32
        + bytes(7)
        + b"\x01"
        + bytes(7)
        + b"\x02"
        + b"r" * 32
        + bytes(7)
        + b"\x03"
        + bytes(7)
        + b"\x04"
    ).digest()
    assert parent(left, right) == Node(by_hand, 4, 6)
    # The same total, shared otherwise between the two, is another node: what the summed-only tree does not tell apart.
    assert parent(Node(b"l" * 32, 3, 4), Node(b"r" * 32, 1, 2)).hash != by_hand


@pytest.mark.parametrize("bad", [(-1, 0), (0, -1), (MAX_SUM_MICROS + 1, 0), (MAX_SUM_MICROS, 0)])
def test_a_sum_that_is_negative_or_too_large_is_no_node(bad: tuple[int, int]) -> None:
    with pytest.raises(ProofWrong, match="negative or too large"):
        parent(Node(b"l" * 32, *bad), Node(b"r" * 32, 1, 1))


def test_a_path_is_climbed_by_its_sides() -> None:
    a, b, c = (Node(bytes([n]) * 32, n, 10 * n) for n in (1, 2, 3))
    root = parent(parent(a, b), parent(c, NOTHING))
    assert climb(a, [Step(False, b), Step(False, parent(c, NOTHING))]) == root
    assert climb(c, [Step(False, NOTHING), Step(True, parent(a, b))]) == root
    assert climb(c, [Step(True, NOTHING), Step(True, parent(a, b))]) != root


def test_a_balance_below_zero_is_owed_nothing() -> None:
    assert [owed(micros) for micros in (-5, 0, 5)] == [0, 0, 5]
