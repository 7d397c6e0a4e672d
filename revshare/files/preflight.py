"""A first pass over a file's bytes: what it is, its hash, and what refuses it before anything reads its rows.

Memory is bounded by a few blocks, whatever the file; so is what a packed file may become on disk.
"""

import codecs
import gzip
import hashlib
import stat
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import BinaryIO

import numpy as np
import numpy.typing as npt
from django.conf import settings

from revshare.errors import Refused
from revshare.files import hashing_ahead
from revshare.files.hashing_ahead import mark_of
from revshare.files.reasons import sentence

READ_BYTES = 256 << 10  # what is counted of so much stays in the processor's cache, and in memory that is used again
MAX_LINE_BYTES = 1 << 20
MAX_UNPACK_RATIO = 100  # text of real sales unpacks 13-fold, of one repeated line 350-fold
UNPACK_FREE_BYTES = 64 << 20  # below this no ratio is too high: it cannot hurt
ROWS_PER_BYTE = 1  # a row costs at least a byte, even packed (real ones: four or more); else it is a bomb
FREE_ROWS = 1_000_000
ARCHIVES = {
    b"PK\x03\x04": "zip or spreadsheet", b"PK\x05\x06": "zip", b"7z\xbc\xaf\x27\x1c": "7z", b"BZh": "bzip2",
    b"\xfd7zXZ\x00": "xz", b"\x28\xb5\x2f\xfd": "zstd", b"Rar!": "rar", b"\x04\x22\x4d\x18": "lz4",
    b"\x1f\x9d": "compress", b"\xd0\xcf\x11\xe0": "old spreadsheet",
}  # fmt: skip
TAR, TAR_AT = b"ustar", 257
HEAD_BYTES = TAR_AT + len(TAR)
GZIP = b"\x1f\x8b"
NEWLINE, RETURN, SPACE, QUOTE, COMMA, DELETE = b'\n\r ",\x7f'
PARQUET = b"PAR1"


class FileRefused(Refused):
    """The whole file is refused; nothing of it is kept."""

    def __init__(self, code: str, detail: str = "") -> None:
        super().__init__(f"{sentence(code)} {detail}".strip(), code=code)


@dataclass
class Source:
    """A file that passed: its identity, and what the readers need to know of it."""

    path: Path  # as it was handed in
    name: str
    sha256: str  # once it was inspected
    size_bytes: int
    format: str  # csv, csv.gz, jsonl, jsonl.gz, parquet
    plain: Path  # its unpacked text, or itself
    mark: tuple[int, int] = field(default=(0, 0))  # size and time of change when it was hashed
    # Of the text: bytes without a byte order mark, and how many of them are what; a lone return has no \n after it.
    text_bytes: int = 0
    newlines: int = 0
    returns: int = 0
    lone_returns: int = 0
    commas: int = 0
    quotes: int = 0
    ends_with_newline: bool = True
    # Of the text: nothing but printable ASCII and line ends, and no quotes, which could hide a line end in a value.
    printable: bool = False
    spaces: int = 0
    longest_line: int = 0

    def assert_unchanged(self) -> None:
        """Raises FileRefused if somebody wrote to the file while we read it."""
        if mark_of(self.path) != self.mark:
            raise FileRefused("file_changed", "Try again when it is complete.")


def inspect(path: Path, scratch: Path, *, name: str = "") -> Source:
    """Hashes and checks the file. Raises FileRefused with the byte offset or line, and Refused if it cannot be read."""
    source, head = _identify(path, name)
    if not head:
        raise FileRefused("file_empty")
    _refuse_archive(head, "archive_unsupported")
    hashed = hashing_ahead.of(path, source.mark)
    if hashed is None and head.startswith((PARQUET, GZIP)):
        source.sha256 = _hash_of(path)
    if head.startswith(PARQUET):
        source.format = "parquet"
    elif head.startswith(GZIP):
        source.plain = scratch / "unpacked"
        with source.plain.open("wb") as sink:
            first_sign = _Text(source, packed=True).read(_unpacked(source, sink))
        source.format = "jsonl.gz" if first_sign == b"{" else "csv.gz"
    else:
        digest = None if hashed else hashlib.sha256()
        first_sign = _Text(source, packed=False).read(_blocks(path, digest))
        source.sha256 = digest.hexdigest() if digest else ""
        source.format = "jsonl" if first_sign == b"{" else "csv"
    if hashed is not None:
        with _readable(path):
            source.sha256 = hashed.result()
    return source


