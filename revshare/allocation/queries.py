"""Reads: who holds what of the dataset versions that pools are split over, and what they were owed before."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property

import duckdb
import numpy as np
import numpy.typing as npt
import pyarrow as pa

from revshare.bulk import Texts
from revshare.lake import check_part, literal, part
from revshare.manifests.models import Manifest
from revshare.manifests.queries import WEIGHTS

BALANCES = "balances"


@dataclass(frozen=True)
class Holding:
    """Who holds ticks of some dataset versions: `codes` are positions among the people, ascending; `ticks` as many."""

    codes: npt.NDArray[np.int64]
    ticks: npt.NDArray[np.int64]


class People:
    """All contributors with weights in some dataset versions, in code-point order of ids; a code is a place there."""

    def __init__(self, con: duckdb.DuckDBPyConnection, versions: Iterable[str], also: str = "") -> None:
        """`also`: a table of the connection with others, if there are any. Raises LakeDamaged if the lake does not hold
        the weights as they were frozen."""
        self._con = con
        self._files: dict[str, str] = {}
        frozen = Manifest.objects.filter(dataset_version__in=list(versions)).values_list(
            "dataset_version", "weights_sha256"
        )
        for version, digest in frozen:
            check_part(WEIGHTS, digest)
            self._files[version] = literal(part(WEIGHTS, digest))
        con.execute(
            "CREATE OR REPLACE TEMP TABLE person AS SELECT contributor_id, "
            "CAST(row_number() OVER (ORDER BY contributor_id) - 1 AS BIGINT) AS code FROM ("
            f"SELECT DISTINCT contributor_id FROM ({' UNION ALL '.join(self._sources(also))}))"
        )
        table = con.sql("SELECT contributor_id FROM person ORDER BY code").to_arrow_table()
        self.ids: pa.Array = table.column(0).combine_chunks()

    def _sources(self, also: str) -> list[str]:
        weights = f"SELECT contributor_id FROM read_parquet([{', '.join(self._files.values())}])"
        others = f"SELECT contributor_id FROM {also}"
        return [query for query, there in ((weights, self._files), (others, also)) if there]

    @cached_property
    def texts(self) -> Texts:
        return Texts(self.ids)

    def holding(self, versions: Sequence[str]) -> Holding:
        """Each contributor's ticks summed over these dataset versions."""
        ticks = np.zeros(len(self.ids), np.int64)
        holds = np.zeros(len(self.ids), bool)
        for version in versions:
            columns = self._con.execute(
                f"SELECT code, assets_ticks FROM read_parquet({self._files[version]}) "
                "JOIN person USING (contributor_id)"
            ).fetchnumpy()
            codes = np.asarray(columns["code"])
            ticks[codes] += np.asarray(columns["assets_ticks"])
            holds[codes] = True
        codes = np.flatnonzero(holds)
        return Holding(codes, ticks[codes])

    def balances(self, digest: str, currency: str) -> npt.NDArray[np.int64]:
        """By code: what each account in a currency closed with before, in micros. `digest` names the lake's file of
        all balances, '' before the first."""
        before = np.zeros(len(self.ids), np.int64)
        if digest:
            columns = self._con.execute(
                f"SELECT code, closing_micros FROM read_parquet({literal(part(BALANCES, digest))}) "
                "JOIN person USING (contributor_id) WHERE currency = ?",
                [currency],
            ).fetchnumpy()
            before[np.asarray(columns["code"])] = np.asarray(columns["closing_micros"])
        return before
