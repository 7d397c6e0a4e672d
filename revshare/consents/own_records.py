"""The records of one contributor, read from the lake once and kept a while: its files never change, so neither does
what they hold of somebody. Whoever looks at a page looks at the next one too."""

import threading
from collections import OrderedDict

import pyarrow as pa
import pyarrow.compute as pc

from revshare.lake import duck, spool

MEMORY = "512MB"  # a page for one person, beside whatever else runs
KEPT_BYTES = 16_000_000
"""Of all contributors together, in each process."""
Key = tuple[str, str]
"""Contributor, and the query over the files of the lake, whose names are their hashes."""


class Kept:
    """The latest few, up to so many bytes; what alone is more than that is not kept."""

    def __init__(self, most_bytes: int) -> None:
        self._most_bytes = most_bytes
        self._tables: OrderedDict[Key, pa.Table] = OrderedDict()
        self._lock = threading.Lock()

    def find(self, key: Key) -> pa.Table | None:
        with self._lock:
            if key in self._tables:
                self._tables.move_to_end(key)
            return self._tables.get(key)

    def keep(self, key: Key, table: pa.Table) -> None:
        if table.nbytes > self._most_bytes:
            return
        with self._lock:
            self._tables[key] = table
            while sum(kept.nbytes for kept in self._tables.values()) > self._most_bytes:
                self._tables.popitem(last=False)


_kept = Kept(KEPT_BYTES)


def own_records(*, contributor_id: str, query: str) -> pa.Table:
    """Asset and dataset version of a contributor's records, in code-point order. `query`: of `manifests.queries`."""
    key = (contributor_id, query)
    if (found := _kept.find(key)) is not None:
        return found
    with spool() as scratch, duck(scratch, memory=MEMORY) as con:
        table = con.sql(
            f"SELECT asset_id, dataset_version FROM ({query}) WHERE contributor_id = ? ORDER BY ALL",
            params=[contributor_id],
        ).to_arrow_table()
    _kept.keep(key, table)
    return table


def page_of(
    records: pa.Table, *, size: int, search: str = "", after: tuple[str, str] = ("", "")
) -> list[tuple[str, str]]:  # fmt: skip
    """The first `size` of those that come after a record and whose asset begins with this."""
    assets, versions = records["asset_id"], records["dataset_version"]
    same = pc.and_(pc.equal(assets, after[0]), pc.greater(versions, after[1]))
    wanted = pc.and_(pc.starts_with(assets, search), pc.or_(pc.greater(assets, after[0]), same))
    rows = records.filter(wanted).slice(0, size)
    return list(zip(rows["asset_id"].to_pylist(), rows["dataset_version"].to_pylist(), strict=True))


def counted(records: pa.Table, *, asset_id: str = "", scope: str = "") -> list[tuple[str, int]]:
    """How many there are by dataset version, in code-point order; only of this asset, this version, if given."""
    if asset_id:
        records = records.filter(pc.equal(records["asset_id"], asset_id))
    if scope:
        records = records.filter(pc.equal(records["dataset_version"], scope))
    counts = pc.value_counts(records["dataset_version"])
    return sorted(zip(counts.field("values").to_pylist(), counts.field("counts").to_pylist(), strict=True))
