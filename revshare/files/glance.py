"""One look at all rows of a large file while they pass by: whether each is plainly right, and hashes of its ids.

Most large files hold nothing but short words of printable ASCII, no id is missing, and nothing odd is said of any row.
Of those this look is the only one at single rows. A file with anything else in it is left to the patient ways.
"""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import pyarrow as pa
from django.conf import settings

from revshare.arrow_texts import opened
from revshare.files.hashes import Gathered, Hashes, distinct, key_hash
from revshare.files.rules import MAX_ID_LENGTH

SPACE, DELETE = b" \x7f"
HASH_BYTES = 8
# Only we write this into a file's footer: its `Plain.only` columns, there or not, say nothing in any row.
PLAIN_MARK = {b"revshare": b"plain rows"}
KEY_HASH, OWNER_HASH = "key_hash", "owner_hash"
OWNERS_TOGETHER = 2_000_000  # so many are put together, or as many as are known already
MAX_OWNERS = 8_000_000  # beyond, owners are compared as they were before


class NotPlain(Exception):
    """The file has to go another way."""


@dataclass(frozen=True)
class Plain:
    """What rows of a kind must be for no row to break a rule by itself. `key`: the ids that none may lack, together
    what makes a row another than the others. `owner`: the id among them that leads to a person. `only`: columns that
    say nothing but this value, or are blank. All other values are words of no more letters than an id."""

    key: tuple[str, ...]
    owner: str
    only: Mapping[str, str]

    @property
    def hashes(self) -> str:
        """SQL of DuckDB: what `Glance.see` wants to know of each row."""
        return f"{key_hash(self.key)} AS {KEY_HASH}, hash({self.owner}) AS {OWNER_HASH}"

    def allows(self, name: str, column: pa.Array) -> bool:
        """Whether these values of a column, text or whole numbers, break no rule."""
        if name in self.key and column.null_count:
            return False
        if not pa.types.is_string(column.type):
            return self._allows_numbers(name, column)
        texts = opened(column)
        lengths, signs = np.diff(texts.ends), texts.own
        if name in self.key and len(lengths) and not lengths.min():
            return False
        if not len(signs):
            return True
        if name in self.only:
            said = self.only[name].encode()
            return len(said) == 1 and bool(lengths.max() == 1 and signs.min() == signs.max() == said[0])
        return bool(lengths.max() <= MAX_ID_LENGTH and signs.min() > SPACE and signs.max() < DELETE)

    def _allows_numbers(self, name: str, column: pa.Array) -> bool:
        numbers = column.drop_null().to_numpy()
        return not len(numbers) or bool(
            self.only.get(name, "").isdecimal() and numbers.min() == numbers.max() == int(self.only[name])
        )


class Glance:
    """What was seen of the rows. Its memory is bounded by REVSHARE_ARRAY_BYTES; where that is not enough it knows
    less, and says so by None."""

    def __init__(self) -> None:
        self._keys: Gathered | None = Gathered()
        self.rows = 0
        self._repeated: Hashes | None = None
        self._owners: list[Hashes] | None = [np.empty(0, np.uint64)]

    def see(self, rows: pa.RecordBatch) -> None:
        """Takes the two hashes (`Plain.hashes`) of some rows."""
        self.rows += len(rows)
        if self.rows * HASH_BYTES > settings.REVSHARE_ARRAY_BYTES:
            self._keys = None
        if self._keys is not None:
            self._keys.add(_hashes(rows, KEY_HASH))
        if self._owners is not None:
            self._see_owners(_hashes(rows, OWNER_HASH), self._owners)

    def _see_owners(self, hashes: Hashes, found: list[Hashes]) -> None:
        """What was found before is the first, each once; then what each batch since has."""
        found.append(distinct(np.sort(hashes)))
        if sum(map(len, found[1:])) > max(len(found[0]), OWNERS_TOGETHER):
            found[:] = [_all_of(found)]
            if len(found[0]) > MAX_OWNERS:
                self._owners = None

    def repeated(self) -> Hashes | None:
        """The hashes of keys that more than one row may have, in ascending order; None if that is not known."""
        if self._keys is not None:
            (self._repeated, _), self._keys = self._keys.take_repeated(), None
        return self._repeated

    def owners(self) -> Hashes | None:
        """The hashes of all owners, each once, in ascending order; None if that is not known."""
        return None if self._owners is None else _all_of(self._owners)


def _hashes(rows: pa.RecordBatch, name: str) -> Hashes:
    return np.asarray(rows.column(name).to_numpy(zero_copy_only=True), np.uint64)


def _all_of(found: list[Hashes]) -> Hashes:
    every = np.concatenate(found)
    every.sort()
    return distinct(every)
