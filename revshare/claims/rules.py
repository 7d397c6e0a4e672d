"""The states of a claim and the moves between them; what a cycle has to know of claims. Pure."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from decimal import Decimal
from typing import Any

from revshare.policies.eligibility import RecordClass

FILED, UPHELD = "filed", "upheld"
OPEN = (FILED, "proven")
CLOSED = ("upheld", "rejected", "lapsed")


@dataclass(frozen=True)
class Move:
    """One allowed move."""

    action: str
    source: str
    target: str


MOVES = (
    Move("prove", "filed", "proven"),
    Move("lapse", "filed", "lapsed"),
    Move("reject", "filed", "rejected"),
    Move("reject", "proven", "rejected"),
    Move("uphold", "proven", "upheld"),
)


def move_of(*, action: str, state: str) -> Move | None:
    """The move that this action makes of a claim in this state, or None if it is not allowed."""
    return next((move for move in MOVES if (move.action, move.source) == (action, state)), None)


@dataclass(frozen=True)
class Holder:
    """What a contributor holds of one asset: ticks, these times its weight, and what the record says besides."""

    contributor_id: str
    record: RecordClass
    ticks: int
    weight_ticks: Decimal


@dataclass(frozen=True)
class Contested:
    """An asset of a dataset version that claims are about. `owner`: whose it is by an upheld claim, '' if by none.
    `claim`: the one that is open, 0 if none is."""

    dataset_version: str
    asset_id: str
    owner: str
    claim: int
    holders: tuple[Holder, ...]

    @property
    def people(self) -> list[str]:
        return [self.owner] * bool(self.owner) + [holder.contributor_id for holder in self.holders]

    def as_json(self) -> dict[str, Any]:
        holders = [
            {
                "contributor_id": h.contributor_id, "record": asdict(h.record), "ticks": h.ticks,
                "weight": str(h.weight_ticks),
            }
            for h in self.holders
        ]  # fmt: skip
        return {
            "dataset_version": self.dataset_version, "asset_id": self.asset_id, "owner": self.owner,
            "claim": self.claim, "holders": holders,
        }  # fmt: skip


def contested_of(items: Sequence[Mapping[str, Any]]) -> list[Contested]:
    """What a lock pinned (`Contested.as_json`)."""
    return [
        Contested(
            item["dataset_version"], item["asset_id"], item["owner"], item["claim"],
            tuple(
                Holder(h["contributor_id"], RecordClass(**h["record"]), h["ticks"], Decimal(h["weight"]))
                for h in item["holders"]
            ),
        )
        for item in items
    ]  # fmt: skip
