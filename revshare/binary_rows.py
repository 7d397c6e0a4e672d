"""Arrow's batches as rows of binary COPY: numbers, texts of any length and blanks, in their order.

Every row of a piece is first laid out at its greatest width, in one array of bytes; then the bytes that no value fills
are left out of it at once. So neither order nor kind of the values matters, and memory is bounded by the piece.
"""

from collections.abc import Iterator
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from revshare.arrow_texts import opened

PIECE_BYTES = 64 << 20
LENGTH = np.dtype(">i4")
NULL = -1

Array = npt.NDArray[Any]


class _Cells(NamedTuple):
    """A column, laid out: how many bytes each value has (NULL: -1); the values, a row of bytes each; which of these
    bytes are theirs, or None if all are."""

    lengths: Array | int
    values: Array
    filled: Array | None


def images(batch: pa.RecordBatch) -> Iterator[memoryview]:
    """The rows of a batch as COPY reads them: for each row the number of fields, then for each its length and its
    bytes, big end first (PostgreSQL's documentation of COPY, "Binary Format"). Columns: integers of 2, 4 or 8 bytes
    (smallint, integer, bigint; or microseconds since 2000 for timestamptz) and strings."""
    widths = [_width(column) for column in batch.columns]
    if len(batch) > 1 and sum(widths) * len(batch) > PIECE_BYTES:
        half = len(batch) // 2  # a long value makes only those beside it wide
        yield from images(batch.slice(0, half))
        yield from images(batch.slice(half))
        return
    cells = [_cells(column, width) for column, width in zip(batch.columns, widths, strict=True)]
    fields: list[Any] = [("fields", ">i2")]
    for number, width in enumerate(widths):
        fields += [(f"length{number}", LENGTH), (f"value{number}", np.uint8, (width,))]
    layout = np.dtype(fields)
    rows = np.empty(len(batch), layout)
    rows["fields"] = len(cells)
    gaps = [number for number, cell in enumerate(cells) if cell.filled is not None]
    kept = np.ones((len(batch), layout.itemsize), bool) if gaps else None
    for number, cell in enumerate(cells):
        rows[f"length{number}"] = cell.lengths
        rows[f"value{number}"] = cell.values
        if kept is not None and cell.filled is not None:
            at = layout.fields[f"value{number}"][1]  # type: ignore[index]
            kept[:, at : at + widths[number]] = cell.filled
    laid_out = rows.view(np.uint8).reshape(len(batch), layout.itemsize)
    yield memoryview(laid_out.reshape(-1) if kept is None else laid_out[kept])  # type: ignore[arg-type]


def _width(column: pa.Array) -> int:
    """The bytes of the longest value."""
    if pa.types.is_integer(column.type):
        return int(column.type.bit_width) // 8
    return int(np.diff(opened(column).ends).max(initial=0))


def _cells(column: pa.Array, width: int) -> _Cells:
    return _number_cells(column, width) if pa.types.is_integer(column.type) else _text_cells(column, width)


def _number_cells(column: pa.Array, width: int) -> _Cells:
    numbers = column.fill_null(0).to_numpy(zero_copy_only=False)
    values = numbers.astype(numbers.dtype.newbyteorder(">")).view(np.uint8).reshape(-1, width)
    if not column.null_count:
        return _Cells(width, values, None)
    known = column.is_valid().to_numpy(zero_copy_only=False)
    return _Cells(np.where(known, width, NULL), values, np.repeat(known[:, None], width, axis=1))


def _text_cells(column: pa.Array, width: int) -> _Cells:
    assert not column.null_count, "a text may be blank, but not NULL"
    texts = opened(column)
    lengths, data = np.diff(texts.ends), texts.own
    if len(data) == width * len(column):
        return _Cells(width, data.reshape(-1, width) if width else np.empty((len(column), 0), np.uint8), None)
    filled = np.arange(width) < lengths[:, None]
    values = np.zeros((len(column), width), np.uint8)
    values[filled] = data
    return _Cells(lengths, values, filled)
