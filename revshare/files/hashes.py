"""Arrays of 64-bit hashes."""

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import numpy.typing as npt

Hashes = npt.NDArray[np.uint64]
MORE_HASHES = 2 << 20  # 16 MiB: what an array has room for beyond those it must


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
    """Hashes as they come, in one array, whose pages are moved and not copied when it has to grow."""

    def __init__(self) -> None:
        self._every = np.empty(0, np.uint64)
        self._count = 0

    def add(self, hashes: Hashes) -> None:
        """Copies them: or all that came with them would stay."""
        end = self._count + len(hashes)
        if end > len(self._every):
            self._every.resize(end + MORE_HASHES, refcheck=False)
        self._every[self._count : end] = hashes
        self._count = end

    def take_repeated(self) -> tuple[Hashes, int]:
        """Those that came more than once, each once, in ascending order; and how often they came, not counting the
        first time of each. Nothing is kept. Two processors sort a half each."""
        every = self._every[: self._count]
        self._every, self._count = np.empty(0, np.uint64), 0
        if not len(every):
            return every, 0
        middle = len(every) // 2
        every.partition(middle)
        with ThreadPoolExecutor(2) as pool:
            list(pool.map(np.ndarray.sort, (every[:middle], every[middle:])))
        again = every[1:][every[1:] == every[:-1]]
        return distinct(again), len(again)