def begins_as_plain_csv(path: Path) -> bool:
    """Whether the first bytes look like those of a CSV without quotes. Raises nothing: `inspect` says what is wrong."""
    try:
        with path.open("rb") as file:
            head = file.read(READ_BYTES)
    except OSError:
        return False
    packed = head.startswith((GZIP, PARQUET, *ARCHIVES))
    return not packed and b'"' not in head and b"\0" not in head and not head.lstrip().startswith(b"{")


@contextmanager
def _readable(path: Path) -> Iterator[None]:
    """Raises Refused where the system cannot read the file."""
    try:
        yield
    except OSError as error:
        raise Refused(f"Cannot read {path}: {error.strerror}.", code="file_unreadable") from None


def _identify(path: Path, name: str) -> tuple[Source, bytes]:
    """The file, not hashed yet, and its first bytes."""
    with _readable(path):
        mark = mark_of(path)
        if not stat.S_ISREG(path.stat().st_mode):
            raise Refused(f"Cannot read {path}: it is not a file.", code="file_unreadable")
        with path.open("rb") as file:
            head = file.read(HEAD_BYTES)
    source = Source(path=path, name=name or path.name, sha256="", size_bytes=mark[0], format="", plain=path, mark=mark)
    return source, head


def _hash_of(path: Path) -> str:
    with _readable(path), path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _refuse_archive(head: bytes, code: str) -> None:
    for magic, name in ARCHIVES.items():
        if head.startswith(magic):
            raise FileRefused(code, f"({name})")
    if head[TAR_AT:].startswith(TAR):
        raise FileRefused(code, "(tar)")


def _blocks(path: Path, digest: "hashlib._Hash | None") -> Iterator[bytes]:
    """The blocks of a file, each hashed on its way, unless that is done elsewhere."""
    with _readable(path), path.open("rb") as file:
        while block := file.read(READ_BYTES):
            if digest is not None:
                digest.update(block)
            yield block


def _unpacked(source: Source, sink: BinaryIO) -> Iterator[bytes]:
    """The blocks of the text in a gzip file, each written to `sink` once its reader was content with it."""
    limit = min(settings.REVSHARE_MAX_UNPACKED_BYTES, max(UNPACK_FREE_BYTES, source.size_bytes * MAX_UNPACK_RATIO))
    written = 0
    try:
        with gzip.open(source.path) as file:
            while block := file.read(READ_BYTES):
                if not written and block.startswith((GZIP, PARQUET)):
                    raise FileRefused("archive_nested")
                if not written:
                    _refuse_archive(block[:HEAD_BYTES], "archive_nested")
                written += len(block)
                if written > limit:
                    raise FileRefused("archive_bomb", f"({source.size_bytes:,} bytes unpack to more than {limit:,})")
                yield block
                sink.write(block)
    except (EOFError, gzip.BadGzipFile, zlib.error):
        raise FileRefused("gzip_damaged", f"(after {written:,} bytes of text)") from None
    if not written:
        raise FileRefused("file_empty")


