"""Reads: which decision counts."""

from datetime import datetime
from pathlib import Path

import duckdb

from revshare.lake import copy_out, csv_scan

# Of the decisions effective by an instant the one about this version comes before one about all, then the latest.
COUNTS = """
    SELECT DISTINCT ON (contributor_id, asset_id) contributor_id, asset_id, decision = 'opt_out' AS opted_out
    FROM consents_consent WHERE scope IN ('', %s) AND effective_at <= %s AND arrival <= %s
    ORDER BY contributor_id, asset_id, scope = '', effective_at DESC
"""


class DecisionsAt:
    """The decisions that count at an instant, of those that had arrived up to a number."""

    def __init__(self, at: datetime, upto_arrival: int, scratch: Path) -> None:
        self._at = at
        self._upto = upto_arrival
        self._scratch = scratch

    def __call__(self, con: duckdb.DuckDBPyConnection, dataset_version: str) -> None:
        """Makes the table `decision` of DuckDB: contributor_id, asset_id, opted_out, for a dataset version.

        One about an asset comes before one about all of a contributor's (asset_id blank): that is for the reader, who
        knows the assets.
        """
        draft = self._scratch / "decisions.copy"
        copy_out(COUNTS, draft, [dataset_version, self._at, self._upto])
        scan = csv_scan(draft, {"contributor_id": "VARCHAR", "asset_id": "VARCHAR", "opted_out": "BOOLEAN"})
        con.execute(f"CREATE OR REPLACE TEMP TABLE decision AS SELECT * FROM {scan}")
        draft.unlink()
