"""Which column of a file is which: by its exact name, in any order."""

import unicodedata
from collections.abc import Collection, Sequence

from revshare.files.formats import Columns
from revshare.files.preflight import FileRefused

MAX_COLUMNS = 1_000
MAX_NAME_LENGTH = 200


def match(names: Sequence[str], columns: Columns) -> list[str]:
    """Checks the names of a file's columns; returns those that nobody asked for. Raises FileRefused.

    Names that differ only in case are refused as duplicates: databases merge them silently.
    """
    if len(names) > MAX_COLUMNS:
        raise FileRefused("header_too_wide", f"({len(names):,} columns)")
    seen: dict[str, str] = {}
    for name in names:
        check_name(name)
        if (other := seen.get(name.casefold())) is not None:
            raise FileRefused("header_duplicate", f"({other!r} and {name!r})")
        seen[name.casefold()] = name
    if missing := missing_of(seen.values(), columns):
        raise FileRefused("header_missing", f"({', '.join(missing)}; found: {', '.join(names)[:500]})")
    return [name for name in names if name not in columns.known]


def missing_of(names: Collection[str], columns: Columns) -> list[str]:
    """The required columns that are not among these names."""
    missing = [name for name in columns.required if name not in names]
    if columns.one_of and not any(name in names for name in columns.one_of):
        missing.append(" or ".join(columns.one_of))
    return missing


def check_name(name: str) -> None:
    """A name is shown to people, so it must be fit to be shown. Raises FileRefused."""
    if len(name) > MAX_NAME_LENGTH:
        raise FileRefused("header_malformed", f"(a column name of {len(name):,} characters: {name[:40]!a}…)")
    if any(unicodedata.category(sign) in ("Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp") for sign in name):
        raise FileRefused("header_malformed", f"(invisible or control characters in {name!a})")