class _Text:
    """Reads blocks of text: UTF-8, no NUL, no line over 1 MiB; counts what the CSV reader checks itself against."""

    def __init__(self, source: Source, *, packed: bool) -> None:
        self.source = source
        self.decoder = codecs.getincrementaldecoder("utf-8")()
        self.max_newlines = max(FREE_ROWS, source.size_bytes * ROWS_PER_BYTE) if packed else 0
        self.offset = 0
        self.line_start = 0
        self.last = b""
        source.printable = True

    def read(self, blocks: Iterator[bytes]) -> bytes:
        """Reads them all; returns the first character that is no blank. Raises FileRefused."""
        first_sign = b""
        for block in blocks:
            self._decode(block)
            if (nul := block.find(b"\0")) >= 0:
                raise FileRefused("file_nul", f"(byte {self.offset + nul:,})")
            if not self.offset and block.startswith(codecs.BOM_UTF8):
                self.source.text_bytes -= len(codecs.BOM_UTF8)
            first_sign = first_sign or block.removeprefix(codecs.BOM_UTF8).lstrip()[:1]
            self._measure_lines(block)
            self._count(block)
            self.offset += len(block)
            self.last = block[-1:]
        self._decode(b"")
        self.source.text_bytes += self.offset
        self._see_line(self.offset - self.line_start)
        self.source.ends_with_newline = self.last == b"\n"
        self.source.lone_returns += self.last == b"\r"
        self.source.printable &= not self.source.lone_returns and not self.source.quotes
        return first_sign

    def _decode(self, block: bytes) -> None:
        pending = len(self.decoder.getstate()[0])
        if not pending and block.isascii() and block:
            return
        self.source.printable &= not block
        try:
            self.decoder.decode(block, final=not block)
        except UnicodeDecodeError as error:
            at = self.offset - pending + error.start
            utf16 = at <= 1 and error.object[:2] in (b"\xff\xfe", b"\xfe\xff")
            hint = " It looks like UTF-16: save it as UTF-8." if utf16 else ""
            raise FileRefused("file_encoding", f"(byte {at:,}){hint}") from None

    def _measure_lines(self, block: bytes) -> None:
        """A block is no longer than a line may be, so only a line that began in an earlier one can be too long."""
        first = block.find(b"\n")
        line_end = self.offset + (first if first >= 0 else len(block))
        if line_end - self.line_start > MAX_LINE_BYTES:
            if not self.source.newlines and self.source.returns > 1:
                raise FileRefused("line_ends", "(line 1)")
            raise FileRefused("line_too_long", f"(line {self.source.newlines + 1:,})")
        if first >= 0:
            self._see_line(line_end - self.line_start)
            self.line_start = self.offset + block.rfind(b"\n") + 1

    def _see_line(self, length: int) -> None:
        self.source.longest_line = max(self.source.longest_line, length)

    def _count(self, block: bytes) -> None:
        source = self.source
        signs = np.frombuffer(block, np.uint8)
        ends = np.flatnonzero(signs == NEWLINE)
        newlines, returns = len(ends), _count_of(RETURN, block, signs)
        source.newlines += newlines
        if source.newlines > self.max_newlines > 0:
            detail = f"({source.size_bytes:,} bytes hold more than {self.max_newlines:,} lines)"
            raise FileRefused("archive_bomb", detail)
        if newlines > 1:
            self._see_line(int(np.diff(ends).max()))
        source.spaces += _count_of(SPACE, block, signs)
        source.commas += _count_of(COMMA, block, signs)
        source.quotes += _count_of(QUOTE, block, signs)
        source.printable &= DELETE not in block and newlines + returns == int(np.count_nonzero(signs < SPACE))
        source.returns += returns
        if returns:
            source.lone_returns += returns - block.count(b"\r\n") - block.endswith(b"\r")
        if self.last == b"\r" and not block.startswith(b"\n"):
            source.lone_returns += 1


def _count_of(sign: int, block: bytes, signs: npt.NDArray[np.uint8]) -> int:
    """How often it stands in the block. Most blocks have none, and that is found out in a fraction of counting."""
    return int(np.count_nonzero(signs == sign)) if sign in block else 0
