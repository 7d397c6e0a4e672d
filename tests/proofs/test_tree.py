"""The tree by arrays against one built node by node; its file is read back path by path."""

import hashlib
import itertools
import math
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from revshare.errors import Refused
from revshare.proofs.rules import MAX_SUM_MICROS, NOTHING, Node, climb, leaf, owed, parent, split
from revshare.proofs.tree import CHANCE_AT_ONCE, Statements, chances, order_of, parts_of, plant
from tests.conftest import ROOT

SECRET = bytes(range(32))


def statements(amounts: list[tuple[int, int]]) -> Statements:
    """By (earned, closing); the places in the cycle have gaps."""
    contents = b"".join(hashlib.sha256(str(number).encode()).digest() for number in range(len(amounts)))
    return Statements(
        ordinals=np.arange(len(amounts), dtype=np.int32) * 3 + 5,
        contents=np.frombuffer(contents, "V32"),
        earned=np.array([earned for earned, _ in amounts], np.int64),
        owed=np.array([owed(closing) for _, closing in amounts], np.int64),
    )


def shows_somebody(sides: list[int]) -> bool:
    """Whether somebody's path has both parts of another's amount, or of their own in one sum; `sides`: whose each leaf is."""
    beside: dict[int, list[int]] = {}
    for place, owner in enumerate(sides):
        beside.setdefault(owner, []).append(sides[place ^ 1])
    return any(owner in others or others[0] == others[1] for owner, others in beside.items())


