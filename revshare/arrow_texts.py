"""Arrow's texts as they lie in memory: one run of bytes, and the places in it where each text ends and the next begins.

An array may be a slice: it then has the places of all texts it was cut from, and the bytes of all of them.
"""

from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
import pyarrow as pa


class Opened(NamedTuple):
    """`ends`: text n is `signs[ends[n]:ends[n + 1]]`; so there is one more of these than texts, also where there is no
    text, and the first need not be 0. They are as wide as the array has them. `signs`: UTF-8, also that of texts which
    the array was cut from."""

    ends: npt.NDArray[np.integer[Any]]
    signs: npt.NDArray[np.uint8]

    @property
    def own(self) -> npt.NDArray[np.uint8]:
        """The bytes of the texts, one after the other, and no others."""
        return self.signs[self.ends[0] : self.ends[-1]]


def opened(texts: pa.Array) -> Opened:
    """`texts`: of strings and large strings nothing is copied. A null looks like a blank: whoever knows of nulls asks
    for them."""
    if not pa.types.is_string(texts.type):
        texts = texts.cast(pa.large_string())
    width = np.dtype(np.int32 if pa.types.is_string(texts.type) else np.int64)
    _, places, data = texts.buffers()
    if not len(texts):  # Arrow may then leave out the places
        return Opened(np.zeros(1, width), np.empty(0, np.uint8))
    ends = np.frombuffer(places, width, count=len(texts) + 1, offset=texts.offset * width.itemsize)
    return Opened(ends, np.frombuffer(data, np.uint8) if data else np.empty(0, np.uint8))
