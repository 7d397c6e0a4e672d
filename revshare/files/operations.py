"""A file comes in: judged, stored by its stage, its bad rows kept, its totals written, all in one transaction."""

import contextlib
import json
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import duckdb
from django.db import IntegrityError, transaction

from revshare.audit_trail.operations import Act, record
from revshare.files import spooling
from revshare.files.formats import KINDS
from revshare.files.models import IngestedFile
from revshare.files.preflight import FileRefused, Source, inspect
from revshare.files.reasons import sentence
from revshare.files.rules import MAX_ID_LENGTH, micros
from revshare.files.work import Intake, Work, prepare_tables, spooled_rows
from revshare.lake import copy_in, duck, literal, spool
from revshare.locks import Lock, hold
from revshare.progress import Progress, no_progress

# Above both bounds the rows that break a rule by themselves are no longer kept one by one: the file is refused.
MAX_BAD_ROWS = 250_000
MAX_BAD_BYTES = 64 << 20
# A small file must do with less memory, whatever it holds; beyond it DuckDB spills.
SMALL_BYTES = 64 << 20
SMALL_MEMORY = "256MB"


@dataclass(frozen=True)
class Report:
    """What became of a file. `seen_before`: these very bytes are in already, and nothing was done."""

    file: IngestedFile
    seen_before: bool
    facts: dict[str, Any] = field(default_factory=dict)


def take_in(
    *, path: Path, intake: Intake, act: Act, name: str = "", progress: Progress = no_progress,
    turn: Callable[[], None] = lambda: None,
) -> Report:  # fmt: skip
    """Takes in one file of the intake's kind; all of it becomes visible at once, or nothing.

    Raises FileRefused if the file as a whole cannot be taken. `turn` is called once the file was judged by itself: it
    returns when it may be stored, or raises.
    """
    with spool() as scratch:
        progress("inspect", 0, 0)
        source = inspect(path, scratch, name=name)
        if (known := _known(intake.kind, source)) is not None:
            return Report(known, seen_before=True)
        small = source.size_bytes < SMALL_BYTES
        with duck(scratch, memory=SMALL_MEMORY if small else "") as con:
            words = source.printable and not source.spaces and source.longest_line <= MAX_ID_LENGTH
            work = Work(
                con=con, scratch=scratch, act=act, progress=progress, printable=source.printable, words=words
            )  # fmt: skip
            # Out of order is faster; where a row is found wanting its line is asked for, and all is read again.
            for ordered in (True,) if small or intake.numbered else (False, True):
                with contextlib.suppress(_Disordered):
                    return _take_in(work, source, intake, turn, ordered=ordered)
    raise AssertionError("read in order, rows have their lines")


class _Disordered(Exception):
    """A row has to wait in quarantine, and its line is not known."""


def _take_in(work: Work, source: Source, intake: Intake, turn: Callable[[], None], *, ordered: bool) -> Report:
    work.progress("read", 0, 0)
    work.con.execute(f"SET preserve_insertion_order = {str(ordered).lower()}")
    spooled = spooling.spool_rows(work.con, source, kind=intake.kind, scratch=work.scratch)
    work = replace(work, spool=spooled.path)
    prepare_tables(work, spooled_rows(spooled.path))
    work.progress("check", 0, spooled.rows)
    intake.check(work)
    _check_order(work, ordered=ordered)
    _refuse_if_mostly_bad(work, source, spooled, intake.kind)
    turn()
    try:
        with transaction.atomic():
            return _store(work, source, spooled, intake, ordered=ordered)
    except IntegrityError:
        # Of two processes taking in the same bytes at once, the other was first.
        if (known := _known(intake.kind, source)) is None:
            raise
        return Report(known, seen_before=True)


def _check_order(work: Work, *, ordered: bool) -> None:
    if not ordered and work.number("SELECT count(*) FROM exceptions WHERE outcome = 'quarantined'"):
        raise _Disordered


def _known(kind: str, source: Source) -> IngestedFile | None:
    return IngestedFile.objects.filter(kind=kind, sha256=source.sha256).first()


def _store(work: Work, source: Source, spooled: spooling.Spooled, intake: Intake, *, ordered: bool) -> Report:
    hold(Lock.INTAKE)
    intake.settle(work)
    _check_order(work, ordered=ordered)
    file = IngestedFile.objects.create(
        kind=intake.kind, sha256=source.sha256, name=source.name, size_bytes=source.size_bytes, format=source.format,
        unknown_columns=spooled.unknown_columns, loaded_at=work.act.at, loaded_by=work.act.actor,
        **_totals(work.con, intake.kind, spooled.rows),
    )  # fmt: skip
    work.progress("store", 0, file.rows_accepted)
    facts = intake.store(work, file)
    _quarantine(work, source, spooled, file)
    record(
        act=work.act, action="file.ingested", object=f"file:{file.pk}",
        detail={"kind": file.kind, "sha256": file.sha256, "rows_in": file.rows_in, "accepted": file.rows_accepted,
                "duplicate": file.rows_duplicate, "quarantined": file.rows_quarantined},
    )  # fmt: skip
    work.progress("done", file.rows_in, file.rows_in)
    return Report(file, seen_before=False, facts=facts)


