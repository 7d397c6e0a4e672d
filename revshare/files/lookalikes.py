"""Ids that look like another one: quarantined, since people could not tell them apart.

Only an id with letters beyond ASCII can look like another (`rules.looks_like`). Those that look like something other
than themselves are remembered when they are accepted, to catch what comes later.
"""

from collections.abc import Sequence

import pyarrow as pa
import pyarrow.parquet as pq
from django.db import connection

from revshare.files.rules import looks_like
from revshare.files.work import Work
from revshare.lake import copy_in, copy_out, csv_scan, literal

BATCH_ROWS = 20_000
NOT_PLAIN = "strlen({column}) <> length({column})"  # bytes, letters
PLAIN = "octet_length({column}) = char_length({column})"  # the same for PostgreSQL


def except_lookalikes(
    work: Work, *, kind: str, column: str, table: tuple[str, str] | None = None, lake: str = ""
) -> None:
    """Quarantines rows whose id in `column` looks like another id of this file or one known already.

    `kind` is SQL of DuckDB over the file's rows: ids of different kinds are never compared. The ids known already are
    in `table` (name and column, of PostgreSQL) or given by `lake`, a query of DuckDB (kind, identifier). Within the
    file the plain id stays; of several that are not plain the one known already, else one that looks like itself, else
    the lowest in code-point order.
    """
    work.con.execute("CREATE OR REPLACE TEMP TABLE lookalikes (kind VARCHAR, identifier VARCHAR)")
    if _look(work, kind, column):
        work.con.execute(
            "INSERT INTO lookalikes SELECT kind, identifier FROM looks WHERE look <> identifier AND (kind, look) IN "
            f"(SELECT ({kind}, {column}) FROM accepted WHERE NOT {NOT_PLAIN.format(column=column)})"
        )
        _like_known(work, table, lake)
        work.con.execute(
            "INSERT INTO lookalikes SELECT kind, identifier FROM looks ANTI JOIN lookalikes USING (kind, identifier) "
            "QUALIFY row_number() OVER (PARTITION BY kind, look ORDER BY look <> identifier, identifier) > 1"
        )
    _like_remembered(work, kind, column)
    if work.number("SELECT count(*) FROM lookalikes"):
        work.except_rows(
            f"SELECT row, 'quarantined' AS outcome, 'id_confusable@{column}' AS reason FROM accepted "
            f"JOIN lookalikes ON lookalikes.kind = {kind} AND lookalikes.identifier = {column}"
        )


def remember_looks(work: Work, *, kind: str, column: str) -> None:
    """Remembers the accepted ids of this file that look like something other than themselves."""
    query = "SELECT kind, identifier, look FROM looks WHERE look <> identifier"
    if not _look(work, kind, column) or not work.number(f"SELECT count(*) FROM ({query})"):
        return
    _stage(work, query)
    with connection.cursor() as cursor:
        cursor.execute(
            "INSERT INTO files_folded_id (kind, identifier, looks_like) "
            "SELECT kind, identifier, look FROM incoming_look ON CONFLICT DO NOTHING"
        )


def _look(work: Work, kind: str, column: str) -> bool:
    """Makes the table `looks` (kind, identifier, look) of the file's ids that are not plain; returns whether there are
    any."""
    if work.printable:
        return False
    draft = work.scratch / "looks.parquet"
    schema = pa.schema([("kind", pa.string()), ("identifier", pa.string()), ("look", pa.string())])
    work.con.execute(
        f"SELECT DISTINCT {kind} AS kind, {column} AS identifier FROM accepted WHERE {NOT_PLAIN.format(column=column)}"
    )
    with pq.ParquetWriter(draft, schema) as writer:
        while found := work.con.fetchmany(BATCH_ROWS):
            kinds, identifiers = zip(*found, strict=True)
            columns = [pa.array(values, pa.string()) for values in (kinds, identifiers, map(looks_like, identifiers))]
            writer.write_table(pa.table(columns, schema=schema))
    work.con.execute(f"CREATE OR REPLACE TEMP TABLE looks AS SELECT * FROM read_parquet({literal(draft)})")
    draft.unlink()
    return work.number("SELECT count(*) FROM looks") > 0


def _like_known(work: Work, table: tuple[str, str] | None, lake: str) -> None:
    """The file's ids that look like one stored before."""
    _stage(work, "SELECT kind, identifier, look FROM looks")
    query = (
        "SELECT l.kind, l.identifier FROM incoming_look l JOIN files_folded_id f "
        "ON f.kind = l.kind AND f.looks_like = l.look AND f.identifier <> l.identifier"
    )
    if table:
        name, key = table
        query += (
            f" UNION SELECT l.kind, l.identifier FROM incoming_look l JOIN {name} k "
            f"ON k.{key} = l.look WHERE l.look <> l.identifier"
        )
    _collect(work, query, ("kind", "identifier"), "INSERT INTO lookalikes SELECT * FROM {found}")
    if lake:
        work.con.execute(
            f"INSERT INTO lookalikes SELECT DISTINCT looks.kind, looks.identifier FROM looks JOIN ({lake}) known "
            "ON known.kind = looks.kind AND known.identifier = looks.look WHERE looks.look <> looks.identifier"
        )


def _like_remembered(work: Work, kind: str, column: str) -> None:
    """Plain ids of the file that a remembered one looks like."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT EXISTS (SELECT FROM files_folded_id)")
        if not cursor.fetchone()[0]:
            return
    query = f"SELECT kind, looks_like FROM files_folded_id WHERE {PLAIN.format(column='looks_like')}"
    _collect(
        work, query, ("kind", "look"),
        f"INSERT INTO lookalikes SELECT DISTINCT {kind}, {column} FROM accepted "
        f"JOIN {{found}} found ON found.kind = {kind} AND found.look = {column}",
    )  # fmt: skip


def _stage(work: Work, query: str) -> None:
    with connection.cursor() as cursor:
        cursor.execute("DROP TABLE IF EXISTS incoming_look")
        cursor.execute(
            'CREATE TEMP TABLE incoming_look (kind text, identifier text COLLATE "C", look text COLLATE "C") '
            "ON COMMIT DROP"
        )
    copy_in(work.con, query, table="incoming_look", columns="kind, identifier, look")


def _collect(work: Work, query: str, names: Sequence[str], statement: str) -> None:
    """Runs a statement of DuckDB over what a query of PostgreSQL found: text columns of these names."""
    draft = work.scratch / "found.copy"
    copy_out(query, draft)
    work.con.execute(statement.format(found=csv_scan(draft, dict.fromkeys(names, "VARCHAR"))))
    draft.unlink()
