"""What a stage gets to work on when a file comes in, and what it owes in return."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol, runtime_checkable

import duckdb
import pyarrow as pa
from django.db import connection

from revshare.audit_trail.operations import Act
from revshare.files.glance import Glance, Plain
from revshare.files.held import HELD
from revshare.files.models import ColumnMapping, IngestedFile
from revshare.lake import copy_in, copy_out, csv_scan
from revshare.progress import Progress, no_progress


@dataclass(frozen=True, kw_only=True)
class Work:
    """DuckDB holds the view `raw` (row, and the kind's columns as text, never NULL) and the table `exceptions` (row,
    outcome, reason): a row not named there is accepted."""

    con: duckdb.DuckDBPyConnection
    scratch: Path
    act: Act
    progress: Progress = no_progress
    printable: bool = False  # nothing but printable ASCII is in the file
    words: bool = False  # and no value holds a space, or is longer than an id may be
    released: bool = False  # the rows come out of quarantine, some time after their file
    spool: Path | None = None  # the Parquet file behind `raw`, if that is a file as it came in
    said: frozenset[str] | None = None  # its rows are in memory instead (`held`), and say something in these columns
    mapping: ColumnMapping | None = None  # by which its columns got our names
    glance: Glance | None = None  # if it was found plainly right: what was seen of its rows
    all_known: bool = False  # nobody is named in it whom we do not know
    digest: str = ""  # the hash of the spool, if that has been written to the disk as it is to stay

    def number(self, query: str) -> int:
        """The single number that a query of DuckDB gives; 0 for NULL."""
        found = self.con.execute(query).fetchall()  # to its end: DuckDB hands out no other rows before that
        return int(found[0][0] or 0) if found else 0

    def except_rows(self, query: str) -> None:
        """Adds the (row, outcome, reason) of a query of DuckDB, but for rows without a reason (NULL) and rows that are
        excepted already."""
        self.con.execute(
            "INSERT INTO exceptions SELECT row, any_value(outcome), min(reason) "
            f"FROM ({query}) ANTI JOIN exceptions USING (row) WHERE reason IS NOT NULL GROUP BY row"
        )

    def let_go(self) -> None:
        """Frees the memory of rows that are held in it. Then there is no `raw`."""
        if self.said is not None:
            self.con.unregister(HELD)
            pa.default_memory_pool().release_unused()

    def stage(self, table: str, columns: Mapping[str, str], rows: str = "accepted") -> None:
        """Makes the rows accepted so far (or `rows` of them) a table of the transaction in PostgreSQL. `columns`: name
        to type."""
        with connection.cursor() as cursor:
            cursor.execute(f"DROP TABLE IF EXISTS {table}")
            types = ", ".join(f"{name} {kind}" for name, kind in columns.items())
            cursor.execute(f"CREATE TEMP TABLE {table} ({types}) ON COMMIT DROP")
        names = ", ".join(columns)
        copy_in(self.con, f"SELECT {names} FROM {rows}", table=table, columns=names)
        with connection.cursor() as cursor:
            cursor.execute(f"ANALYZE {table}")

    def drop_excepted(self, table: str) -> None:
        """Takes rows that were excepted since `stage` out of the staged table."""
        if self.clean:
            return
        with connection.cursor() as cursor:
            cursor.execute("CREATE TEMP TABLE excepted (row bigint) ON COMMIT DROP")
        copy_in(self.con, "SELECT row FROM exceptions", table="excepted", columns="row")
        with connection.cursor() as cursor:
            cursor.execute(f"DELETE FROM {table} i USING excepted e WHERE e.row = i.row")
            cursor.execute("DROP TABLE excepted")

    @property
    def clean(self) -> bool:
        """Whether all rows are accepted so far."""
        return not self.number("SELECT count(*) FROM exceptions")

    def except_found(self, query: str) -> None:
        """The same for a query of PostgreSQL."""
        draft = self.scratch / "found.copy"
        copy_out(query, draft)
        scan = csv_scan(draft, {"row": "BIGINT", "outcome": "VARCHAR", "reason": "VARCHAR"})
        self.except_rows(f"SELECT * FROM {scan}")
        draft.unlink()


class Intake(Protocol):
    """What a stage that takes files provides. `check` and `settle` name exceptions; `store` writes what is left."""

    kind: str
    numbered: bool  # the place of an accepted row in its file is stored with it

    @property
    def plain(self) -> Plain | None:
        """What can be seen at a glance where all rows of a large file are right by themselves."""

    def check(self, work: Work) -> None:
        """Judges each row by itself and against the rest of its file. No database. Where the kind has amounts, leaves a
        view `amounts` (row, micros): NULL if they cannot be read."""

    def settle(self, work: Work) -> None:
        """Judges rows against what is stored. In the transaction, under its lock."""

    def store(self, work: Work, file: IngestedFile) -> dict[str, Any]:
        """Writes the accepted rows (view `accepted`: raw without the exceptions); returns facts for the report."""


@runtime_checkable
class Foreseeing(Protocol):
    """An intake that does some of its work before it asks for the lock, when it is its turn."""

    def foresee(self, work: Work) -> Work:
        """Finds out what will still be so under the lock, whatever others store meanwhile."""


def prepare_tables(work: Work, raw: str) -> None:
    """`raw` is a query of DuckDB with `row` first."""
    work.con.execute(f"CREATE OR REPLACE VIEW raw AS {raw}")
    work.con.execute("CREATE OR REPLACE TABLE exceptions (row BIGINT, outcome VARCHAR, reason VARCHAR)")
    work.con.execute("CREATE OR REPLACE VIEW accepted AS SELECT * FROM raw ANTI JOIN exceptions USING (row)")
