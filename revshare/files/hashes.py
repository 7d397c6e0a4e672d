"""Arrays of 64-bit hashes."""

from concurrent.futures import ThreadPoolExecutor

import numpy as np
import numpy.typing as npt

Hashes = npt.NDArray[np.uint64]
MIDDLE = np.uint64(1 << 63)


def distinct(ordered: Hashes) -> Hashes:
    """Each once, of an array in order."""
    return ordered[np.concatenate([[True], ordered[1:] != ordered[:-1]])] if len(ordered) else ordered


def repeated(ordered: Hashes) -> Hashes:
    """Those that stand there more than once, each once, of an array in order."""
    return distinct(ordered[1:][ordered[1:] == ordered[:-1]])


class Gathered:
    """Hashes as they come, kept as a lower and an upper half, so that two processors can sort them."""

    def __init__(self) -> None:
        self._halves: tuple[list[Hashes], list[Hashes]] = ([], [])

    def add(self, hashes: Hashes) -> None:
        upper = hashes >= MIDDLE
        self._halves[0].append(hashes[~upper])
        self._halves[1].append(hashes[upper])

    def take_repeated(self) -> tuple[Hashes, int]:
        """Those that came more than once, each once, in ascending order; and how often they came, not counting the
        first time of each. Nothing is kept."""
        with ThreadPoolExecutor(2) as pool:
            lower, upper = pool.map(_take_again, self._halves)
        return np.concatenate([distinct(lower), distinct(upper)]), len(lower) + len(upper)


def _take_again(parts: list[Hashes]) -> Hashes:
    every = np.empty(sum(map(len, parts)), np.uint64)
    end = len(every)
    while parts:  # each is given back once it is copied
        part = parts.pop()
        every[end - len(part) : end] = part
        end -= len(part)
    every.sort()
    return every[1:][every[1:] == every[:-1]]
