"""What a version weighs, made ready for the database and for the manifest's hash."""

import hashlib
from collections.abc import Iterator
from typing import NamedTuple

import duckdb
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from revshare.bulk import BLOCK_ROWS
from revshare.lake import literal
from revshare.manifests.rules import digest_header
from revshare.manifests.weighing import Weighed
from revshare.manifests.weight_pages import Placed, Placing

NO_PARTS = ".000000"


class Draft(NamedTuple):
    """What a version weighs, by the places of its contributors on a list; what else there is to say of it."""

    placed: Placed
    contributors: int
    ticks: int
    sha256: str


def draft_of(
    con: duckdb.DuckDBPyConnection, dataset_version: str, weighed: Weighed, people: pa.LargeStringArray
) -> Draft:
    """Reads the file of weights. `people`: a list on which all its contributors are. Asks nothing of PostgreSQL, so any
    thread may do it. Raises UnknownContributor, ApportionmentBroken."""
    contributors, ticks, is_weighted = con.execute(
        "SELECT count(*), coalesce(sum(assets_ticks), 0), coalesce(bool_or(weight_ticks <> assets_ticks), false) "
        f"FROM read_parquet({literal(weighed.weights)})"
    ).fetchall()[0]
    digest = hashlib.sha256(digest_header(dataset_version, weighed.assets, weighed.records))
    placing = Placing(people, is_weighted=is_weighted)
    with pq.ParquetFile(weighed.weights) as file:
        wanted = {"contributor_id", "assets_ticks", "place", *(["weight_ticks"] if is_weighted else [])}
        columns = [name for name in file.schema_arrow.names if name in wanted]
        for rows in file.iter_batches(BLOCK_ROWS, columns=columns):
            placing.take(rows)
            for piece in _lines(rows, is_weighted=is_weighted):
                digest.update(piece)
    return Draft(placing.done(), contributors, ticks, digest.hexdigest())


def _lines(rows: pa.RecordBatch, *, is_weighted: bool) -> Iterator[bytes | pa.Buffer]:
    """What stands under the manifest's hash (`rules.digest_header`) of these rows, which are in order."""
    if not len(rows):
        return
    names = rows.column("contributor_id").cast(pa.large_string())
    if pc.any(pc.match_substring(names, '"')).as_py():
        names = pc.replace_substring(names, '"', '""')
    ticks = rows.column("assets_ticks").cast(pa.large_string())
    # Decimals of 38 digits take longer to print than all else: what equals a whole number is printed from it.
    weights = rows.column("weight_ticks").cast(pa.large_string()) if is_weighted else ticks
    end = b'"\n' if is_weighted else f'{NO_PARTS}"\n'.encode()
    cells = pc.binary_join_element_wise(names, ticks, weights, pa.scalar('","', pa.large_string()))
    all_of_them = pa.ListArray.from_arrays(pa.array([0, len(cells)], pa.int32()), cells)
    yield b'"'
    yield pc.binary_join(all_of_them, pa.scalar(end.decode() + '"', pa.large_string())).buffers()[2]
    yield end
