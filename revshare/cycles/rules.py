"""The states of a cycle, the moves between them, and who may make them."""

from dataclasses import dataclass

STATES = ("open", "locked", "calculated", "in_review", "approved", "published", "settled")


@dataclass(frozen=True)
class Move:
    """One allowed move. `action` is also what `access.rules` asks for."""

    action: str
    source: str
    target: str


MOVES: dict[str, Move] = {
    move.action: move
    for move in (
        Move("lock", "open", "locked"),
        Move("calculate", "locked", "calculated"),
        Move("submit", "calculated", "in_review"),
        Move("approve", "in_review", "approved"),
        Move("publish", "approved", "published"),
        Move("settle", "published", "settled"),
    )
}


def reached(*, state: str, goal: str) -> bool:
    """Whether a cycle in `state` has been through `goal` already."""
    return STATES.index(state) >= STATES.index(goal)
