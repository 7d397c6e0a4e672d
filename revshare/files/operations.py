"""A file comes in: judged, stored by its stage, its bad rows kept, its totals written, all in one transaction."""

import contextlib
import json
from collections.abc import Callable, Iterator
from concurrent.futures import Future
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path
from typing import Any

import duckdb
from django.db import IntegrityError, transaction

from revshare.audit_trail.operations import Act, record
from revshare.files import spooling
from revshare.files.formats import KINDS
from revshare.files.glance import NotPlain
from revshare.files.held import Held, holding
from revshare.files.mapped import under_our_names
from revshare.files.models import ColumnMapping, IngestedFile
from revshare.files.preflight import FileRefused, Source, inspect
from revshare.files.reading_ahead import Ahead, reading_ahead
from revshare.files.reasons import sentence
from revshare.files.rules import MAX_ID_LENGTH, micros
from revshare.files.work import Foreseeing, Intake, Work, prepare_tables
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
    *, path: Path, intake: Intake, act: Act, name: str = "", mapping: ColumnMapping | None = None,
    progress: Progress = no_progress, turn: Callable[[], None] = lambda: None,
) -> Report:  # fmt: skip
    """Takes in one file of the intake's kind; all of it becomes visible at once, or nothing.

    `mapping`: what its columns are called here, where they have other names. Raises FileRefused if the file as a whole
    cannot be taken. `turn` is called once the file was judged by itself: it
    returns when it may be stored, or raises.
    """
    with spool() as scratch:
        progress("inspect", 0, 0)
        plain = intake.plain if _size(path) >= SMALL_BYTES and mapping is None else None
        columns = KINDS[intake.kind] if mapping is None else None
        with (
            reading_ahead(path, kind=intake.kind, plain=plain, scratch=scratch) as ahead,
            holding(path, columns=columns) as held,
        ):
            source = inspect(path, scratch, name=name)
            if (known := _known(intake.kind, source)) is not None:
                return Report(known, seen_before=True)
            if mapping is not None:
                source = under_our_names(source, mapping, scratch)
            memory = SMALL_MEMORY if source.size_bytes < SMALL_BYTES else ""
            with duck(scratch, memory=memory) as con:
                work = Work(con=con, scratch=scratch, act=act, progress=progress, mapping=mapping)
                # The quicker way first; where a file does not fit, it goes the next.
                for way in _ways(work, source, intake, ahead, held):
                    with contextlib.suppress(_Disordered, NotPlain):
                        return _take_in(work, source, intake, turn, way)
    raise AssertionError("read in order, rows have their lines")


def _size(path: Path) -> int:
    try:
        return path.stat().st_size
    except OSError:
        return 0  # `inspect` says what is wrong


@dataclass(frozen=True)
class _Way:
    """How a file is read. `ordered`: its rows keep their lines."""

    read: Callable[[], spooling.Spooled]
    ordered: bool
    keep_order: bool


def _ways(
    work: Work, source: Source, intake: Intake, ahead: Ahead | None, held: Future[Held] | None
) -> Iterator[_Way]:  # fmt: skip
    """At a glance, out of memory, in no order, in order: the last takes any file. Where a row is found wanting its line
    is asked for."""
    large = source.size_bytes >= SMALL_BYTES

    def read() -> spooling.Spooled:
        return spooling.spool_rows(work.con, source, kind=intake.kind, scratch=work.scratch)

    if large and (plain := intake.plain) is not None:
        glance = partial(
            spooling.spool_plain, work.con, source, kind=intake.kind, plain=plain, ahead=ahead, scratch=work.scratch
        )
        yield _Way(glance, ordered=True, keep_order=False)
    if held is not None:
        in_memory = partial(spooling.hold_rows, work.con, source, kind=intake.kind, held=held, scratch=work.scratch)
        yield _Way(in_memory, ordered=True, keep_order=False)
    if large and not intake.numbered:
        yield _Way(read, ordered=False, keep_order=False)
    yield _Way(read, ordered=True, keep_order=True)


class _Disordered(Exception):
    """A row has to wait in quarantine, and its line is not known."""


