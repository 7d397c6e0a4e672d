"""Records of the lake into weights, a Parquet file per dataset version, by DuckDB and numpy.

Nearly all assets of a manifest have one record: such an asset gives its contributor all its ticks, and needs no group
of its own. So records whose asset nobody else names are only counted; those of the other assets go by the rule
(`rules.weigh_sql`). Which are which is found by a 64-bit hash of the asset: where it is unique the asset is, and where
it is not the rule compares the ids themselves. Two scans of the records, or more where the setting
REVSHARE_ARRAY_BYTES bounds what may be in memory at a time.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import duckdb
import numpy as np
import numpy.typing as npt
import pyarrow as pa
from django.conf import settings

from revshare.apportion import TICKS_PER_ASSET
from revshare.errors import Refused
from revshare.files.repeats import distinct
from revshare.lake import literal
from revshare.manifests.rules import weigh_sql
from revshare.progress import Progress, no_progress

RECORD_BYTES = 32  # what a record takes in memory while its hash and its contributor are at hand
CELLS_AT_ONCE = 16_000_000  # contributors × dataset versions
MOSTLY_SHARED = 3  # where shared assets are more than a third as many as the records, the rule alone is faster
HASH = "hash(dataset_version, asset_id)"
BITMAP_BITS = 24


class UnknownContributor(Refused):
    """A record names a contributor that the database does not hold."""

    code = "unknown_contributor"


@dataclass(frozen=True)
class Weighed:
    """A dataset version, weighed. `weights`: Parquet (contributor_id, assets_ticks, weight_ticks), in code-point order
    of contributors."""

    weights: Path
    assets: int
    records: int


def weigh(
    con: duckdb.DuckDBPyConnection, *, records: str, people: str, versions: Sequence[str], target: Path,
    progress: Progress = no_progress,
) -> dict[str, Weighed]:  # fmt: skip
    """Weighs the dataset versions found in `records` (`queries.parts_of`) into files of the folder.

    `people`: SQL of all contributors there are (contributor_id). Raises UnknownContributor for a record of another.
    """
    progress("weigh", 0, len(versions))
    con.execute(f"CREATE OR REPLACE TEMP VIEW records AS {records}")
    found = con.execute(
        "SELECT dataset_version, count(*), count(*) FILTER (odd) FROM records GROUP BY dataset_version"
    ).fetchall()
    counts = {version: count for version, count, _ in found}
    plain = sorted(version for version, _, odd_ones in found if not odd_ones)
    done: dict[str, Weighed] = {}
    if plain:
        done |= _weigh_plain(con, people, plain, counts, target, progress)
    for version in versions:
        if version not in done:
            progress("weigh", len(done), len(versions))
            done[version] = _weigh_by_rule(con, version, counts.get(version, 0), target)
    return done


def _weigh_by_rule(con: duckdb.DuckDBPyConnection, version: str, records: int, target: Path) -> Weighed:
    """One version by the rule alone."""
    own = f"SELECT * FROM records WHERE dataset_version = {literal(version)}"
    path = target / f"weights-{len(list(target.glob('weights-*')))}.parquet"
    con.execute(
        f"COPY (SELECT contributor_id, assets_ticks, weight_ticks FROM ({weigh_sql(own)}) ORDER BY contributor_id) "
        f"TO {literal(path)} (FORMAT parquet)"
    )
    (assets,) = con.execute(f"SELECT count(DISTINCT asset_id) FROM ({own})").fetchall()[0]
    return Weighed(path, assets, records)


def _weigh_plain(
    con: duckdb.DuckDBPyConnection, people: str, versions: list[str], counts: Mapping[str, int], target: Path,
    progress: Progress,
) -> dict[str, Weighed]:  # fmt: skip
    """Versions whose records say no share and no weight."""
    _number_people(con, people, sum(counts.values()))
    ids = con.sql("SELECT contributor_id FROM person ORDER BY code").to_arrow_table().column(0).combine_chunks()
    done: dict[str, Weighed] = {}
    at_once = max(1, CELLS_AT_ONCE // max(1, len(ids)))
    for start in range(0, len(versions), at_once):
        progress("weigh", start, len(versions))
        group = versions[start : start + at_once]
        ticks, alone, shared = _singles(con, group, sum(counts[version] for version in group), len(ids))
        if shared is None:
            done |= {version: _weigh_by_rule(con, version, counts[version], target) for version in group}
            continue
        assets = _add_shared(con, shared, ticks)
        for number, version in enumerate(group):
            path = target / f"weights-plain-{start + number}.parquet"
            _write(con, ids, ticks[number], path)
            done[version] = Weighed(path, int(alone[number]) + assets.get(number, 0), counts[version])
    return done


def _number_people(con: duckdb.DuckDBPyConnection, people: str, records: int) -> None:
    """The table `person`: contributors in code-point order, each with its place as `code`. Only those of the records,
    if these are few."""
    con.execute(f"CREATE OR REPLACE TEMP TABLE known_person AS {people}")
    (known,) = con.execute("SELECT count(*) FROM known_person").fetchall()[0]
    named = "SEMI JOIN (SELECT DISTINCT contributor_id FROM records) named USING (contributor_id)"
    con.execute(
        "CREATE OR REPLACE TEMP TABLE person AS SELECT contributor_id, "
        "CAST(row_number() OVER (ORDER BY contributor_id) - 1 AS INTEGER) AS code "
        f"FROM known_person {named if records < known else ''}"
    )
    con.execute("DROP TABLE known_person")


def _singles(
    con: duckdb.DuckDBPyConnection, versions: list[str], records: int, people: int
) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int64], npt.NDArray[np.uint64] | None]:
    """The ticks of assets with one record (shape versions × people), how many such assets each version has, and the
    hashes of all others; no hashes if those are too many."""
    numbers = pa.table({"dataset_version": versions, "number": pa.array(range(len(versions)), pa.int32())})
    con.register("numbers", numbers)
    con.execute("CREATE OR REPLACE TEMP TABLE version AS SELECT * FROM numbers")
    passes = -(-records * RECORD_BYTES // settings.REVSHARE_ARRAY_BYTES)
    ticks = np.zeros((len(versions), people), np.int64)
    alone = np.zeros(len(versions), np.int64)
    several: list[npt.NDArray[np.uint64]] = []
    seen = 0
    for turn in range(passes):
        chosen = f"WHERE {HASH} % {passes} = {turn}" if passes > 1 else ""
        columns = con.execute(
            f"SELECT CAST(number * {people} + code AS INTEGER) AS cell, {HASH} AS hash FROM records "
            f"JOIN version USING (dataset_version) JOIN person USING (contributor_id) {chosen}"
        ).fetchnumpy()
        cells, hashes = np.asarray(columns["cell"]), np.asarray(columns["hash"])
        seen += len(cells)
        twice = _repeated(hashes)
        several.append(twice)
        if MOSTLY_SHARED * sum(map(len, several)) > records:
            return ticks, alone, None
        marked = np.zeros(1 << BITMAP_BITS, bool)
        shift = np.uint64(64 - BITMAP_BITS)
        marked[twice >> shift] = True
        # Asked in bits of the hash: a few that are unique go by the rule too, with the same result.
        perhaps = marked[hashes >> shift]
        several[-1] = distinct(np.sort(hashes[perhaps]))
        cells = cells[~perhaps]
        ticks += np.bincount(cells, minlength=ticks.size).reshape(ticks.shape)
        alone += np.bincount(cells // people, minlength=len(versions))
    if seen != records:
        raise UnknownContributor(f"{records - seen:,} records name a contributor nobody knows: run `verify`.")
    return ticks * TICKS_PER_ASSET, alone, np.concatenate(several)


def _repeated(hashes: npt.NDArray[np.uint64]) -> npt.NDArray[np.uint64]:
    """Those that stand there more than once."""
    ordered = np.sort(hashes)
    return distinct(ordered[1:][ordered[1:] == ordered[:-1]])


def _add_shared(
    con: duckdb.DuckDBPyConnection, hashes: npt.NDArray[np.uint64], ticks: npt.NDArray[np.int64]
) -> dict[int, int]:
    """Adds to `ticks` what the rule gives for the assets of these hashes; returns how many each version has."""
    if not len(hashes):
        return {}
    con.register("hashes", pa.table({"hash": hashes}))
    con.execute(
        "CREATE OR REPLACE TEMP TABLE shared AS SELECT dataset_version, asset_id, contributor_id, "
        "CAST(NULL AS DECIMAL(38, 6)) AS share, CAST(1 AS DECIMAL(38, 6)) AS weight "
        f"FROM records JOIN version USING (dataset_version) SEMI JOIN hashes ON {HASH} = hashes.hash"
    )
    columns = con.execute(
        f"SELECT number, code, assets_ticks FROM ({weigh_sql('SELECT * FROM shared')}) "
        "JOIN version USING (dataset_version) JOIN person USING (contributor_id)"
    ).fetchnumpy()
    ticks[np.asarray(columns["number"]), np.asarray(columns["code"])] += np.asarray(columns["assets_ticks"])
    counted = con.execute(
        "SELECT number, count(*) FROM (SELECT DISTINCT dataset_version, asset_id FROM shared) "
        "JOIN version USING (dataset_version) GROUP BY number"
    ).fetchall()
    con.execute("DROP TABLE shared")
    con.unregister("hashes")
    return dict(counted)


def _write(con: duckdb.DuckDBPyConnection, people: pa.Array, ticks: npt.NDArray[np.int64], path: Path) -> None:
    """Without a share of zero (such records go by the rule) whoever has a record has ticks."""
    codes = np.flatnonzero(ticks)
    con.register("weighed", pa.table({"contributor_id": people.take(pa.array(codes)), "ticks": ticks[codes]}))
    con.execute(
        "COPY (SELECT contributor_id, ticks AS assets_ticks, CAST(ticks AS DECIMAL(38, 6)) AS weight_ticks "
        f"FROM weighed ORDER BY contributor_id) TO {literal(path)} (FORMAT parquet)"
    )
    con.unregister("weighed")
