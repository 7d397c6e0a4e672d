"""A first pass over a file's bytes: what it is, its hash, and what refuses it before anything reads its rows.

Memory is bounded by a few blocks, whatever the file.
"""

import codecs
import gzip
import hashlib
import zlib
from dataclasses import dataclass, field
from pathlib import Path

from django.conf import settings

from revshare.errors import Refused
from revshare.files.reasons import sentence
from revshare.lake import BLOCK_BYTES

MAX_LINE_BYTES = 1 << 20
MAX_UNPACK_RATIO = 200  # CSV of real sales unpacks about 13-fold, of one repeated line 350-fold
UNPACK_FREE_BYTES = 64 << 20  # below this no ratio is too high: it cannot hurt
ARCHIVES = {
    b"PK\x03\x04": "zip", b"PK\x05\x06": "zip", b"7z\xbc\xaf\x27\x1c": "7z", b"BZh": "bzip2", b"\xfd7zXZ\x00": "xz",
    b"\x28\xb5\x2f\xfd": "zstd", b"Rar!": "rar",
}  # fmt: skip
GZIP = b"\x1f\x8b"
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
    sha256: str
    size_bytes: int
    format: str  # csv, csv.gz, jsonl, jsonl.gz, parquet
    plain: Path  # its unpacked text, or itself
    newlines: int = 0
    commas: int = 0
    quotes: int = 0
    ends_with_newline: bool = True
    mark: tuple[int, int] = field(default=(0, 0))  # size and time of change when it was hashed

    def assert_unchanged(self) -> None:
        """Raises FileRefused if somebody wrote to the file while we read it."""
        if _mark(self.path) != self.mark:
            raise FileRefused("file_changed", "Try again when it is complete.")


def inspect(path: Path, scratch: Path, *, name: str = "") -> Source:
    """Hashes and checks the file. Raises FileRefused with the byte offset or line, and Refused if it cannot be read."""
    try:
        mark = _mark(path)
        with path.open("rb") as file:
            digest = hashlib.file_digest(file, "sha256").hexdigest()
            file.seek(0)
            head = file.read(8)
    except OSError as error:
        raise Refused(f"Cannot read {path}: {error.strerror}.", code="file_unreadable") from None
    source = Source(
        path=path, name=name or path.name, sha256=digest, size_bytes=mark[0], format="", plain=path, mark=mark
    )
    if not head:
        raise FileRefused("file_empty")
    _refuse_archive(head, "archive_unsupported")
    packed = head.startswith(GZIP)
    if packed:
        source.plain = scratch / "unpacked"
        _unpack(path, source.plain)
        with source.plain.open("rb") as file:
            head = file.read(8)
        if not head:
            raise FileRefused("file_empty")
        if head.startswith((GZIP, PARQUET)):
            raise FileRefused("archive_nested")
        _refuse_archive(head, "archive_nested")
    if head.startswith(PARQUET):
        source.format = "parquet"
        return source
    _check_text(source)
    source.format = ("jsonl" if _first_sign(source.plain) == b"{" else "csv") + (".gz" if packed else "")
    return source


def _mark(path: Path) -> tuple[int, int]:
    status = path.stat()
    return status.st_size, status.st_mtime_ns


def _refuse_archive(head: bytes, code: str) -> None:
    for magic, name in ARCHIVES.items():
        if head.startswith(magic):
            raise FileRefused(code, f"({name})")


def _unpack(path: Path, target: Path) -> None:
    packed_size = path.stat().st_size
    limit = min(
        settings.REVSHARE_MAX_UNPACKED_BYTES, max(UNPACK_FREE_BYTES, packed_size * MAX_UNPACK_RATIO)
    )
    written = 0
    try:
        with gzip.open(path) as source, target.open("wb") as sink:
            while block := source.read(BLOCK_BYTES):
                written += len(block)
                if written > limit:
                    raise FileRefused("archive_bomb", f"({packed_size:,} bytes unpack to more than {limit:,}.)")
                sink.write(block)
    except (EOFError, gzip.BadGzipFile, zlib.error):
        raise FileRefused("gzip_damaged", f"(after {written:,} bytes of text)") from None


def _first_sign(path: Path) -> bytes:
    with path.open("rb") as file:
        return file.read(BLOCK_BYTES).removeprefix(codecs.BOM_UTF8).lstrip()[:1]


def _check_text(source: Source) -> None:
    """UTF-8, no NUL, no line over 1 MiB; counts what the CSV reader checks itself against."""
    decoder = codecs.getincrementaldecoder("utf-8")()
    offset = line_start = 0
    block = b""
    with source.plain.open("rb") as file:
        while True:
            following = file.read(BLOCK_BYTES)
            _decode(decoder, following, offset)
            if not following:
                break
            block = following
            if (nul := block.find(b"\0")) >= 0:
                raise FileRefused("file_nul", f"(byte {offset + nul:,})")
            first = block.find(b"\n")
            line_end = offset + (first if first >= 0 else len(block))
            if line_end - line_start > MAX_LINE_BYTES:
                raise FileRefused("line_too_long", f"(line {source.newlines + 1:,})")
            if first >= 0:
                line_start = offset + block.rfind(b"\n") + 1
            source.newlines += block.count(b"\n")
            source.commas += block.count(b",")
            source.quotes += block.count(b'"')
            offset += len(block)
    source.ends_with_newline = block.endswith(b"\n")


def _decode(decoder: codecs.IncrementalDecoder, block: bytes, offset: int) -> None:
    pending = len(decoder.getstate()[0])
    try:
        decoder.decode(block, final=not block)
    except UnicodeDecodeError as error:
        at = offset - pending + error.start
        hint = " It looks like UTF-16: save it as UTF-8." if at <= 1 and error.object[:2] in (b"\xff\xfe", b"\xfe\xff") else ""
        raise FileRefused("file_encoding", f"(byte {at:,}).{hint}") from None