def _take_in(work: Work, source: Source, intake: Intake, turn: Callable[[], None], way: _Way) -> Report:
    work.progress("read", 0, 0)
    work.con.execute(f"SET preserve_insertion_order = {str(way.keep_order).lower()}")
    spooled = way.read()
    # Only now, since a reader of Parquet finds out.
    printable = source.printable or spooled.glance is not None
    words = printable and not source.spaces and source.longest_line <= MAX_ID_LENGTH
    path = spooled.path if spooled.said is None else None
    work = replace(
        work, spool=path, said=spooled.said, printable=printable, words=words, glance=spooled.glance
    )  # fmt: skip
    prepare_tables(work, spooled.query)
    work.progress("check", 0, spooled.rows)
    intake.check(work)
    _check_order(work, ordered=way.ordered)
    _refuse_if_mostly_bad(work, source, spooled, intake.kind)
    turn()
    if isinstance(intake, Foreseeing):
        work = intake.foresee(work)
    try:
        with transaction.atomic():
            return _store(work, source, spooled, intake, ordered=way.ordered)
    except IntegrityError:
        # Of two processes taking in the same bytes at once, the other was first.
        if (known := _known(intake.kind, source)) is None:
            raise
        return Report(known, seen_before=True)


def _check_order(work: Work, *, ordered: bool) -> None:
    if not ordered and _any_quarantined(work):
        raise _Disordered


def _any_quarantined(work: Work) -> bool:
    return work.number("SELECT count(*) FROM exceptions WHERE outcome = 'quarantined'") > 0


def _known(kind: str, source: Source) -> IngestedFile | None:
    return IngestedFile.objects.filter(kind=kind, sha256=source.sha256).first()


def _store(work: Work, source: Source, spooled: spooling.Spooled, intake: Intake, *, ordered: bool) -> Report:
    hold(Lock.INTAKE)
    intake.settle(work)
    _check_order(work, ordered=ordered)
    file = IngestedFile.objects.create(
        kind=intake.kind, sha256=source.sha256, name=source.name, size_bytes=source.size_bytes, format=source.format,
        unknown_columns=spooled.unknown_columns, mapping=work.mapping, loaded_at=work.act.at, loaded_by=work.act.actor,
        **_totals(work, intake.kind, spooled.rows),
    )  # fmt: skip
    work.progress("store", 0, file.rows_accepted)
    facts = intake.store(work, file)
    _quarantine(work, source, spooled, file)
    record(
        act=work.act, action="file.ingested", object=f"file:{file.pk}",
        detail={"kind": file.kind, "sha256": file.sha256, "rows_in": file.rows_in, "accepted": file.rows_accepted,
                "duplicate": file.rows_duplicate, "quarantined": file.rows_quarantined}
        | ({"mapping": file.mapping.name} if file.mapping else {}),
    )  # fmt: skip
    work.progress("done", file.rows_in, file.rows_in)
    return Report(file, seen_before=False, facts=facts)


def _totals(work: Work, kind: str, rows: int) -> dict[str, int | None]:
    """Counts and sums by outcome. Amounts that cannot be read are in no sum, on either side of the equation."""
    column = KINDS[kind].amount
    amounts = "amounts" if column else "(SELECT row, NULL::BIGINT AS micros FROM exceptions)"
    counted = dict.fromkeys(("duplicate", "quarantined"), (0, 0))
    query = (
        "SELECT outcome, count(*), coalesce(sum(micros), 0) "
        f"FROM exceptions JOIN {amounts} USING (row) GROUP BY outcome"
    )
    for outcome, count, total in work.con.execute(query).fetchall():
        counted[outcome] = (count, int(total))
    (duplicate, duplicate_sum), (quarantined, quarantined_sum) = counted["duplicate"], counted["quarantined"]
    totals: dict[str, int | None] = {
        "rows_in": rows, "rows_accepted": rows - duplicate - quarantined,
        "rows_duplicate": duplicate, "rows_quarantined": quarantined,
    }  # fmt: skip
    if column:
        total = work.number("SELECT sum(micros) FROM amounts")
        totals |= {
            "sum_in": total, "sum_accepted": total - duplicate_sum - quarantined_sum,
            "sum_duplicate": duplicate_sum, "sum_quarantined": quarantined_sum,
        }  # fmt: skip
    return totals


def _refuse_if_mostly_bad(work: Work, source: Source, spooled: spooling.Spooled, kind: str) -> None:
    """So many rows that break a rule are one mistake, not many: nobody could look at them one by one."""
    if not _any_quarantined(work):
        return
    size = " + ".join(f'strlen(raw."{name}")' for name in KINDS[kind].known)
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
    columns = ", ".join(f'"{name}" := raw."{name}"' for name in KINDS[file.kind].known)
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
