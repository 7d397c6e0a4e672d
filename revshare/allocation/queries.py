"""Reads: who holds what of the dataset versions that pools are split over, and what they were owed before."""

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import duckdb
import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.parquet as pq

from revshare.bulk import Texts
from revshare.lake import check_part, literal, part
from revshare.manifests.models import Manifest
from revshare.manifests.numbering import Numbered, together
from revshare.manifests.queries import CLASSES, WEIGHTS, Weights
from revshare.policies.eligibility import RecordClass

NOBODY = "SELECT '' AS contributor_id WHERE false"


Int64s = npt.NDArray[np.int64]


@dataclass(frozen=True)
class Units:
    """What contributors hold of one class of records of a dataset version: `codes` are positions among the people,
    ascending; `ticks` and `units` as many (the units are ticks, or parts of ticks times the assets' weights)."""

    codes: Int64s
    ticks: Int64s
    units: Int64s


class People:
    """All contributors with weights in some dataset versions, in code-point order of ids; a code is a place there."""

    def __init__(
        self, con: duckdb.DuckDBPyConnection, versions: Collection[str], others: Iterable[str] = (), *,
        drafts: Mapping[str, Weights] | None = None,
    ) -> None:  # fmt: skip
        """`others`: tables of DuckDB that name contributors as well. `drafts`: weights of versions that are not frozen.
        Raises LakeDamaged if the lake does not hold the weights as they were frozen."""
        self._con = con
        self._paths: dict[str, Path] = {}
        self._classes: dict[str, list[RecordClass]] = {}
        drafts = drafts or {}
        for version in drafts.keys() & set(versions):
            self._paths[version] = drafts[version].path
            self._classes[version] = [RecordClass(**item) for item in drafts[version].classes]
        for manifest in Manifest.objects.filter(dataset_version__in=set(versions) - drafts.keys()):
            kind, digest = WEIGHTS, manifest.weights_sha256
            if manifest.classes_sha256:
                kind, digest = CLASSES, manifest.classes_sha256
            check_part(kind, digest)
            self._paths[manifest.dataset_version] = part(kind, digest)
            self._classes[manifest.dataset_version] = [RecordClass(**item) for item in manifest.classes]
        named = [f"SELECT contributor_id FROM {table}" for table in others]
        self._numbered = self._by_number(named)
        self.ids: pa.Array = self._numbered.ids if self._numbered else self._by_name(named)

    def _by_number(self, named: Sequence[str]) -> Numbered | None:
        """Those of the files, by the numbers in them, if all that `named` name are among these. They become the
        relation `holder`."""
        numbered = together(list(self._paths.values()))
        if numbered is None:
            return None
        codes = pa.array(np.arange(len(numbered.ids)))
        self._con.register("numbered_holder", pa.table({"contributor_id": numbered.ids, "code": codes}))
        self._con.execute("CREATE OR REPLACE TEMP VIEW holder AS FROM numbered_holder")
        for query in named:
            if self._con.execute(f"SELECT 1 FROM ({query}) ANTI JOIN holder USING (contributor_id) LIMIT 1").fetchall():
                return None
        return numbered

    def _by_name(self, named: Sequence[str]) -> pa.Array:
        """Those of the files and all that `named` name. They become the relation `holder`."""
        named = [
            *named,
            *(f"SELECT contributor_id FROM read_parquet({path})" for path in map(literal, self._paths.values())),
        ]
        self._con.execute(
            "CREATE OR REPLACE TEMP TABLE named_holder AS SELECT contributor_id, "
            "CAST(row_number() OVER (ORDER BY contributor_id) - 1 AS BIGINT) AS code FROM ("
            f"SELECT DISTINCT contributor_id FROM ({' UNION ALL '.join(named) or NOBODY}))"
        )
        self._con.execute("CREATE OR REPLACE TEMP VIEW holder AS FROM named_holder")
        table = self._con.sql("SELECT contributor_id FROM holder ORDER BY code").to_arrow_table()
        return table.column(0).combine_chunks()

    @cached_property
    def texts(self) -> Texts:
        return Texts(self.ids)

    def classes(self, version: str) -> list[RecordClass]:
        """Of a dataset version's records, as far as they are told apart."""
        return self._classes[version] or [RecordClass()]

    def units(self, version: str, decimals: int | None) -> Iterator[tuple[RecordClass, Units]]:
        """What contributors hold of a dataset version, by class of records. `decimals`: None for ticks; else how many
        decimals of weights the units keep."""
        classes = self.classes(version)
        if self._numbered and decimals is None:  # and no classes, whose files number nobody
            yield classes[0], self._ticks(self._numbered, self._paths[version])
            return
        several = len(classes) > 1
        unit = "assets_ticks" if decimals is None else f"CAST(weight_ticks * {10**decimals} AS BIGINT)"
        for number, record in enumerate(classes):
            columns = self._con.execute(
                f"SELECT code, assets_ticks, {unit} AS units FROM read_parquet({literal(self._paths[version])}) "
                f"JOIN holder USING (contributor_id) {f'WHERE class = {number}' if several else ''}"
            ).fetchnumpy()
            yield record, Units(*(np.asarray(columns[name]) for name in ("code", "assets_ticks", "units")))

    def _ticks(self, numbered: Numbered, path: Path) -> Units:
        with pq.ParquetFile(path) as file:
            ticks = file.read(columns=["assets_ticks"]).column(0).to_numpy()
        return Units(numbered.codes[path], ticks, ticks)

    def decimals(self, versions: Sequence[str]) -> int:
        """How many decimals the weighted ticks of these dataset versions have, at most 6."""
        if not versions:
            return 0
        files = ", ".join(literal(self._paths[version]) for version in versions)
        (decimals,) = self._con.execute(
            "SELECT coalesce(max(6 - len(micros) + len(rtrim(micros, '0'))), 0) FROM ("
            "SELECT right('000000' || CAST(CAST(weight_ticks * 1000000 AS HUGEINT) AS VARCHAR), 6) AS micros "
            f"FROM read_parquet([{files}], union_by_name = true))"
        ).fetchall()[0]
        return int(decimals)

    def codes_of(self, names: Sequence[str]) -> Int64s:
        """The codes of these contributors, of those among the people."""
        if not names:
            return np.zeros(0, np.int64)
        found = self._con.execute("SELECT code FROM holder WHERE contributor_id = ANY(?)", [list(names)]).fetchnumpy()
        return np.asarray(found["code"], np.int64)

    def places(self, names: Iterable[str]) -> dict[str, int]:
        """The code of each of these contributors, of those among the people."""
        wanted = sorted(names)
        if not wanted:
            return {}
        return dict(
            self._con.execute(
                "SELECT contributor_id, code FROM holder WHERE contributor_id = ANY(?)", [wanted]
            ).fetchall()
        )

    def balances(self, file: Path | None, currency: str) -> npt.NDArray[np.int64]:
        """By code: what each account in a currency closed with before, in micros. `file`: of all balances; None before
        the first."""
        before = np.zeros(len(self.ids), np.int64)
        if file:
            columns = self._con.execute(
                f"SELECT code, closing_micros FROM read_parquet({literal(file)}) "
                "JOIN holder USING (contributor_id) WHERE currency = ?",
                [currency],
            ).fetchnumpy()
            before[np.asarray(columns["code"])] = np.asarray(columns["closing_micros"])
        return before
