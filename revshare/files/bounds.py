"""What a spool's own statistics say of its columns, without reading them."""

from pathlib import Path

import pyarrow.parquet as pq

Bounds = tuple[str, str]
BLANK: Bounds = ("", "")


def bounds(spool: Path) -> dict[str, Bounds | None]:
    """The lowest and highest text of each column that is there, in code-point order; None of one without statistics."""
    with pq.ParquetFile(spool) as file:
        metadata = file.metadata
        found: dict[str, Bounds | None] = {}
        for group in range(metadata.num_row_groups):
            for place in range(metadata.num_columns):
                column = metadata.row_group(group).column(place)
                name, stated = column.path_in_schema, column.statistics
                if stated is None or not stated.has_min_max or not isinstance(stated.min, str):
                    found[name] = None
                elif (before := found.get(name, (stated.min, stated.max))) is not None:
                    found[name] = min(before[0], stated.min), max(before[1], stated.max)
    return found
