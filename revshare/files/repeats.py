"""Rows of one file with the same key."""

from collections.abc import Iterator, Sequence

import numpy as np
import numpy.typing as npt
import pyarrow as pa
from django.conf import settings

from revshare.files.hashes import distinct, key_hash, repeated
from revshare.files.work import Work

__all__ = ["distinct", "except_repeated", "hashes_of"]

ROW_BYTES = 16  # what a row takes in memory while its hash is fetched and sorted


def except_repeated(work: Work, *, key: Sequence[str], content: str) -> None:
    """Of rows with the same key and content the first is kept and the others are duplicates; where the content (SQL
    over `accepted`) differs all of them wait in quarantine: none may win by standing first.

    Keys are compared only where their 64-bit hashes are equal, which is cheap to find out.
    """
    seen = work.glance.repeated() if work.glance else None
    hashes = _repeated_hashes(work, key) if seen is None else seen
    if not len(hashes):
        return
    work.con.register("repeated_hashes", pa.table({"hash": hashes}))
    keys = ", ".join(key)
    work.con.execute(
        "CREATE OR REPLACE TEMP TABLE perhaps_repeated AS SELECT * FROM accepted "
        f"SEMI JOIN repeated_hashes ON {key_hash(key)} = repeated_hashes.hash"
    )
    work.except_rows(
        f"WITH twins AS (SELECT {keys}, min(row) AS first_row, count(DISTINCT {content}) AS contents "
        f"FROM perhaps_repeated GROUP BY {keys} HAVING count(*) > 1) "
        "SELECT row, CASE contents WHEN 1 THEN 'duplicate' ELSE 'quarantined' END AS outcome, "
        f"CASE contents WHEN 1 THEN '' ELSE 'conflicting_duplicate@{key[-1]}' END AS reason "
        f"FROM perhaps_repeated JOIN twins USING ({keys}) WHERE contents > 1 OR row <> first_row"
    )
    work.con.execute("DROP TABLE perhaps_repeated")
    work.con.unregister("repeated_hashes")


def _repeated_hashes(work: Work, key: Sequence[str]) -> npt.NDArray[np.uint64]:
    """The hashes of keys that more than one row may have, in ascending order."""
    found = [np.empty(0, np.uint64)]
    found += [repeated(part) for part in hashes_of(work, key)]
    return np.concatenate(found)


def hashes_of(work: Work, key: Sequence[str]) -> Iterator[npt.NDArray[np.uint64]]:
    """The 64-bit hashes of the accepted rows' keys, in ascending order within each part; equal ones are in the same."""
    passes = -(-work.number("SELECT count(*) FROM raw") * ROW_BYTES // settings.REVSHARE_ARRAY_BYTES)
    for turn in range(passes):
        chosen = f"WHERE hash % {passes} = {turn}" if passes > 1 else ""
        query = f"SELECT hash FROM (SELECT {key_hash(key)} AS hash FROM accepted) {chosen}"
        hashes = np.asarray(work.con.execute(query).fetchnumpy()["hash"], np.uint64)
        hashes.sort()
        yield hashes
