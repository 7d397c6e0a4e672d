"""Records of the lake into weights, a Parquet file per dataset version, by DuckDB and numpy.

Assets that say no share and no weight, nearly all there are, are counted (`equal_shares`). The others go by the rule
(`rules.weigh_sql`): only they, unless they are so many that it is faster to take the whole version.
"""

from collections.abc import Collection, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType

import duckdb
import numpy as np
import pyarrow as pa

from revshare.errors import Refused
from revshare.lake import literal
from revshare.manifests.equal_shares import Tally, count_equal
from revshare.manifests.numbering import NUMBERING, hash_of
from revshare.manifests.rules import weigh_sql
from revshare.progress import Progress, no_progress

CELLS_AT_ONCE = 16_000_000  # contributors × dataset versions
MOSTLY_ODD = 3  # where more than a third of a version's records say a share or a weight, the rule takes all of them
NOT_KNOWN: Mapping[str, int] = MappingProxyType({})
OWN = "SELECT dataset_version, asset_id, contributor_id, share, weight FROM records"


class UnknownContributor(Refused):
    """A record names a contributor that the database does not hold."""

    code = "unknown_contributor"


@dataclass(frozen=True)
class Count:
    """What a dataset version has in records."""

    version: str
    records: int
    odd: int  # of which so many say a share or a weight

    @property
    def is_mostly_odd(self) -> bool:
        return MOSTLY_ODD * self.odd > self.records


@dataclass(frozen=True)
class Weighed:
    """A dataset version, weighed. `weights`: Parquet (contributor_id, assets_ticks, weight_ticks), in code-point order
    of contributors; most also say who stands where (`place`; see `numbering`), on the list `people`. `is_plain`: all
    weighted ticks are what the ticks are."""

    weights: Path
    assets: int
    records: int
    people: pa.Array | None = None
    is_plain: bool = False


@dataclass(frozen=True)
class Everybody:
    """All contributors there are, or those of the records if they are few: in code-point order, and the hash of their
    list."""

    ids: pa.Array
    numbering: str


def weigh(
    con: duckdb.DuckDBPyConnection, *, records: str, people: pa.Array, versions: Sequence[str], target: Path,
    plain: Mapping[str, int] = NOT_KNOWN, progress: Progress = no_progress,
) -> dict[str, Weighed]:  # fmt: skip
    """Weighs the dataset versions found in `records` (`queries.parts_of`) into files of the folder.

    `people`: all contributors there are, in code-point order. `plain`: how many records each version has, if it is
    known that none is odd. Raises UnknownContributor for a record of another.
    """
    progress("weigh", 0, len(versions))
    con.execute(f"CREATE OR REPLACE TEMP VIEW records AS {records}")
    counts = {version: Count(version, number, 0) for version, number in plain.items()} or _counted(con)
    everybody = _number_people(con, people, sum(count.records for count in counts.values()))
    counted = sorted(version for version, count in counts.items() if not count.is_mostly_odd)
    done: dict[str, Weighed] = {}
    if counted:
        done |= _weigh_counted(con, everybody, [counts[version] for version in counted], target, progress)
    for number, version in enumerate(versions):
        if version not in done:
            progress("weigh", len(done), len(versions))
            count = counts.get(version, Count(version, 0, 0))
            done[version] = _weigh_by_rule(con, everybody, count, target / f"weights-{number}.parquet")
    return done


def _counted(con: duckdb.DuckDBPyConnection) -> dict[str, Count]:
    found = con.execute(
        "SELECT dataset_version, count(*), count(*) FILTER (odd) FROM records GROUP BY dataset_version"
    ).fetchall()
    return {version: Count(version, records, odd_records) for version, records, odd_records in found}


def _number_people(con: duckdb.DuckDBPyConnection, people: pa.Array, records: int) -> Everybody:
    """The table `person`: contributors in code-point order, each with its place as `code`. Only those of the records,
    if these are few."""
    if records < len(people):
        con.register("known_person", pa.table({"contributor_id": people}))
        named = "SEMI JOIN (SELECT DISTINCT contributor_id FROM records) named USING (contributor_id)"
        found = con.sql(f"SELECT contributor_id FROM known_person {named} ORDER BY contributor_id").to_arrow_table()
        con.unregister("known_person")
        people = found.column(0).combine_chunks()
    codes = np.arange(len(people), dtype=np.int32)
    con.register("numbered_person", pa.table({"contributor_id": people, "code": codes}))
    con.execute("CREATE OR REPLACE TEMP TABLE person AS FROM numbered_person")
    con.unregister("numbered_person")
    return Everybody(people, hash_of(people))


def _weigh_by_rule(con: duckdb.DuckDBPyConnection, everybody: Everybody, count: Count, path: Path) -> Weighed:
    """One version by the rule alone."""
    own = f"{OWN} WHERE dataset_version = {literal(count.version)}"
    _copy(con, everybody, _with_places(weigh_sql(own)), path)
    _refuse_strangers(con, path)
    (assets,) = con.execute(f"SELECT count(DISTINCT asset_id) FROM ({own})").fetchall()[0]
    return Weighed(path, assets, count.records, everybody.ids)


