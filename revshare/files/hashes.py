"""Arrays of 64-bit hashes."""

import numpy as np
import numpy.typing as npt

Hashes = npt.NDArray[np.uint64]


def distinct(ordered: Hashes) -> Hashes:
    """Each once, of an array in order."""
    return ordered[np.concatenate([[True], ordered[1:] != ordered[:-1]])] if len(ordered) else ordered


def repeated(ordered: Hashes) -> Hashes:
    """Those that stand there more than once, each once, of an array in order."""
    return distinct(ordered[1:][ordered[1:] == ordered[:-1]])
