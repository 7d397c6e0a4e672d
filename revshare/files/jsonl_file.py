"""JSON Lines: one flat object a line. Numbers are kept as the text they were written in."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NoReturn

import duckdb
import pyarrow as pa
import pyarrow.parquet as pq

from revshare.files.formats import Columns
from revshare.files.headers import MAX_COLUMNS, check_name, missing_of
from revshare.files.preflight import FileRefused, Source
from revshare.lake import literal

BATCH_ROWS = 20_000
BATCH_CHARACTERS = 8 << 20
LINE = "__line"


class _DuplicateKey(ValueError):
    pass


class _NotANumber(ValueError):
    pass


def spool(con: duckdb.DuckDBPyConnection, source: Source, *, columns: Columns, target: Path) -> tuple[int, list[str]]:
    """Writes the file's objects to `target` as text columns, with the line of each. Raises FileRefused."""
    unknown: dict[str, None] = {}
    schema = pa.schema([(name, pa.string()) for name in columns.known] + [(LINE, pa.int64())])
    rows = 0
    with pq.ParquetWriter(target, schema, compression="zstd") as writer:
        for batch in _batches(source.plain, columns, unknown):
            writer.write_table(pa.table(batch, schema=schema))
            rows += len(batch[LINE])
    return rows, list(unknown)


def lines_of(con: duckdb.DuckDBPyConnection, source: Source, spooled: Path, count: int) -> str:
    """A query of DuckDB: each `row` with its `line`."""
    return f"SELECT file_row_number AS row, {LINE} AS line FROM read_parquet({literal(spooled)}, file_row_number=true)"


def _batches(path: Path, columns: Columns, unknown: dict[str, None]) -> Iterator[dict[str, list[Any]]]:
    """Columns of values, bounded in rows and in characters."""
    names = columns.known
    lists: list[list[Any]] = [[] for _ in names]
    lines: list[int] = []
    characters = 0
    with path.open(encoding="utf-8-sig", newline="\n") as file:
        for line, text in enumerate(file, 1):
            if text.isspace():
                continue
            for values, value in zip(lists, _values(text, line, columns, unknown), strict=True):
                values.append(value)
            lines.append(line)
            characters += len(text)
            if len(lines) >= BATCH_ROWS or characters >= BATCH_CHARACTERS:
                yield {**dict(zip(names, lists, strict=True)), LINE: lines}
                lists, lines, characters = [[] for _ in names], [], 0
    yield {**dict(zip(names, lists, strict=True)), LINE: lines}


def _values(text: str, line: int, columns: Columns, unknown: dict[str, None]) -> list[str]:
    """The known columns' values of one line, as text."""
    try:
        record = _DECODER.decode(text)
    except _DuplicateKey as error:
        raise FileRefused("json_duplicate_key", f"(line {line:,}: {error})") from None
    except _NotANumber as error:
        raise FileRefused("json_not_a_number", f"(line {line:,}: {error})") from None
    except RecursionError:
        raise FileRefused("json_shape", f"(line {line:,}: nested too deeply)") from None
    except ValueError as error:
        raise FileRefused("json_syntax", f"(line {line:,}: {error})") from None
    if not isinstance(record, dict):
        raise FileRefused("json_shape", f"(line {line:,})")
    if missing := missing_of(record, columns):
        raise FileRefused("json_key_missing", f"(line {line:,}: {', '.join(missing)})")
    for name, value in record.items():
        if isinstance(value, dict | list):
            raise FileRefused("json_shape", f"(line {line:,}: {name[:40]!a} is not a plain value)")
        if name not in unknown and name not in columns.known:
            _note_unknown(name, line, unknown)
    values = [_text(record.get(name)) for name in columns.known]
    if "\\u" in text:
        _check_escapes(values, columns, line)
    return values


def _note_unknown(name: str, line: int, unknown: dict[str, None]) -> None:
    try:
        check_name(name)
    except FileRefused as refused:
        raise FileRefused(refused.code, f"(line {line:,}: {name[:40]!a})") from None
    unknown[name] = None
    if len(unknown) > MAX_COLUMNS:
        raise FileRefused("header_too_wide", f"(line {line:,}: more than {MAX_COLUMNS:,} unknown keys so far)")


def _text(value: str | bool | None) -> str:
    if isinstance(value, str):
        return value
    if value is None:
        return ""
    return "true" if value else "false"


def _check_escapes(values: list[str], columns: Columns, line: int) -> None:
    """What the bytes of a line cannot hold, but an escape can: NUL, half a surrogate pair."""
    for name, value in zip(columns.known, values, strict=True):
        if "\0" in value:
            raise FileRefused("file_nul", f"(line {line:,}: {name})")
        if any("\ud800" <= sign <= "\udfff" for sign in value):
            raise FileRefused("file_encoding", f"(line {line:,}: half a surrogate pair in {name})")


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    record = dict(pairs)
    if len(record) != len(pairs):
        seen: set[str] = set()
        for name, _ in pairs:
            if name in seen:
                raise _DuplicateKey(f"{name[:40]!a}")
            seen.add(name)
    return record


def _not_a_number(text: str) -> NoReturn:
    raise _NotANumber(text)


_DECODER = json.JSONDecoder(object_pairs_hook=_unique, parse_constant=_not_a_number, parse_float=str, parse_int=str)
