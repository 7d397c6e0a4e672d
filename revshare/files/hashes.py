"""Arrays of 64-bit hashes."""

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import numpy.typing as npt

Hashes = npt.NDArray[np.uint64]


def distinct(ordered: Hashes) -> Hashes:
    """Each once, of an array in order."""
    return ordered[np.concatenate([[True], ordered[1:] != ordered[:-1]])] if len(ordered) else ordered


def repeated(ordered: Hashes) -> Hashes:
    """Those that stand there more than once, each once, of an array in order."""
    return distinct(ordered[1:][ordered[1:] == ordered[:-1]])


def key_hash(key: Sequence[str]) -> str:
    """SQL of DuckDB: the 64-bit hash of a key of these columns. Of several, that of the last goes into it by its own
    hash, which whoever asks for both has for nothing."""
    *first, last = key
    return f"hash({', '.join([*first, f'hash({last})'])})" if first else f"hash({last})"


class Gathered:
    """Hashes as they come."""

    def __init__(self) -> None:
        self._parts: list[Hashes] = []

    def add(self, hashes: Hashes) -> None:
        self._parts.append(hashes.copy())  # or all that came with them would stay

    def take_repeated(self) -> tuple[Hashes, int]:
        """Those that came more than once, each once, in ascending order; and how often they came, not counting the
        first time of each. Nothing is kept. Two processors sort a half each."""
        every = self._take_all()
        if not len(every):
            return every, 0
        middle = len(every) // 2
        every.partition(middle)
        with ThreadPoolExecutor(2) as pool:
            list(pool.map(np.ndarray.sort, (every[:middle], every[middle:])))
        again = every[1:][every[1:] == every[:-1]]
        return distinct(again), len(again)

    def _take_all(self) -> Hashes:
        every = np.empty(sum(map(len, self._parts)), np.uint64)
        end = len(every)
        while self._parts:  # each is given back once it is copied
            part = self._parts.pop()
            every[end - len(part) : end] = part
            end -= len(part)
        return every
