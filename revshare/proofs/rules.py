"""What a published cycle commits to, as bytes: leaves, nodes and paths of a Merkle sum tree, and the text that is
signed. Pure; `docs/proof.md` says why each thing is as it is.

The hash of a node covers the hashes *and the sums* of both of its children. A tree whose nodes cover only the sum of
the two can be made to leave money out (Chalkias, Chatzigiannis, Ji: "Broken Proofs of Solvency in Blockchain Custodial
Wallets and Exchanges", 2022). Each statement is two leaves, its amounts split at random between them, so that who sees
a leaf beside their own does not see an amount of anybody's statement.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from hashlib import sha256
from typing import NamedTuple

from revshare.errors import Refused

FORMAT = "revshare commitment 1"
PROOF_FORMAT = "revshare statement proof 1"
PARTS = 2
SALT_BYTES = 16
LEAF, NODE = b"\x01", b"\x02"  # what the bytes under a hash begin with, so that no leaf is taken for a node
MAX_SUM_MICROS = 2**63 - 1


class ProofWrong(Refused):
    """A proof does not prove what it says."""

    code = "proof_wrong"


class Node(NamedTuple):
    """A leaf or a node: its hash, and what all statements below it earned and are owed, in micros."""

    hash: bytes
    earned_micros: int
    owed_micros: int


NOTHING = Node(bytes(32), 0, 0)
"""Stands in where a row of nodes has an odd number: nobody knows bytes with this hash, and it adds nothing."""


class Step(NamedTuple):
    """The other child on the way up; `is_left`: it stands to the left."""

    is_left: bool
    node: Node


def owed(closing_micros: int) -> int:
    """What a statement says is owed: its closing balance, or nothing where that is below zero."""
    return max(closing_micros, 0)


def split(amount_micros: int, chance: int) -> tuple[int, int]:
    """The two parts of an amount; `chance`: 64 random bits. Each split is as likely as any other, but for one part in
    2^64 / (amount + 1)."""
    first = chance % (amount_micros + 1)
    return first, amount_micros - first


def _bytes_of(node: Node) -> bytes:
    return node.hash + node.earned_micros.to_bytes(8, "big") + node.owed_micros.to_bytes(8, "big")


def leaf(*, content: bytes, part: int, salt: bytes, earned_micros: int, owed_micros: int) -> Node:
    """A part (0, 1) of a statement whose canonical text has the SHA-256 `content`."""
    _check_sums(earned_micros, owed_micros)
    amounts = earned_micros.to_bytes(8, "big") + owed_micros.to_bytes(8, "big")
    return Node(sha256(LEAF + salt + bytes([part]) + content + amounts).digest(), earned_micros, owed_micros)


def parent(left: Node, right: Node) -> Node:
    """The node above two others. Raises ProofWrong for a sum that is negative or beyond 63 bits."""
    for node in (left, right):
        _check_sums(node.earned_micros, node.owed_micros)
    earned, due = left.earned_micros + right.earned_micros, left.owed_micros + right.owed_micros
    _check_sums(earned, due)
    return Node(sha256(NODE + _bytes_of(left) + _bytes_of(right)).digest(), earned, due)


def climb(start: Node, path: Sequence[Step]) -> Node:
    """The root that a leaf and its path lead to."""
    node = start
    for step in path:
        node = parent(step.node, node) if step.is_left else parent(node, step.node)
    return node


def _check_sums(*sums: int) -> None:
    if not all(0 <= micros <= MAX_SUM_MICROS for micros in sums):
        raise ProofWrong("A sum in the proof is negative or too large to be one.")


@dataclass(frozen=True)
class PoolFacts:
    """A pool as the commitment names it. What came in is net sales, what earlier cycles carried over, and what suspense
    released."""

    table: str
    model: str
    dataset_version: str
    part: str
    currency: str
    in_micros: int
    distributable_micros: int
    denominator: int


@dataclass(frozen=True)
class TreeFacts:
    """The root over a currency's statements."""

    currency: str
    statements: int
    root: Node


@dataclass(frozen=True)
class CycleFacts:
    """What a cycle's commitment says. `aside`: what of a currency's pools went to no contributor, by bucket."""

    key: str
    period: tuple[str, str, str]  # first instant, the instant after the last, time zone
    policy: tuple[str, str]  # name@version, SHA-256 of its text
    result_digest: str
    journal_hash: str
    pools: tuple[PoolFacts, ...]
    aside: tuple[tuple[str, str, int], ...]  # currency, bucket, micros
    trees: tuple[TreeFacts, ...]


def commitment_text(facts: CycleFacts) -> str:
    """The text that is signed: one fact a line, its parts separated by tabs, `\\n` line ends, in this order."""
    lines: list[tuple[object, ...]] = [
        (FORMAT,), ("cycle", facts.key), ("period", *facts.period), ("policy", *facts.policy),
        ("result", facts.result_digest), ("journal", facts.journal_hash),
        *(("pool", p.currency, p.table, p.model, p.dataset_version, p.part, p.in_micros, p.distributable_micros,
           p.denominator) for p in facts.pools),
        *(("aside", *item) for item in facts.aside),
        *(("tree", t.currency, t.statements, t.root.earned_micros, t.root.owed_micros, t.root.hash.hex())
          for t in facts.trees),
    ]  # fmt: skip
    return "".join("\t".join(map(str, line)) + "\n" for line in lines)
