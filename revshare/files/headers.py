"""Which column of a file is which: by its exact name, in any order."""

from collections.abc import Sequence

from revshare.files.formats import Columns
from revshare.files.preflight import FileRefused


def match(names: Sequence[str], columns: Columns) -> list[str]:
    """Checks the names of a file's columns; returns those that nobody asked for. Raises FileRefused.

    Names that differ only in case are refused as duplicates: databases merge them silently.
    """
    seen: dict[str, str] = {}
    for name in names:
        if (other := seen.get(name.casefold())) is not None:
            raise FileRefused("header_duplicate", f"({other!r} and {name!r})")
        seen[name.casefold()] = name
    missing = [name for name in columns.required if name not in names]
    if columns.one_of and not any(name in names for name in columns.one_of):
        missing.append(" or ".join(columns.one_of))
    if missing:
        raise FileRefused("header_missing", f"({', '.join(missing)}; found: {', '.join(names)[:500]})")
    return [name for name in names if name not in columns.known]
