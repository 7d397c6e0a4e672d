"""Arrow's texts as they lie in memory: one run of bytes, and the places in it where each text ends and the next begins.

An array may be a slice: it then has the places of all texts it was cut from, and the bytes of all of them.
"""

from typing import NamedTuple

import numpy as np
import numpy.typing as npt
import pyarrow as pa


class Opened(NamedTuple):
    """`ends`: text n is `signs[ends[n]:ends[n + 1]]`; so there is one more of these than texts, also where there is no
    text, and the first need not be 0. `signs`: UTF-8, also that of texts which the array was cut from."""

    ends: npt.NDArray[np.int64]
    signs: npt.NDArray[np.uint8]

    @property
    def own(self) -> npt.NDArray[np.uint8]:
        """The bytes of the texts, one after the other, and no others."""
        return self.signs[self.ends[0] : self.ends[-1]]


def opened(texts: pa.Array) -> Opened:
    """`texts`: strings or large strings. A null looks like a blank: whoever knows of nulls asks for them."""
    texts = texts.cast(pa.large_string())  # places of 64 bits; the bytes stay where they are
    _, places, data = texts.buffers()
    if not len(texts):  # Arrow may then leave out the places
        return Opened(np.zeros(1, np.int64), np.empty(0, np.uint8))
    ends = np.frombuffer(places, np.int64)[texts.offset : texts.offset + len(texts) + 1]
    return Opened(ends, np.frombuffer(data, np.uint8) if data else np.empty(0, np.uint8))