def _weigh_counted(
    con: duckdb.DuckDBPyConnection, everybody: Everybody, counts: Sequence[Count], target: Path, progress: Progress
) -> dict[str, Weighed]:
    """Versions of which few records or none say a share or a weight."""
    odd = _set_apart(con, [count.version for count in counts if count.odd])
    done: dict[str, Weighed] = {}
    at_once = max(1, CELLS_AT_ONCE // max(1, len(everybody.ids)))
    for start in range(0, len(counts), at_once):
        progress("weigh", start, len(counts))
        group = counts[start : start + at_once]
        names = [count.version for count in group]
        records = sum(count.records - odd.get(count.version, (0, 0))[1] for count in group)
        tally, seen = count_equal(
            con, source="even_record" if odd else "records", versions=names, people=len(everybody.ids), records=records
        )
        if seen != records:
            raise UnknownContributor(f"{records - seen:,} records name a contributor nobody knows: run `verify`.")
        paths = [target / f"weights-plain-{start + number}.parquet" for number in range(len(group))]
        _write_all(con, everybody, tally, names, odd, paths)
        for number, count in enumerate(group):
            assets = int(tally.assets[number]) + odd.get(count.version, (0, 0))[0]
            done[count.version] = Weighed(paths[number], assets, count.records, everybody.ids, count.version not in odd)
    return done


def _set_apart(con: duckdb.DuckDBPyConnection, versions: Collection[str]) -> dict[str, tuple[int, int]]:
    """Of these versions the assets that say a share or a weight, as the table `odd_asset`: how many such assets and
    records each has. `even_record` is the view of all other records."""
    if not versions:
        return {}
    names = ", ".join(map(literal, versions))
    con.execute(
        "CREATE OR REPLACE TEMP TABLE odd_asset AS SELECT DISTINCT dataset_version, asset_id FROM records "
        f"WHERE odd AND dataset_version IN ({names})"
    )
    con.execute(
        "CREATE OR REPLACE TEMP VIEW even_record AS "
        "SELECT * FROM records ANTI JOIN odd_asset USING (dataset_version, asset_id)"
    )
    assets = dict(con.execute("SELECT dataset_version, count(*) FROM odd_asset GROUP BY dataset_version").fetchall())
    records = con.execute(
        "SELECT dataset_version, count(*) FROM records SEMI JOIN odd_asset USING (dataset_version, asset_id) "
        "GROUP BY dataset_version"
    ).fetchall()
    return {version: (assets[version], count) for version, count in records}


def _write_all(
    con: duckdb.DuckDBPyConnection, everybody: Everybody, tally: Tally, names: Sequence[str], odd: Collection[str],
    paths: Sequence[Path],
) -> None:  # fmt: skip
    """What was counted of these versions, two at a time."""
    with ThreadPoolExecutor(2) as pool:
        written = [
            pool.submit(_write, con.cursor(), everybody, tally, number, "", path)
            for number, (name, path) in enumerate(zip(names, paths, strict=True))
            if name not in odd
        ]
        for number, (name, path) in enumerate(zip(names, paths, strict=True)):
            if name in odd:  # what was set apart, this connection alone knows
                _write(con, everybody, tally, number, name, path)
        for each in written:
            each.result()


def _write(
    con: duckdb.DuckDBPyConnection, everybody: Everybody, tally: Tally, number: int, odd_version: str, path: Path
) -> None:
    """What was counted of a version; with what the rule gives for its odd assets, if it has any (`odd_version`)."""
    ticks = tally.ticks[number]
    codes = np.flatnonzero((ticks > 0) | tally.unpaid[number])
    ids = everybody.ids.take(pa.array(codes))
    con.register("weighed", pa.table({"contributor_id": ids, "ticks": ticks[codes], "place": codes.astype(np.int32)}))
    own = "SELECT contributor_id, ticks AS assets_ticks, CAST(ticks AS DECIMAL(38, 6)) AS weight_ticks"
    weights = f"{own}, place FROM weighed"
    if odd_version:
        odd = f"{OWN} SEMI JOIN odd_asset USING (dataset_version, asset_id) "
        by_rule = weigh_sql(f"{odd} WHERE dataset_version = {literal(odd_version)}")
        weights = _with_places(
            "SELECT contributor_id, CAST(sum(assets_ticks) AS BIGINT) AS assets_ticks, "
            "CAST(sum(weight_ticks) AS DECIMAL(38, 6)) AS weight_ticks "
            f"FROM ({own} FROM weighed UNION ALL SELECT contributor_id, assets_ticks, weight_ticks FROM ({by_rule})) "
            "GROUP BY contributor_id"
        )
    _copy(con, everybody, weights, path)
    con.unregister("weighed")
    if odd_version:
        _refuse_strangers(con, path)


def _with_places(weights: str) -> str:
    """`weights` in order, a stranger's too, who has no place."""
    return (
        "SELECT contributor_id, assets_ticks, weight_ticks, code AS place "
        f"FROM ({weights}) LEFT JOIN person USING (contributor_id) ORDER BY contributor_id"
    )


def _copy(con: duckdb.DuckDBPyConnection, everybody: Everybody, weights: str, path: Path) -> None:
    """`weights`: SQL of contributor_id, assets_ticks, weight_ticks, place, in order."""
    said = f"KV_METADATA {{{NUMBERING}: {literal(everybody.numbering)}}}"
    con.execute(f"COPY ({weights}) TO {literal(path)} (FORMAT parquet, {said})")


def _refuse_strangers(con: duckdb.DuckDBPyConnection, path: Path) -> None:
    """Raises UnknownContributor unless the database holds everybody who has weights."""
    scan = f"read_parquet({literal(path)})"
    (strangers,) = con.execute(f"SELECT count(*) FROM {scan} ANTI JOIN person USING (contributor_id)").fetchall()[0]
    if strangers:
        raise UnknownContributor(f"Records name {strangers:,} contributors nobody knows: run `verify`.")
