"""What a stage gets to work on when a file comes in, and what it owes in return."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

import duckdb
from django.db import connection

from revshare.audit_trail.operations import Act
from revshare.files.models import IngestedFile
from revshare.files.rules import looks_like
from revshare.lake import copy_out, csv_scan, literal
from revshare.progress import Progress, no_progress

@dataclass(frozen=True, kw_only=True)
class Work:
    """DuckDB holds the view `raw` (row, and the kind's columns as text, never NULL) and the table `exceptions` (row,
    outcome, reason): a row not named there is accepted."""

    con: duckdb.DuckDBPyConnection
    scratch: Path
    act: Act
    progress: Progress = no_progress

    def number(self, query: str) -> int:
        """The single number that a query of DuckDB gives; 0 for NULL."""
        found = self.con.execute(query).fetchone()
        return int(found[0] or 0) if found else 0

    def except_rows(self, query: str) -> None:
        """Adds the (row, outcome, reason) of a query of DuckDB, but for rows without a reason (NULL) and rows that are
        excepted already."""
        self.con.execute(
            "INSERT INTO exceptions SELECT row, any_value(outcome), min(reason) "
            f"FROM ({query}) ANTI JOIN exceptions USING (row) WHERE reason IS NOT NULL GROUP BY row"
        )

    def except_found(self, query: str) -> None:
        """The same for a query of PostgreSQL."""
        draft = self.scratch / "found.copy"
        copy_out(query, draft)
        scan = csv_scan(draft, {"row": "BIGINT", "outcome": "VARCHAR", "reason": "VARCHAR"})
        self.except_rows(f"SELECT * FROM {scan}")
        draft.unlink()

    def except_lookalikes(self, *, kind: str, column: str, known: str) -> None:
        """Quarantines rows whose id in `column` looks like another id of this file or one known already.

        `known` is a query of PostgreSQL with one parameter, an array of ids: those of them that exist already. Within
        the file the plain id stays; of several that are not plain, the lowest in code-point order.
        """
        query = f"SELECT DISTINCT {column} FROM accepted WHERE regexp_matches({column}, '[^\\x00-\\x7f]')"
        foreign = sorted(row[0] for row in self.con.execute(query).fetchall())
        looks = {identifier: looks_like(identifier) for identifier in foreign}
        taken = self._taken_looks(kind, column, set(looks.values()), known)
        bad: set[str] = set()
        for identifier, look in looks.items():
            if taken.setdefault(look, identifier) != identifier:
                bad.add(identifier)
        bad |= self._plain_ids_like_foreign(kind, column)
        if bad:
            self.con.execute("CREATE OR REPLACE TEMP TABLE lookalikes AS SELECT unnest(?) AS identifier", [sorted(bad)])
            self.except_rows(
                f"SELECT row, 'quarantined' AS outcome, 'id_confusable@{column}' AS reason FROM accepted "
                f"JOIN lookalikes ON identifier = {column}"
            )

    def _taken_looks(self, kind: str, column: str, looks: set[str], known: str) -> dict[str, str]:
        """Which of these looks an id has already, in this file (plain ids) or from before."""
        if not looks:
            return {}
        wanted = sorted(looks)
        rows = self.con.execute(
            f"SELECT DISTINCT {column} FROM accepted WHERE list_contains(?, {column})", [wanted]
        ).fetchall()
        taken = {identifier: identifier for (identifier,) in rows}
        with connection.cursor() as cursor:
            cursor.execute(known, [wanted])
            taken |= {identifier: identifier for (identifier,) in cursor.fetchall()}
            cursor.execute(
                "SELECT looks_like, identifier FROM files_folded_id WHERE kind = %s AND looks_like = ANY(%s)",
                [kind, wanted],
            )
            taken |= dict(cursor.fetchall())
        return taken

    def _plain_ids_like_foreign(self, kind: str, column: str) -> set[str]:
        """Plain ids of this file that an accepted foreign id of before looks like."""
        with connection.cursor() as cursor:
            cursor.execute("SELECT looks_like, identifier FROM files_folded_id WHERE kind = %s", [kind])
            foreign = dict(cursor.fetchall())
        if not foreign:
            return set()
        rows = self.con.execute(
            f"SELECT DISTINCT {column} FROM accepted WHERE list_contains(?, {column})", [sorted(foreign)]
        ).fetchall()
        return {identifier for (identifier,) in rows if foreign[identifier] != identifier}

    def remember_looks(self, *, kind: str, column: str) -> None:
        """Stores what the accepted foreign ids of this file look like."""
        query = f"SELECT DISTINCT {column} FROM accepted WHERE regexp_matches({column}, '[^\\x00-\\x7f]')"
        found = [(kind, row[0], looks_like(row[0])) for row in self.con.execute(query).fetchall()]
        with connection.cursor() as cursor:
            cursor.executemany(
                "INSERT INTO files_folded_id (kind, identifier, looks_like) VALUES (%s, %s, %s) ON CONFLICT DO NOTHING",
                found,
            )


class Intake(Protocol):
    """What a stage that takes files provides. `check` and `settle` name exceptions; `store` writes what is left."""

    kind: str

    def check(self, work: Work) -> None:
        """Judges each row by itself and against the rest of its file. No database."""

    def settle(self, work: Work) -> None:
        """Judges rows against what is stored. In the transaction, under its lock."""

    def store(self, work: Work, file: IngestedFile) -> dict[str, Any]:
        """Writes the accepted rows (view `accepted`: raw without the exceptions); returns facts for the report."""


def prepare_tables(work: Work, raw: str) -> None:
    """`raw` is a query of DuckDB with `row` first."""
    work.con.execute(f"CREATE OR REPLACE VIEW raw AS {raw}")
    work.con.execute("CREATE OR REPLACE TABLE exceptions (row BIGINT, outcome VARCHAR, reason VARCHAR)")
    work.con.execute("CREATE OR REPLACE VIEW accepted AS SELECT * FROM raw ANTI JOIN exceptions USING (row)")


def spooled_rows(path: Path) -> str:
    """The query that reads a spool: its rows numbered from 0."""
    return (
        f"SELECT file_row_number AS row, * EXCLUDE (file_row_number) "
        f"FROM read_parquet({literal(path)}, file_row_number=true)"
    )
