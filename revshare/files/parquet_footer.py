"""A Parquet file under a new footer: the same pages, and nothing said of them but where they lie.

What a footer says of values (statistics, indexes, filters) makes readers skip rows, and a file that comes in may say
it wrongly. What it says besides (notes of its writer) may be private. So both are left out. The footer is a struct in
Thrift's compact protocol; of each struct the fields named here are kept.
"""

import os
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any, BinaryIO

MAGIC = b"PAR1"
TAIL_BYTES = 8  # the footer's length, and MAGIC
MAX_FOOTER_BYTES = 64 << 20
MAX_DEPTH = 16
TRUE, FALSE, BYTE, I16, I32, I64, DOUBLE, BINARY, LIST, SET, MAP, STRUCT = range(1, 13)

Fields = dict[int, tuple[int, Any]]  # by number: kind and value


class FooterUnfit(ValueError):
    """A footer that cannot be read, or says of its columns what no plain file says."""


def copy_bare(source: Path, target: Path, *, mark: Mapping[bytes, bytes]) -> None:
    """Writes the file anew with a bare footer that bears this mark and no other. Raises FooterUnfit, OSError."""
    with source.open("rb") as file, target.open("wb") as copy:
        size = os.fstat(file.fileno()).st_size
        file.seek(max(0, size - TAIL_BYTES))
        tail = file.read(TAIL_BYTES)
        length = int.from_bytes(tail[:4], "little")
        pages_end = size - TAIL_BYTES - length
        if tail[4:] != MAGIC or length > MAX_FOOTER_BYTES or pages_end < len(MAGIC):
            raise FooterUnfit("its end is not that of a Parquet file")
        file.seek(pages_end)
        footer = _bare(_Reader(file.read(length)).struct(), mark)
        _copy_range(file, copy, pages_end)
        copy.write(footer + len(footer).to_bytes(4, "little") + MAGIC)


def _copy_range(file: BinaryIO, copy: BinaryIO, end: int) -> None:
    """By the kernel, which shares the blocks where the file system can."""
    done = 0
    while done < end:
        moved = os.copy_file_range(file.fileno(), copy.fileno(), end - done, done, done)
        if not moved:
            raise FooterUnfit("it ended before its end")
        done += moved
    copy.seek(end)


def _bare(file: Fields, mark: Mapping[bytes, bytes]) -> bytes:
    """The footer (FileMetaData) with version, schema, number of rows, row groups, and the mark as its only note."""
    kept = _only(file, 1, 2, 3, 4)
    groups = [_group(group) for group in _structs(kept, 4)]
    kept[4] = (LIST, (STRUCT, groups))
    kept[5] = (LIST, (STRUCT, [{1: (BINARY, name), 2: (BINARY, value)} for name, value in mark.items()]))
    return bytes(_written(kept))


def _group(group: Fields) -> Fields:
    """A row group: its columns, sizes, number of rows, place."""
    kept = _only(group, 1, 2, 3, 5, 6, 7)
    kept[1] = (LIST, (STRUCT, [_chunk(chunk) for chunk in _structs(kept, 1)]))
    return kept


def _chunk(chunk: Fields) -> Fields:
    """A column of a row group: type, encodings, name, codec, number of values, sizes, offsets of its pages."""
    if {1, 8, 9} & chunk.keys():
        raise FooterUnfit("a column lies in another file, or is encrypted")
    kept = _only(chunk, 2, 3)
    if kept.get(3, (0, None))[0] != STRUCT:
        raise FooterUnfit("a column says nothing of itself")
    kept[3] = (STRUCT, _only(kept[3][1], 1, 2, 3, 4, 5, 6, 7, 9, 11))
    return kept


def _only(fields: Fields, *numbers: int) -> Fields:
    return {number: fields[number] for number in numbers if number in fields}


def _structs(fields: Fields, number: int) -> list[Fields]:
    kind, found = fields.get(number, (0, None))
    if kind != LIST or (found[0] != STRUCT and found[1]):
        raise FooterUnfit("it has no row groups or columns")
    return list(found[1])


class _Reader:
    def __init__(self, data: bytes) -> None:
        self.data = data
        self.at = 0
        self.depth = 0
        self.kinds: dict[int, Callable[[], Any]] = {
            BYTE: self.byte, I16: self.varint, I32: self.varint, I64: self.varint, DOUBLE: lambda: self.take(8),
            BINARY: lambda: self.take(self.varint()), LIST: self.list, SET: self.list, STRUCT: self.struct,
        }  # fmt: skip

    def take(self, count: int) -> bytes:
        taken = self.data[self.at : self.at + count]
        if len(taken) != count:
            raise FooterUnfit("it is cut off")
        self.at += count
        return taken

    def byte(self) -> int:
        return self.take(1)[0]

    def varint(self) -> int:
        """As it is written: what is zigzag stays so, since it is only written again."""
        found = shift = 0
        while shift < 70:
            byte = self.byte()
            found |= (byte & 0x7F) << shift
            if byte < 0x80:
                return found
            shift += 7
        raise FooterUnfit("a number is too long")

    def value(self, kind: int) -> Any:
        if kind not in self.kinds:
            raise FooterUnfit(f"it has a value of kind {kind}")
        return self.kinds[kind]()

    def list(self) -> tuple[int, list[Any]]:
        head = self.byte()
        count, kind = head >> 4, head & 15
        count = self.varint() if count == 15 else count
        if kind in (TRUE, FALSE):
            return BYTE, [self.byte() for _ in range(count)]
        with self._deeper():
            return kind, [self.value(kind) for _ in range(count)]

    def struct(self) -> Fields:
        fields: Fields = {}
        number = 0
        with self._deeper():
            while head := self.byte():
                step, kind = head >> 4, head & 15
                number = number + step if step else _unzigzag(self.varint())
                if number <= 0 or number in fields:
                    raise FooterUnfit(f"it says field {number} where none can be, or twice")
                fields[number] = kind, None if kind in (TRUE, FALSE) else self.value(kind)
        return fields

    @contextmanager
    def _deeper(self) -> Iterator[None]:
        self.depth += 1
        if self.depth > MAX_DEPTH:
            raise FooterUnfit("it is nested too deeply")
        yield
        self.depth -= 1


def _unzigzag(number: int) -> int:
    return (number >> 1) ^ -(number & 1)


def _varint(number: int) -> bytes:
    out = bytearray()
    while number > 0x7F:
        out.append(number & 0x7F | 0x80)
        number >>= 7
    out.append(number)
    return bytes(out)


def _written(fields: Fields) -> bytearray:
    out = bytearray()
    for number, (kind, value) in sorted(fields.items()):
        out.append(kind)
        out += _varint(number << 1)
        if value is not None:
            out += _value(kind, value)
    out.append(0)
    return out


def _value(kind: int, value: Any) -> bytes | bytearray:
    if kind == BYTE:
        return bytes([value])
    if kind in (I16, I32, I64):
        return _varint(value)
    if kind == DOUBLE:
        return bytes(value)
    if kind == BINARY:
        return _varint(len(value)) + value
    if kind == STRUCT:
        return _written(value)
    inner, values = value
    head = bytes([0xF0 | inner]) + _varint(len(values))
    return head + b"".join(_value(inner, one) for one in values)
