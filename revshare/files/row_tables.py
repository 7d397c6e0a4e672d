"""Tables that keep the rows of a kind of file as they came: told apart by a key, equal or in conflict by their content,
never changed.

Each row has the number of its `arrival`: the id of its file, or one drawn from the same sequence when it came out of
quarantine later. A cycle closes over the arrivals up to a number (`files.queries.last_arrival`), so that what comes
later, be it from an old file, does not change what was calculated.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from django.db import connection

from revshare.files.models import IngestedFile, Void
from revshare.files.repeats import except_repeated
from revshare.files.voiding import IS_VOID
from revshare.files.work import Work
from revshare.lake import copy_in, copy_out, csv_scan

POSTGRES_TYPES = {"VARCHAR": 'text COLLATE "C"'}  # where DuckDB's name would not do


@dataclass(frozen=True, kw_only=True)
class RowTable:
    """`columns` of the table, each with the SQL of DuckDB that makes it from the file's text; `types` of those that are
    no text. Of a key the last column is one of the file: conflicts are shown there."""

    name: str
    columns: Mapping[str, str]
    key: Sequence[str]
    content: Sequence[str]
    types: Mapping[str, str] = field(default_factory=dict)
    kind: str = ""  # of files, if these can be voided: then the same key may come again after that

    def type_of(self, column: str) -> str:
        return self.types.get(column, "VARCHAR")


def except_bad(work: Work, table: RowTable, branches: str) -> None:
    """Quarantines the rows for which `branches` (WHEN … THEN reason) give a reason. From then on `accepted` has the
    columns of the table."""
    work.except_rows(f"SELECT row, 'quarantined' AS outcome, CASE {branches} END AS reason FROM raw")
    columns = ", ".join(f'{text} AS "{name}"' for name, text in table.columns.items())
    work.con.execute(
        f"CREATE OR REPLACE VIEW accepted AS SELECT row, {columns} FROM raw ANTI JOIN exceptions USING (row)"
    )


def except_repeats(work: Work, table: RowTable) -> None:
    """Rows of the file with the same key: duplicates, or in conflict."""
    content = f"struct_pack({', '.join(f'{name} := {name}' for name in table.content)})"
    except_repeated(work, key=table.key, content=content)


def see_stored(work: Work, table: RowTable, by: Sequence[str]) -> bool:
    """Makes the table `stored` of DuckDB: what the table keeps with the same `by` as a row of the file. Returns whether
    there is anything."""
    types = {name: table.type_of(name) for name in table.columns}
    named = ", ".join(f"{name} {kind}" for name, kind in types.items())
    work.con.execute(f"CREATE OR REPLACE TEMP TABLE stored ({named})")
    keys = ", ".join(by)
    with connection.cursor() as cursor:
        cursor.execute(f"SELECT EXISTS (SELECT FROM {table.name})")
        if not cursor.fetchone()[0]:
            return False
        wanted = ", ".join(f"{name} {POSTGRES_TYPES.get(types[name], types[name])}" for name in by)
        cursor.execute("DROP TABLE IF EXISTS incoming_key")
        cursor.execute(f"CREATE TEMP TABLE incoming_key ({wanted}) ON COMMIT DROP")
        copy_in(work.con, f"SELECT DISTINCT {keys} FROM accepted", table="incoming_key", columns=keys)
        cursor.execute("ANALYZE incoming_key")
    draft = work.scratch / "stored.copy"
    counts = f"WHERE NOT {IS_VOID.format(table.name)}" if table.kind else ""
    copy_out(f"SELECT {', '.join(types)} FROM {table.name} JOIN incoming_key USING ({keys}) {counts}", draft)
    work.con.execute(f"INSERT INTO stored SELECT * FROM {csv_scan(draft, types)}")
    draft.unlink()
    return work.number("SELECT count(*) FROM stored") > 0


def except_stored(work: Work, table: RowTable) -> None:
    """Rows whose key is `stored` already: duplicates if the content is the same, else in conflict with what stays."""
    same = " AND ".join(f"a.{name} IS NOT DISTINCT FROM s.{name}" for name in table.content)
    work.except_rows(
        f"SELECT a.row, CASE WHEN {same} THEN 'duplicate' ELSE 'quarantined' END AS outcome, "
        f"CASE WHEN {same} THEN '' ELSE 'conflicting_duplicate@{table.key[-1]}' END AS reason "
        f"FROM accepted a JOIN stored s ON {' AND '.join(f'a.{name} = s.{name}' for name in table.key)}"
    )


def store_rows(work: Work, table: RowTable, file: IngestedFile) -> None:
    """Writes the accepted rows, in order of their keys: the index grows at its end."""
    names = ", ".join(table.columns)
    arrival = _next_arrival() if work.released else file.pk
    more = {"file_id": file.pk, "arrival": arrival}
    if table.kind:
        more["after_voids"] = Void.objects.filter(file__kind=table.kind).count()
    values = ", ".join(map(str, more.values()))
    rows = copy_in(
        work.con, f"SELECT {names}, {values} FROM accepted ORDER BY {', '.join(table.key)}",
        table=table.name, columns=f"{names}, {', '.join(more)}",
    )  # fmt: skip
    if rows:
        with connection.cursor() as cursor:
            cursor.execute("SELECT revshare_analyze(%s)", [table.name])


def _next_arrival() -> int:
    with connection.cursor() as cursor:
        cursor.execute("SELECT nextval(pg_get_serial_sequence('files_file', 'id'))")
        return int(cursor.fetchone()[0])
