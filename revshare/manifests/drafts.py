"""What a version weighs, made ready for the database and for the manifest's hash."""

import hashlib
from pathlib import Path
from typing import NamedTuple

import duckdb

from revshare.lake import BLOCK_BYTES, literal
from revshare.manifests.rules import digest_header
from revshare.manifests.weighing import Weighed


class Draft(NamedTuple):
    """`rows`: contributor, ticks, weighted ticks as CSV, in order; what else there is to say of them."""

    rows: Path
    contributors: int
    ticks: int
    is_weighted: bool  # whether weighted ticks differ from ticks anywhere
    sha256: str


def draft_of(con: duckdb.DuckDBPyConnection, dataset_version: str, weighed: Weighed) -> Draft:
    """Writes the rows beside the file of weights, whose order they keep. Asks nothing of PostgreSQL, so any thread may
    do it."""
    scan, rows = f"read_parquet({literal(weighed.weights)})", weighed.weights.with_suffix(".copy")
    contributors, ticks, is_weighted = con.execute(
        "SELECT count(*), coalesce(sum(assets_ticks), 0), coalesce(bool_or(weight_ticks <> assets_ticks), false) "
        f"FROM {scan}"
    ).fetchall()[0]
    # Decimals of 38 digits take longer to print than all else: what equals a whole number is printed from it.
    weights = "weight_ticks" if is_weighted else "assets_ticks || '.000000'"
    con.execute(
        f"COPY (SELECT contributor_id, assets_ticks, {weights} FROM {scan}) "
        f"TO {literal(rows)} (FORMAT csv, HEADER false, NULLSTR '\\N', FORCE_QUOTE *)"
    )
    return Draft(rows, contributors, ticks, is_weighted, _digest(dataset_version, weighed, rows))


def _digest(dataset_version: str, weighed: Weighed, rows: Path) -> str:
    """The manifest's hash (`rules.digest_header`)."""
    digest = hashlib.sha256(digest_header(dataset_version, weighed.assets, weighed.records))
    with rows.open("rb") as file:
        while block := file.read(BLOCK_BYTES):
            digest.update(block)
    return digest.hexdigest()
