"""What a spool's own statistics say of its columns, without reading them."""

from pathlib import Path

import pyarrow.parquet as pq


def bounds(spool: Path) -> dict[str, tuple[str, str]]:
    """The lowest and highest text of each column, in code-point order; columns without statistics are left out."""
    with pq.ParquetFile(spool) as file:
        metadata = file.metadata
        found: dict[str, tuple[str, str]] = {}
        unknown = set()
        for group in range(metadata.num_row_groups):
            for place in range(metadata.num_columns):
                column = metadata.row_group(group).column(place)
                name, stated = column.path_in_schema, column.statistics
                if stated is None or not stated.has_min_max or not isinstance(stated.min, str):
                    unknown.add(name)
                    continue
                low, high = found.get(name, (stated.min, stated.max))
                found[name] = min(low, stated.min), max(high, stated.max)
    return {name: pair for name, pair in found.items() if name not in unknown}