def slow_order(places: list[int], *, secret: bytes, label: str) -> list[int]:
    """Leaves (two to a statement) as docs/proof.md puts them in order."""
    again = 0
    while True:
        order = sorted(range(len(places)), key=lambda leaf: (places[leaf], leaf))
        if len(places) < 6 or not shows_somebody([leaf // 2 for leaf in order]):
            return order
        again, drawn = again + 1, b""
        for block in range((len(places) + 8191) // 8192):
            name = secret + label.encode() + b"\norder " + again.to_bytes(8, "big") + block.to_bytes(8, "big")
            drawn += hashlib.shake_256(name).digest(16 * 4096)
        places = [int.from_bytes(drawn[8 * leaf : 8 * leaf + 8], "big") for leaf in range(len(places))]


def slow_root(what: Statements, *, secret: bytes, label: str) -> Node:
    """The root as docs/proof.md says it, one statement and one node at a time."""
    leaves: list[Node] = []
    drawn_places = []
    for number, content in enumerate(what.contents):
        block, at = divmod(number, 4096)
        size = 64 * min(4096, len(what.contents) - 4096 * block)
        drawn = hashlib.shake_256(secret + label.encode() + b"\n" + block.to_bytes(8, "big")).digest(size)
        mine = drawn[64 * at : 64 * at + 64]
        shares = [
            split(int(amount), int.from_bytes(mine[32 + 8 * place : 40 + 8 * place], "big"))
            for place, amount in enumerate((what.earned[number], what.owed[number]))
        ]
        for part in (0, 1):
            node = leaf(
                content=bytes(content), part=part, salt=mine[16 * part : 16 * part + 16],
                earned_micros=shares[0][part], owed_micros=shares[1][part],
            )  # fmt: skip
            leaves.append(node)
            drawn_places.append(int.from_bytes(mine[48 + 8 * part : 56 + 8 * part], "big"))
    row = [leaves[leaf] for leaf in slow_order(drawn_places, secret=secret, label=label)]
    while len(row) > 1:
        row += [NOTHING] * (len(row) % 2)
        row = [parent(left, right) for left, right in zip(row[::2], row[1::2], strict=True)]
    return row[0]


def check_all(what: Statements, path: Path, root: Node) -> None:
    for number, ordinal in enumerate(what.ordinals):
        parts = parts_of(path, int(ordinal))
        assert sum(part.earned_micros for part in parts) == what.earned[number]
        assert sum(part.owed_micros for part in parts) == what.owed[number]
        for place, part in enumerate(parts):
            start = leaf(
                content=bytes(what.contents[number]), part=place, salt=part.salt, earned_micros=part.earned_micros,
                owed_micros=part.owed_micros,
            )  # fmt: skip
            assert climb(start, part.path) == root


AMOUNTS = st.lists(st.tuples(st.integers(0, 10**12), st.integers(-(10**12), 10**12)), min_size=1, max_size=40)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=60, deadline=None)
@given(AMOUNTS)
def test_the_root_is_that_of_the_slow_tree_and_every_path_leads_to_it(
    tmp_path: Path, amounts: list[tuple[int, int]]
) -> None:
    what = statements(amounts)
    root = plant(what, secret=SECRET, label="june USD", target=tmp_path / "tree")
    assert root == slow_root(what, secret=SECRET, label="june USD")
    assert root.earned_micros == sum(earned for earned, _ in amounts)
    assert root.owed_micros == sum(max(closing, 0) for _, closing in amounts)
    check_all(what, tmp_path / "tree", root)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=60, deadline=None)
@given(st.integers(3, 12), st.binary(min_size=32, max_size=32))
def test_no_path_shows_both_parts_of_somebodys_amount(tmp_path: Path, count: int, secret: bytes) -> None:
    """Whose part stands beside whose is found by the hashes of all leaves, in what the paths show."""
    what = statements([(10**9 + number, 10**9) for number in range(count)])
    plant(what, secret=secret, label="june USD", target=tmp_path / "tree")
    owners, beside = {}, {}
    for number, ordinal in enumerate(what.ordinals):
        for place, part in enumerate(parts_of(tmp_path / "tree", int(ordinal))):
            node = leaf(
                content=bytes(what.contents[number]), part=place, salt=part.salt, earned_micros=part.earned_micros,
                owed_micros=part.owed_micros,
            )  # fmt: skip
            owners[node] = number
            beside.setdefault(number, []).append(part.path[0].node)
    assert len(owners) == 2 * count
    for number, nodes in beside.items():
        assert len({owners[node] for node in nodes} - {number}) == 2


def test_orders_are_drawn_again_as_often_as_that_takes() -> None:
    """Of all orders of the leaves of three statements 8 in 15 show nobody's amount; those, and no others, come of it."""
    seen = set()
    for number in range(3000):
        secret = number.to_bytes(32, "big")
        seen.add(tuple(order_of(secret, "june USD", chances(secret, "june USD", 3)["places"])))
    shy = {order for order in itertools.permutations(range(6)) if not shows_somebody([leaf // 2 for leaf in order])}
    assert len(shy) == math.factorial(6) * 8 // 15
    assert seen <= shy
    assert len(seen) > 0.99 * len(shy)


def test_many_places_are_drawn_again_in_blocks() -> None:
    count, again = CHANCE_AT_ONCE + 1, 0
    for number in range(6):
        secret = number.to_bytes(32, "big")
        drawn = chances(secret, "june USD", count)["places"]
        order = list(order_of(secret, "june USD", drawn))
        assert order == slow_order(drawn.reshape(-1).tolist(), secret=secret, label="june USD")
        again += order != list(np.argsort(drawn.astype(np.uint64).reshape(-1), kind="stable"))
    assert again


def test_of_one_or_two_statements_the_first_order_stands() -> None:
    for count in (1, 2):
        drawn = chances(SECRET, "june USD", count)["places"]
        assert list(order_of(SECRET, "june USD", drawn)) == list(np.argsort(drawn.astype(np.uint64).reshape(-1)))


def test_a_large_tree_is_made_in_blocks(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("revshare.proofs.tree.AT_ONCE", 1000)
    count = CHANCE_AT_ONCE + 1
    what = statements([(number, number * 7 - 1000) for number in range(count)])
    root = plant(what, secret=SECRET, label="june USD", target=tmp_path / "tree")
    assert root == slow_root(what, secret=SECRET, label="june USD")
    assert len(parts_of(tmp_path / "tree", 5)[0].path) == (2 * count - 1).bit_length()


def test_a_statement_that_is_not_in_it_has_no_parts(tmp_path: Path) -> None:
    plant(statements([(1, 1), (2, 2)]), secret=SECRET, label="june USD", target=tmp_path / "tree")
    assert [len(parts_of(tmp_path / "tree", ordinal)) for ordinal in (4, 5, 6, 8, 9)] == [0, 2, 0, 2, 0]


def test_another_secret_or_another_cycle_makes_another_tree(tmp_path: Path) -> None:
    what = statements([(10, 20), (30, 40)])
    roots = {
        plant(what, secret=secret, label=label, target=tmp_path / "tree").hash
        for secret, label in ((SECRET, "june USD"), (bytes(32), "june USD"), (SECRET, "june EUR"))
    }
    assert len(roots) == 3


def test_sums_beyond_63_bits_are_refused(tmp_path: Path) -> None:
    with pytest.raises(Refused, match="add up to more than"):
        plant(statements([(0, MAX_SUM_MICROS), (0, 1)]), secret=SECRET, label="x", target=tmp_path / "tree")


def test_the_largest_amounts_fit(tmp_path: Path) -> None:
    root = plant(statements([(MAX_SUM_MICROS, MAX_SUM_MICROS)]), secret=SECRET, label="x", target=tmp_path / "tree")
    assert (root.earned_micros, root.owed_micros) == (MAX_SUM_MICROS, MAX_SUM_MICROS)
    check_all(statements([(MAX_SUM_MICROS, MAX_SUM_MICROS)]), tmp_path / "tree", root)


def test_another_file_is_no_tree(tmp_path: Path) -> None:
    (tmp_path / "tree").write_bytes(b"something else altogether")
    with pytest.raises(Refused, match="is not a tree"):
        parts_of(tmp_path / "tree", 1)


def test_the_vectors_of_the_docs(tmp_path: Path) -> None:
    """Another program can be held against them: docs/proof.md has each leaf, its salt, and the root."""
    texts = [f"statement {number}\n".encode() for number in (1, 2, 3)]
    what = Statements(
        ordinals=np.array([1, 2, 3], np.int32),
        contents=np.frombuffer(b"".join(hashlib.sha256(text).digest() for text in texts), "V32"),
        earned=np.array([1_000_000, 0, 7], np.int64),
        owed=np.array([owed(closing) for closing in (1_500_000, -20, 7)], np.int64),
    )
    told = (ROOT / "docs" / "proof.md").read_text()
    second = bytes(range(2, 34))  # with it the order is drawn again
    drawn = chances(second, "june USD", 3)["places"]
    order = [f"{item // 2 + 1}.{item % 2}" for item in order_of(second, "june USD", drawn)]
    assert f"The second is kept: {', '.join(' '.join(order[at : at + 2]) for at in (0, 2, 4))};" in told
    root = plant(what, secret=second, label="june USD", target=tmp_path / "tree")
    assert root == slow_root(what, secret=second, label="june USD")
    assert f"`{root.hash.hex()}`, earned {root.earned_micros}, owed {root.owed_micros}." in told
    root = plant(what, secret=SECRET, label="june USD", target=tmp_path / "tree")
    for number, content in enumerate(what.contents, 1):
        for part, leaf_part in enumerate(parts_of(tmp_path / "tree", number)):
            _, earned, due = node = leaf(
                content=bytes(content), part=part, salt=leaf_part.salt, earned_micros=leaf_part.earned_micros,
                owed_micros=leaf_part.owed_micros,
            )  # fmt: skip
            line = f"| {number} | {part} | `{leaf_part.salt.hex()}` | {earned} | {due} | `{node.hash.hex()}` |"
            assert line in told
    assert f"`{root.hash.hex()}`, earned {root.earned_micros}, owed {root.owed_micros}." in told
