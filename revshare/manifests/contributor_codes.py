"""Contributors' places by a hash of their ids, where DuckDB would join a million texts to many millions.

The hash is good enough only where no two of the known contributors share it, which is looked at; then it tells each of
them from all others. A record names a known contributor: its intake made sure of that, nothing takes a contributor
away, and the part it stands in has the bytes that its intake left.
"""

from dataclasses import dataclass

import duckdb
import numpy as np
import numpy.typing as npt

from revshare.files.hashes import Hashes

HASH = "hash(contributor_id)"
SLOTS_PER_HASH = 2

Places = npt.NDArray[np.int32]


@dataclass(frozen=True)
class Codes:
    """`hashes` in ascending order, after them the greatest there is; and the code of each. `starts`: where the hashes
    of each slot begin, which is told by a hash's first bits; `shift` leaves these."""

    hashes: Hashes
    codes: Places
    starts: Places
    shift: np.uint64

    def of(self, hashes: Hashes) -> tuple[Places, npt.NDArray[np.bool_]]:
        """The code of each, and whether there is one."""
        at = self.starts.take((hashes >> self.shift).view(np.int64))
        found = self.hashes.take(at)
        short = np.flatnonzero(found < hashes)
        while len(short):
            at[short] += 1  # not beyond the last, which no hash is greater than
            found[short] = self.hashes.take(at.take(short))
            short = short[found.take(short) < hashes.take(short)]
        return self.codes.take(at), (found == hashes) & (at < len(self.hashes) - 1)


def hashed(con: duckdb.DuckDBPyConnection) -> tuple[Hashes, Places]:
    """The hash and the code of each of the table `person` (contributor_id, code)."""
    columns = con.execute(f"SELECT {HASH} AS hash, code FROM person").fetchnumpy()
    return np.asarray(columns["hash"], np.uint64), np.asarray(columns["code"], np.int32)


def codes_of(hashes: Hashes, codes: Places) -> Codes | None:
    """Of contributors with these hashes and codes; None if two of them have the same hash."""
    order = np.argsort(hashes)
    hashes = np.append(hashes[order], np.uint64(np.iinfo(np.uint64).max))
    if (hashes[1:] == hashes[:-1]).any():
        return None
    bits = (SLOTS_PER_HASH * len(hashes)).bit_length()
    shift = np.uint64(64 - bits)
    in_slot = np.bincount((hashes[:-1] >> shift).view(np.int64), minlength=1 << bits)
    starts = (np.cumsum(in_slot) - in_slot).astype(np.int32)
    return Codes(hashes, np.append(codes[order], np.int32(0)), starts, shift)
