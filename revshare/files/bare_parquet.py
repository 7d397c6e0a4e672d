"""Parquet whose columns are text (or whole numbers) already, and plainly right: taken as it is, under a bare footer.

Nothing is written anew; every row is looked at once, by the reader that will read the file ever after. Whatever does
not fit goes the way of `parquet_file`, which says what is wrong with it.
"""

from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import duckdb
import pyarrow as pa
import pyarrow.parquet as pq

from revshare.ahead import one_ahead
from revshare.files.formats import Columns
from revshare.files.glance import KEY_HASH, OWNER_HASH, PLAIN_MARK, Glance, NotPlain, Plain
from revshare.files.headers import match
from revshare.files.parquet_footer import FooterUnfit, copy_bare
from revshare.files.preflight import FREE_ROWS, FileRefused, Source
from revshare.files.rules import MAX_ID_LENGTH
from revshare.lake import literal

# What every reader of Parquet reads alike.
CODECS = {"UNCOMPRESSED", "SNAPPY", "GZIP", "ZSTD"}
ENCODINGS = {"PLAIN", "RLE", "RLE_DICTIONARY", "PLAIN_DICTIONARY"}
TEXT, WHOLE_NUMBERS = "VARCHAR", {"TINYINT", "SMALLINT", "INTEGER", "BIGINT"}
MAX_GROUP_ROWS = 2_000_000  # row groups are read side by side, each by one thread
MIN_GROUP_ROWS = 10_000  # on average: each costs time
BATCH_ROWS = 200_000


def spool(
    con: duckdb.DuckDBPyConnection, source: Source, *, columns: Columns, plain: Plain, target: Path
) -> tuple[int, dict[str, str], Glance]:
    """Makes `target` a copy of the file that says nothing of its values; returns (rows, the SQL of the text of each
    known column, what was seen of the rows). Raises NotPlain."""
    try:
        copy_bare(source.path, target, mark=PLAIN_MARK)
        with pq.ParquetFile(target) as file:
            schema, metadata = file.schema_arrow, file.metadata
            if match(schema.names, columns) or not _fits(schema, metadata):
                raise NotPlain
        scan = f"read_parquet({literal(target)})"
        kinds = _kinds(con, scan)
        if list(kinds) != schema.names or not _are_texts(kinds, plain):
            raise NotPlain
        glance = Glance()
        for batch in _batches(con, scan, kinds, plain):
            if not all(plain.allows(name, batch.column(name)) for name in kinds):
                raise NotPlain
            glance.see(batch.select([KEY_HASH, OWNER_HASH]))
    except (FileRefused, FooterUnfit, duckdb.Error, pa.ArrowException, OSError, ValueError):
        raise NotPlain from None
    if glance.rows != metadata.num_rows:
        raise NotPlain
    return glance.rows, {name: _text(name, kinds.get(name, "")) for name in columns.known}, glance


def _fits(schema: pa.Schema, metadata: pq.FileMetaData) -> bool:
    """Whether the file is flat, made of what every reader knows, and cut into pieces of a useful size."""
    if any(not (pa.types.is_string(kind) or pa.types.is_integer(kind)) for kind in schema.types):
        return False
    groups = [metadata.row_group(number) for number in range(metadata.num_row_groups)]
    if max((group.num_rows for group in groups), default=0) > MAX_GROUP_ROWS:
        return False
    if len(groups) > 1 and metadata.num_rows < len(groups) * MIN_GROUP_ROWS:
        return False
    if metadata.num_rows > max(FREE_ROWS, metadata.serialized_size + _bytes(groups)):
        return False
    return all(
        column.num_values == group.num_rows and column.compression in CODECS and ENCODINGS.issuperset(column.encodings)
        for group in groups
        for column in map(group.column, range(group.num_columns))
    )


def _bytes(groups: list[pq.RowGroupMetaData]) -> int:
    return sum(group.column(place).total_compressed_size for group in groups for place in range(group.num_columns))


def _kinds(con: duckdb.DuckDBPyConnection, scan: str) -> dict[str, str]:
    return dict(con.execute(f"SELECT column_name, column_type FROM (DESCRIBE FROM {scan})").fetchall())


def _are_texts(kinds: dict[str, str], plain: Plain) -> bool:
    return all(kind == TEXT or (kind in WHOLE_NUMBERS and name in plain.only) for name, kind in kinds.items())


def _batches(
    con: duckdb.DuckDBPyConnection, scan: str, kinds: dict[str, str], plain: Plain
) -> Iterator[pa.RecordBatch]:
    """All rows with their hashes. A long text is cut to what is too long all the same: a file may hold one of a
    megabyte in a dictionary, and say it in every row."""
    texts = (
        f"CASE WHEN strlen({name}) > {MAX_ID_LENGTH} THEN ' ' ELSE {name} END AS {name}" if kind == TEXT else name
        for name, kind in kinds.items()
    )
    # A connection of its own: it may be left before its end.
    with closing(con.cursor()) as reader:
        reader.execute("SET preserve_insertion_order = false")
        query = f"SELECT {plain.hashes}, {', '.join(texts)} FROM {scan}"
        yield from one_ahead(reader.sql(query).to_arrow_reader(BATCH_ROWS))


def _text(name: str, kind: str) -> str:
    if not kind:
        return "''"
    return f"coalesce({name}, '')" if kind == TEXT else f"coalesce(CAST({name} AS VARCHAR), '')"
