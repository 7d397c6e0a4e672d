"""The tree of a currency's statements, made by arrays and kept in one file, from which a path is read by a few seeks.

The file: MAGIC, the number of statements n (8 bytes), then the statements' places in the cycle in rising order (n × 4
bytes); where each one's parts stand among the leaves (2n × 4); their salts (2n × 16) and amounts (2n × 16); and all
rows of nodes from the leaves up to the root, 48 bytes each (`rules.Node`). Numbers are big-endian.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from hashlib import sha256, shake_256
from pathlib import Path
from typing import Any, BinaryIO, NamedTuple

import numpy as np
import numpy.typing as npt

from revshare.apportion import exact_sum
from revshare.errors import Refused
from revshare.progress import Progress, no_progress
from revshare.proofs.rules import LEAF, MAX_SUM_MICROS, NODE, NOTHING, PARTS, SALT_BYTES, Node, Step

MAGIC = b"REVSHARE-TREE-1\n"
HEAD_BYTES = len(MAGIC) + 8
AT_ONCE = 1 << 16  # nodes whose bytes are in memory together
CHANCE_AT_ONCE = 4096
NODE_TYPE = np.dtype([("hash", "V32"), ("earned", ">i8"), ("owed", ">i8")])
LEAF_BYTES = np.dtype([
    ("mark", "V1"), ("salt", f"V{SALT_BYTES}"), ("part", "u1"), ("content", "V32"), ("earned", ">i8"), ("owed", ">i8"),
])  # fmt: skip
NODE_BYTES = np.dtype([("mark", "V1"), ("left", NODE_TYPE), ("right", NODE_TYPE)])
# What chance gives each statement: of each part a salt and a place, of each amount where it is split.
CHANCE = np.dtype([("salts", f"V{SALT_BYTES}", PARTS), ("earned", ">u8"), ("owed", ">u8"), ("places", ">u8", PARTS)])
PLACES = np.dtype([("places", ">u8", PARTS)])
FEWEST_HIDDEN = 3  # of two statements each sees the other's amount in the totals, whatever the order
SHARE = np.dtype([("earned", ">i8"), ("owed", ">i8")])

Numbers = npt.NDArray[np.int64]


@dataclass(frozen=True)
class Statements:
    """The statements of a currency, by rising place in the cycle: SHA-256 of each one's text (dtype V32), what it
    earned and what is owed by it, in micros."""

    ordinals: npt.NDArray[np.int32]
    contents: npt.NDArray[np.void]
    earned: Numbers
    owed: Numbers


class Part(NamedTuple):
    """A leaf of a statement and the way from it to the root."""

    salt: bytes
    earned_micros: int
    owed_micros: int
    path: tuple[Step, ...]


def plant(statements: Statements, *, secret: bytes, label: str, target: Path, progress: Progress = no_progress) -> Node:
    """Writes the tree to a file; returns its root. All chance comes from `secret` and `label` (the cycle and currency),
    so the same statements make the same file. Raises Refused for sums beyond 63 bits."""
    count = len(statements.ordinals)
    for amounts in (statements.earned, statements.owed):
        if exact_sum(amounts) > MAX_SUM_MICROS:
            raise Refused(f"The statements of {label} add up to more than {MAX_SUM_MICROS} micros.")
    chance = chances(secret, label, count)
    shares = np.empty((count, PARTS), SHARE)
    for name, whole in (("earned", statements.earned), ("owed", statements.owed)):
        first = chance[name].astype(np.uint64) % (whole.astype(np.uint64) + np.uint64(1))
        shares[name][:, 0], shares[name][:, 1] = first, whole - first.astype(np.int64)
    order = order_of(secret, label, chance["places"])
    places = np.empty(count * PARTS, ">u4")
    places[order] = np.arange(count * PARTS, dtype=np.uint32)
    total = 2 * PARTS * count
    with target.open("wb") as file:
        file.write(MAGIC + count.to_bytes(8, "big") + statements.ordinals.astype(">u4").tobytes() + places.tobytes())
        file.write(chance["salts"].tobytes() + shares.tobytes())
        row = _leaves(statements, chance["salts"], shares, order)
        done = 0
        while True:
            file.write(row.tobytes())
            done += len(row)
            progress("tree", done, total)
            if len(row) <= 1:
                break
            row = _above(row)
    top = row[0] if len(row) else None
    return _node(top) if top is not None else NOTHING


def chances(secret: bytes, label: str, count: int) -> npt.NDArray[Any]:
    """64 random bytes for each statement: SHAKE-256 of the secret, the label and the number of each 4,096 of them."""
    return _drawn(secret + label.encode() + b"\n", count, CHANCE)


def _drawn(name: bytes, count: int, kind: np.dtype[Any]) -> npt.NDArray[Any]:
    drawn = np.empty(count, kind)
    for first in range(0, count, CHANCE_AT_ONCE):
        size = min(CHANCE_AT_ONCE, count - first)
        block = shake_256(name + (first // CHANCE_AT_ONCE).to_bytes(8, "big")).digest(size * kind.itemsize)
        drawn[first : first + size] = np.frombuffer(block, kind)
    return drawn


def order_of(secret: bytes, label: str, places: npt.NDArray[Any]) -> Numbers:
    """The leaves in their order: by places drawn anew until no pair of neighbours shows a whole statement (`_is_shy`),
    so that each such order is as likely as any other. Nearly half of all orders are such, however many statements."""
    order, again = _by_place(places), 0
    while len(places) >= FEWEST_HIDDEN and not _is_shy(order):
        again += 1
        name = secret + label.encode() + b"\norder " + again.to_bytes(8, "big")
        order = _by_place(_drawn(name, len(places), PLACES)["places"])
    return order


def _by_place(places: npt.NDArray[Any]) -> Numbers:
    return np.argsort(places.astype(np.uint64).reshape(-1), kind="stable")


def _is_shy(order: Numbers) -> bool:
    """Whether each pair of neighbours is of two statements, and no two statements are neighbours twice: else a path has
    both parts of somebody's amount, in one sum or in the two leaves beside one's own."""
    pairs = np.sort((order // PARTS).reshape(-1, 2), axis=1)
    if (pairs[:, 0] == pairs[:, 1]).any():
        return False
    named = np.sort(pairs[:, 0] * len(order) + pairs[:, 1])
    return not (named[1:] == named[:-1]).any()


def _leaves(
    statements: Statements, salts: npt.NDArray[Any], shares: npt.NDArray[Any], order: npt.NDArray[np.int64]
) -> npt.NDArray[Any]:
    row = np.empty(len(order), NODE_TYPE)
    salts, shares = salts.reshape(-1), shares.reshape(-1)
    for first in range(0, len(order), AT_ONCE):
        chosen = order[first : first + AT_ONCE]
        block = np.empty(len(chosen), LEAF_BYTES)
        block["mark"], block["salt"] = np.frombuffer(LEAF, "V1"), salts[chosen]
        block["part"], block["content"] = chosen % PARTS, statements.contents[chosen // PARTS]
        for name in ("earned", "owed"):
            block[name] = row[name][first : first + AT_ONCE] = shares[name][chosen]
        row["hash"][first : first + AT_ONCE] = _hashed(block)
    return row


def _above(row: npt.NDArray[Any]) -> npt.NDArray[Any]:
    """The row of nodes above one. Where that has an odd number, NOTHING stands beside its last."""
    if len(row) % 2:
        row = np.append(row, np.array([(NOTHING.hash, 0, 0)], NODE_TYPE))
    above = np.empty(len(row) // 2, NODE_TYPE)
    for name in ("earned", "owed"):
        above[name] = row[name][0::2].astype(np.int64) + row[name][1::2].astype(np.int64)
    for first in range(0, len(above), AT_ONCE):
        pairs = row[2 * first : 2 * (first + AT_ONCE)]
        block = np.empty(len(pairs) // 2, NODE_BYTES)
        block["mark"], block["left"], block["right"] = np.frombuffer(NODE, "V1"), pairs[0::2], pairs[1::2]
        above["hash"][first : first + AT_ONCE] = _hashed(block)
    return above


def _hashed(block: npt.NDArray[Any]) -> npt.NDArray[Any]:
    data, size = block.tobytes(), block.dtype.itemsize
    hashes = b"".join([sha256(data[at : at + size]).digest() for at in range(0, len(data), size)])
    return np.frombuffer(hashes, "V32")


def _node(raw: Any) -> Node:
    return Node(bytes(raw["hash"]), int(raw["earned"]), int(raw["owed"]))


def parts_of(path: Path, ordinal: int) -> tuple[Part, ...]:
    """The leaves of the statement at this place in its cycle, with their ways to the root; none if the tree has no such
    statement."""
    with path.open("rb") as file:
        if file.read(len(MAGIC)) != MAGIC:
            raise Refused(f"{path} is not a tree of statements.")
        count = int.from_bytes(file.read(8), "big")
        at = _find(file, count, ordinal)
        if at is None:
            return ()
        places_at = HEAD_BYTES + 4 * count
        salts_at = places_at + 4 * PARTS * count
        shares_at = salts_at + SALT_BYTES * PARTS * count
        rows_at = shares_at + SHARE.itemsize * PARTS * count
        found = []
        for leaf in range(at * PARTS, (at + 1) * PARTS):
            place = int.from_bytes(_read(file, places_at + 4 * leaf, 4), "big")
            salt = _read(file, salts_at + SALT_BYTES * leaf, SALT_BYTES)
            share = np.frombuffer(_read(file, shares_at + SHARE.itemsize * leaf, SHARE.itemsize), SHARE)[0]
            steps = tuple(_steps(file, rows_at, PARTS * count, place))
            found.append(Part(salt, int(share["earned"]), int(share["owed"]), steps))
        return tuple(found)


def _find(file: BinaryIO, count: int, ordinal: int) -> int | None:
    """Where a statement stands among those of the tree, by halves."""
    low, high = 0, count
    while low < high:
        middle = (low + high) // 2
        found = int.from_bytes(_read(file, HEAD_BYTES + 4 * middle, 4), "big")
        if found == ordinal:
            return middle
        low, high = (middle + 1, high) if found < ordinal else (low, middle)
    return None


def _steps(file: BinaryIO, row_at: int, length: int, place: int) -> Iterator[Step]:
    while length > 1:
        beside = place ^ 1
        if beside < length:
            raw = _read(file, row_at + NODE_TYPE.itemsize * beside, NODE_TYPE.itemsize)
            yield Step(beside < place, _node(np.frombuffer(raw, NODE_TYPE)[0]))
        else:
            yield Step(False, NOTHING)
        row_at += NODE_TYPE.itemsize * length
        length, place = (length + 1) // 2, place // 2


def _read(file: BinaryIO, at: int, size: int) -> bytes:
    file.seek(at)
    return file.read(size)
