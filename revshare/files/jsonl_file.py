"""JSON Lines: one flat object a line. Numbers are kept as the text they were written in."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NoReturn

import duckdb
import pyarrow as pa
import pyarrow.parquet as pq

from revshare.files.formats import Columns
from revshare.files.preflight import FileRefused, Source
from revshare.lake import literal

BATCH_ROWS = 20_000
LINE = "__line"


class _DuplicateKey(ValueError):
    pass


class _NotANumber(ValueError):
    pass


def spool(
    con: duckdb.DuckDBPyConnection, source: Source, *, columns: Columns, target: Path
) -> tuple[int, list[str]]:
    """Writes the file's objects to `target` as text columns, with the line of each. Raises FileRefused."""
    unknown: dict[str, None] = {}
    schema = pa.schema([(name, pa.string()) for name in columns.known] + [(LINE, pa.int64())])
    rows = 0
    with pq.ParquetWriter(target, schema, compression="zstd") as writer:
        for batch in _batches(source.plain, columns, unknown):
            writer.write_table(pa.table(batch, schema=schema))
            rows += len(batch[LINE])
    return rows, list(unknown)


def lines_of(
    con: duckdb.DuckDBPyConnection, source: Source, spooled: Path, count: int, rows: list[int]
) -> dict[int, int]:
    found = con.execute(
        f"SELECT file_row_number, {LINE} FROM read_parquet({literal(spooled)}, file_row_number=true) "
        "WHERE list_contains(?, file_row_number)",
        [rows],
    ).fetchall()
    return dict(found)


def _batches(path: Path, columns: Columns, unknown: dict[str, None]) -> Iterator[dict[str, list[Any]]]:
    batch: dict[str, list[Any]] = {name: [] for name in (*columns.known, LINE)}
    with path.open(encoding="utf-8-sig", newline="\n") as file:
        for line, text in enumerate(file, 1):
            if not text.strip():
                continue
            record = _parse(text, line)
            for key in record.keys() - set(columns.known):
                unknown[key] = None
            for name, value in _values(record, columns, line).items():
                batch[name].append(value)
            batch[LINE].append(line)
            if len(batch[LINE]) == BATCH_ROWS:
                yield batch
                batch = {name: [] for name in batch}
    yield batch


def _parse(text: str, line: int) -> dict[str, Any]:
    try:
        record = json.loads(
            text, object_pairs_hook=_unique, parse_constant=_not_a_number, parse_float=str, parse_int=str
        )
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
    return record


def _values(record: dict[str, Any], columns: Columns, line: int) -> dict[str, str]:
    missing = [name for name in columns.required if name not in record]
    if columns.one_of and not any(name in record for name in columns.one_of):
        missing.append(" or ".join(columns.one_of))
    if missing:
        raise FileRefused("json_key_missing", f"(line {line:,}: {', '.join(missing)})")
    return {name: _text(record.get(name), name, line) for name in columns.known}


def _text(value: Any, name: str, line: int) -> str:
    if value is None:
        return ""
    if isinstance(value, bool):
        return "true" if value else "false"
    if not isinstance(value, str):
        raise FileRefused("json_shape", f"(line {line:,}: {name} is not a plain value)")
    if "\0" in value:
        raise FileRefused("file_nul", f"(line {line:,}: {name})")
    if any("\ud800" <= sign <= "\udfff" for sign in value):
        raise FileRefused("file_encoding", f"(line {line:,}: half a surrogate pair in {name})")
    return value


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    record = dict(pairs)
    if len(record) != len(pairs):
        names = [key for key, _ in pairs]
        raise _DuplicateKey(next(repr(name) for name in names if names.count(name) > 1))
    return record


def _not_a_number(text: str) -> NoReturn:
    raise _NotANumber(text)
