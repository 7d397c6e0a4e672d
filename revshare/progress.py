"""How long work says how far it is: stage, done, total (0: not known)."""

from collections.abc import Callable

Progress = Callable[[str, int, int], None]


def no_progress(stage: str, done: int, total: int) -> None:
    """For callers whom nobody watches."""