def _totals(con: duckdb.DuckDBPyConnection, kind: str, rows: int) -> dict[str, int | None]:
    """Counts and sums by outcome. Amounts that cannot be read are in no sum, on either side of the equation."""
    column = KINDS[kind].amount
    amount = f"sum({micros(column)})" if column else "sum(NULL::BIGINT)"
    counted = dict.fromkeys(("duplicate", "quarantined"), (0, 0))
    query = f"SELECT outcome, count(*), coalesce({amount}, 0) FROM raw JOIN exceptions USING (row) GROUP BY outcome"
    for outcome, count, total in con.execute(query).fetchall():
        counted[outcome] = (count, int(total))
    found = con.execute(f"SELECT coalesce({amount}, 0) FROM raw").fetchone()
    assert found is not None
    (duplicate, duplicate_sum), (quarantined, quarantined_sum) = counted["duplicate"], counted["quarantined"]
    totals: dict[str, int | None] = {
        "rows_in": rows, "rows_accepted": rows - duplicate - quarantined,
        "rows_duplicate": duplicate, "rows_quarantined": quarantined,
    }  # fmt: skip
    if column:
        totals |= {
            "sum_in": int(found[0]), "sum_accepted": int(found[0]) - duplicate_sum - quarantined_sum,
            "sum_duplicate": duplicate_sum, "sum_quarantined": quarantined_sum,
        }  # fmt: skip
    return totals


def _refuse_if_mostly_bad(work: Work, source: Source, spooled: spooling.Spooled, kind: str) -> None:
    """So many rows that break a rule are one mistake, not many: nobody could look at them one by one."""
    size = " + ".join(f"strlen(raw.{name})" for name in KINDS[kind].known)
    bad = "raw JOIN exceptions USING (row) WHERE outcome = 'quarantined'"
    found = work.con.execute(f"SELECT count(*), coalesce(sum({size}), 0), min(row) FROM {bad}").fetchone()
    assert found is not None
    count, characters, first = found
    if count > max(MAX_BAD_ROWS, spooled.rows // 20) or characters > max(MAX_BAD_BYTES, source.size_bytes):
        reason = work.con.execute("SELECT reason FROM exceptions WHERE row = ?", [first]).fetchall()[0][0]
        line = work.number(f"SELECT line FROM ({spooling.lines_of(work.con, source, spooled)}) WHERE row = {first}")
        code, _, column = reason.partition("@")
        where = f"the first on line {line:,}, {column}: {sentence(code)}"
        raise FileRefused("too_many_bad_rows", f"({count:,} of {spooled.rows:,}; {where})")


def _quarantine(work: Work, source: Source, spooled: spooling.Spooled, file: IngestedFile) -> None:
    """Keeps the bad rows whole, each with its line in the file."""
    if not file.rows_quarantined:
        return
    columns = ", ".join(f"{name} := raw.{name}" for name in KINDS[file.kind].known)
    amount = micros(KINDS[file.kind].amount) if KINDS[file.kind].amount else "NULL"
    copy_in(
        work.con,
        f"SELECT {file.pk}, line, exceptions.reason, to_json(struct_pack({columns})), {amount}, 'open', '', '' "
        f"FROM exceptions JOIN raw USING (row) JOIN ({spooling.lines_of(work.con, source, spooled)}) USING (row) "
        "WHERE outcome = 'quarantined' ORDER BY line",
        table="files_quarantined_row",
        columns="file_id, line, reason, row, amount_micros, state, decided_by, decision",
    )


def rows_as_parquet(con: duckdb.DuckDBPyConnection, rows: list[dict[str, Any]], *, kind: str, path: Path) -> None:
    """Writes rows (dicts with `row` and the kind's columns) as a spool, for judging them again."""
    draft = path.with_suffix(".json")
    draft.write_text("\n".join(json.dumps(row) for row in rows), encoding="utf-8")
    types = ", ".join(f"'{name}': 'VARCHAR'" for name in KINDS[kind].known)
    con.execute(
        f"COPY (SELECT * FROM read_json({literal(draft)}, format='newline_delimited', "
        f"columns={{'row': 'BIGINT', {types}}}, maximum_object_size=16000000)) TO {literal(path)} (FORMAT parquet)"
    )
    draft.unlink()
