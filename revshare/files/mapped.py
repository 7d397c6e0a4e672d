"""CSV files of others, whose columns have other names: read under ours, by a mapping that somebody saved."""

import csv
import io
import shutil
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

from django.db import IntegrityError, transaction

from revshare.audit_trail.operations import Act, record
from revshare.errors import Conflict, NotFound, Refused
from revshare.files.formats import KINDS, TAKEN_IN
from revshare.files.headers import check_name, missing_of
from revshare.files.models import ColumnMapping
from revshare.files.preflight import MAX_LINE_BYTES, FileRefused, Source, inspect

MAX_NAME_LENGTH = 60


def save(*, name: str, kind: str, columns: Mapping[str, str], act: Act) -> tuple[ColumnMapping, bool]:
    """Saves a mapping, from names that files have to names of ours; returns it and whether it is new. It never changes:
    files say by which they were read. Raises Refused, and Conflict if another has this name."""
    _check(name, kind, columns)
    try:
        with transaction.atomic():
            made = ColumnMapping.objects.create(
                name=name, kind=kind, columns=dict(columns), made_at=act.at, made_by=act.actor
            )
            record(
                act=act, action="mapping.saved", object=f"mapping:{name}",
                detail={"kind": kind, "columns": dict(columns)},
            )  # fmt: skip
            return made, True
    except IntegrityError:
        known = find(name)
        if (known.kind, known.columns) != (kind, dict(columns)):
            raise Conflict(f"There is another mapping called {name}: give this one another name.") from None
        return known, False


def _check(name: str, kind: str, columns: Mapping[str, str]) -> None:
    if not (0 < len(name) <= MAX_NAME_LENGTH and name.isprintable() and name == name.strip() and "/" not in name):
        raise Refused(f"A mapping's name is 1 to {MAX_NAME_LENGTH} printable characters without a slash.")
    if kind not in TAKEN_IN:
        raise Refused(f"There is no kind of file called {kind!r}; there are {', '.join(TAKEN_IN)}.")
    if not columns:
        raise Refused("A mapping says of at least one column what it is called here.")
    for theirs in columns:
        check_name(theirs)
    if unknown := sorted(set(columns.values()) - set(KINDS[kind].known)):
        raise Refused(f"{kind} has no column {', '.join(unknown)}; there are {', '.join(KINDS[kind].known)}.")
    if len(set(columns.values())) < len(columns):
        raise Refused("Two columns cannot be the same one of ours.")


def find(name: str) -> ColumnMapping:
    """Raises NotFound with the names there are."""
    found = ColumnMapping.objects.filter(name=name).first()
    if found is None:
        known = ", ".join(ColumnMapping.objects.order_by("name").values_list("name", flat=True)[:20])
        raise NotFound(f"There is no mapping called {name!r}. Mappings: {known or 'none yet'}.")
    return found


def of_kind(name: str, kind: str) -> ColumnMapping | None:
    """The mapping of this name, None for ''. Raises NotFound, Refused if it is for another kind of files."""
    if not name:
        return None
    found = find(name)
    if found.kind != kind:
        raise Refused(f"The mapping {name} is for {found.kind}, not for {kind}.")
    return found


def under_our_names(source: Source, mapping: ColumnMapping, scratch: Path) -> Source:
    """The same file with its header as the mapping says; its identity stays, so do its lines. Raises FileRefused."""
    if not source.format.startswith("csv"):
        raise FileRefused("mapping_of_csv", f"(this one is {source.format})")
    target = scratch / "mapped.csv"
    with source.plain.open("rb") as file, target.open("wb") as sink:
        sink.write(_renamed(file.readline(MAX_LINE_BYTES), mapping))
        shutil.copyfileobj(file, sink)
    mapped = inspect(target, scratch, name=source.name)
    source.assert_unchanged()
    return replace(
        mapped, path=source.path, mark=source.mark, sha256=source.sha256, size_bytes=source.size_bytes,
        format=source.format, plain=target,
    )  # fmt: skip


def _renamed(line: bytes, mapping: ColumnMapping) -> bytes:
    names = header(line)
    if absent := [theirs for theirs in mapping.columns if theirs not in names]:
        raise FileRefused(
            "mapping_does_not_fit", f"({mapping.name} wants {', '.join(absent)}; found: {_listed(names)})"
        )
    text = io.StringIO()
    csv.writer(text, lineterminator="").writerow([mapping.columns.get(name, name) for name in names])
    ending = line[len(line.rstrip(b"\r\n")) :]
    return text.getvalue().encode() + ending


def header(line: bytes) -> list[str]:
    """The names of the columns in the first line of a CSV. Raises FileRefused where they span lines."""
    try:
        return next(csv.reader([line.decode("utf-8-sig").rstrip("\r\n")], strict=True), [])
    except (csv.Error, UnicodeDecodeError) as error:
        raise FileRefused("csv_malformed", f"(line 1: {error})") from None


def lacking(names: list[str], kind: str) -> list[str]:
    """Which columns of a kind these names do not have, for whom a mapping is needed."""
    return missing_of(names, KINDS[kind])


def _listed(names: list[str]) -> str:
    return ", ".join(names)[:500]
