"""What moved contributors' accounts beside a cycle's pools, as entries of that cycle."""

from collections.abc import Sequence
from pathlib import Path

import duckdb
import numpy as np

from revshare.allocation.numerators import Holding
from revshare.bulk import Array
from revshare.lake import copy_out, csv_scan
from revshare.ledger.queries import MOVED
from revshare.pools.models import Pool

COLUMNS = {"contributor_id": "VARCHAR", "currency": "VARCHAR", "amount_micros": "BIGINT"}
TABLE = "moved"


class Movements:
    """The net of each contributor's movements in some journals, in the table `moved` of the connection."""

    def __init__(
        self, con: duckdb.DuckDBPyConnection, *, pools: Sequence[Pool], journals: tuple[int, int], scratch: Path
    ) -> None:
        """`pools`: of kind `movements`, one per currency. `journals`: after which number, up to which."""
        self._con = con
        self._pools = pools
        draft = scratch / "moved.copy"
        after, upto = journals
        copy_out(MOVED.format(after=after, upto=upto), draft)
        con.execute(f"CREATE TEMP TABLE {TABLE} AS SELECT * FROM {csv_scan(draft, COLUMNS)}")
        draft.unlink()

    def split(self) -> list[tuple[Pool, Holding, Array]]:
        """What stands under each of the pools, by the codes of `People`, who must be gathered by then. Nobody has
        ticks of it, and amounts have a sign."""
        return [self._of(pool) for pool in self._pools]

    def _of(self, pool: Pool) -> tuple[Pool, Holding, Array]:
        columns = self._con.execute(
            f"SELECT code, amount_micros FROM {TABLE} JOIN holder USING (contributor_id) "
            "WHERE currency = ? ORDER BY code",
            [pool.currency],
        ).fetchnumpy()
        codes = np.asarray(columns["code"])
        return pool, Holding(codes, np.zeros(len(codes), np.int64)), np.asarray(columns["amount_micros"])
