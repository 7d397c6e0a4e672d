"""Hostile input: the whole file refused, or the row quarantined, each with a clear code; and nothing half-stored."""

import bz2
import gzip
import io
import json
import lzma
import os
import tarfile
import zipfile
from collections.abc import Callable
from decimal import Decimal
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from django.conf import settings

from revshare.audit_trail.models import Event
from revshare.audit_trail.operations import Act
from revshare.contributors.models import Contributor
from revshare.errors import Refused
from revshare.files import csv_file
from revshare.files.models import IngestedFile, QuarantinedRow
from revshare.ingest.operations import ingest
from revshare.manifests.models import Part
from revshare.sales.models import Sale

pytestmark = pytest.mark.django_db

SALES = "sale_id,sold_at,stream,model,currency,gross_amount,refund_of\n"
AT = "2026-06-01T00:00:00Z"
GOOD = f"s1,{AT},generation,m,USD,1.50,\n"
ROW = {"sale_id": "s1", "sold_at": AT, "stream": "generation", "model": "m", "currency": "USD", "gross_amount": "1.50"}
COLUMNS = SALES.strip().split(",")


def nothing_stored() -> bool:
    spool = settings.REVSHARE_HOME / "spool"
    stored = (IngestedFile, Sale, Part, Contributor, QuarantinedRow, Event)
    return not any(model.objects.exists() for model in stored) and not (spool.exists() and any(spool.iterdir()))


def refusal(kind: str, path: Path, act: Act) -> tuple[str, str]:
    """The code and the text with which a file is refused; nothing of it may be left."""
    with pytest.raises(Refused) as caught:
        ingest(kind=kind, path=path, act=act)
    assert nothing_stored()
    return caught.value.code, str(caught.value)


TEXTS: dict[str, tuple[str | bytes, str, str]] = {
    # name: (content of a sales file, code, what the message must say)
    "empty": (b"", "file_empty", ""),
    "only a byte order mark": (b"\xef\xbb\xbf", "file_empty", ""),
    "first line blank": ("\n" + SALES + GOOD, "file_empty", "first line"),
    "latin-1": (SALES.encode() + GOOD.replace("s1", "é").encode("latin-1"), "file_encoding", f"byte {len(SALES)}"),
    "broken after 3 MB": (
        SALES.encode() + GOOD.encode() * 70_000 + b"\xe3\x81",
        "file_encoding",
        f"byte {len(SALES) + 70_000 * len(GOOD):,}",
    ),
    "overlong": (SALES.encode() + b"\xc0\xaf", "file_encoding", f"byte {len(SALES)}"),
    "surrogates": (SALES.encode() + b"\xed\xa0\x80", "file_encoding", f"byte {len(SALES)}"),
    "utf-16": ((SALES + GOOD).encode("utf-16"), "file_encoding", "UTF-16"),
    "utf-16 without mark": ((SALES + GOOD).encode("utf-16-le"), "file_nul", "byte 1"),
    "nul": (SALES + GOOD + "s2\0", "file_nul", f"byte {len(SALES + GOOD) + 2}"),
    "nul in the second block": (SALES + GOOD * 40_000 + "\0", "file_nul", f"{len(SALES) + 40_000 * len(GOOD):,}"),
    "long line": (SALES + GOOD + "x" * (1 << 20) + "x\n", "line_too_long", "line 3"),
    "long last line": (SALES + GOOD * 9 + "x" * 3_000_000, "line_too_long", "line 11"),
    "long first line": ("x" * 1_100_000, "line_too_long", "line 1"),
    "too few": (SALES + GOOD + f"s2,{AT},generation,m,USD,1\n", "csv_ragged", "line 3: 6 values, the header has 7"),
    "too many": (SALES + GOOD + GOOD.replace("\n", ",x\n"), "csv_ragged", "line 3: 8 values"),
    "one blank too many": (SALES + GOOD + GOOD.replace("\n", ",\n") + GOOD, "csv_ragged", "line 3: 8 values"),
    "one quoted blank too many": (SALES + GOOD.replace("\n", ',""\n') + GOOD, "csv_ragged", "line 2: 8 values"),
    "one blank too many, commas in values": (
        SALES + f's0,{AT},generation,"m,n",USD,1,\n' + GOOD.replace("\n", ",\n"),
        "csv_ragged",
        "line 3: 8 values",
    ),
    "ragged after line ends in quotes": (
        SALES + f's0,{AT},generation,"m\n\r\n",USD,1,\n' + GOOD + "s2,x\n",
        "csv_ragged",
        "line 6: 2 values",
    ),
    "ragged after blank lines": (SALES + "\n\n" + GOOD + "s2,x\n", "csv_ragged", "line 5: 2 values"),
    "missing column": (SALES.replace("currency", "Currency") + GOOD, "header_missing", "(currency; found: sale_id"),
    "neither of two": (SALES.replace("model", "x") + GOOD, "header_missing", "model or dataset_version"),
    "duplicate": (SALES.replace("refund_of", "sale_id") + GOOD, "header_duplicate", "'sale_id'"),
    "duplicate but for case": (SALES.replace("refund_of", "Sale_ID") + GOOD, "header_duplicate", "'Sale_ID'"),
    "duplicate but for case, unknown": (SALES.strip() + ",ß,SS\n" + GOOD, "header_duplicate", "'SS'"),
    "escape sequence in the header": (SALES.strip() + ",\x1b[31m\n" + GOOD, "header_malformed", r"\x1b[31m"),
    "line end in the header": ('"x\ny",' + SALES + GOOD, "header_malformed", ""),
    "long name": (SALES.strip() + "," + "x" * 201 + "\n" + GOOD, "header_malformed", "201 characters"),
    "1,001 columns": (SALES.strip() + "".join(f",c{n}" for n in range(994)) + "\n", "header_too_wide", "1,001"),
    "open quote": (SALES + GOOD + f's2,{AT},"generation,m,USD,1,\n' + GOOD, "csv_quote", "line 3"),
    "open quote in the header": ('"' + SALES + GOOD, "csv_quote", "line 1"),
    "text after a quote": (SALES + GOOD + f's2,{AT},"generation"x,m,USD,1,\n', "csv_quote", "line 3"),
    "space after a quote": (SALES + GOOD + f's2,{AT},"generation" ,m,USD,1,\n', "csv_quote", "line 3"),
    "carriage returns only": ((SALES + GOOD * 3).replace("\n", "\r"), "line_ends", "line 1"),
    "carriage returns only, long": ((SALES + GOOD * 50_000).replace("\n", "\r"), "line_ends", ""),
    "one carriage return": (SALES + GOOD + GOOD.replace("\n", "\r") + GOOD, "line_ends", "line 3"),
    "two carriage returns": (SALES + GOOD + GOOD.replace("\n", "\r\r\n"), "line_ends", "line 3"),
    "carriage return at the end": (SALES + GOOD + GOOD.replace("\n", "\r"), "line_ends", "line 3"),
}


@pytest.mark.parametrize("packed", [False, True], ids=["csv", "gz"])
@pytest.mark.parametrize("name", TEXTS)
def test_a_malformed_text_is_refused_whole(name: str, packed: bool, tmp_path: Path, act: Act) -> None:
    content, code, says = TEXTS[name]
    data = content.encode() if isinstance(content, str) else content
    path = tmp_path / "sales.csv"
    path.write_bytes(gzip.compress(data, 1) if packed else data)
    got, message = refusal("sales", path, act)
    assert (got, says in message) == (code, True), message


def _json(*rows: dict[str, object]) -> str:
    return "".join(json.dumps(row) + "\n" for row in rows)


LINE = json.dumps(ROW)
OBJECTS: dict[str, tuple[str, str, str]] = {
    "duplicate key": (_json(ROW) + LINE[:-1] + ', "sale_id": "s2"}', "json_duplicate_key", "line 2: 'sale_id'"),
    "duplicate unknown key": (LINE[:-1] + ', "x": 1, "x": 1}', "json_duplicate_key", "'x'"),
    "NaN": (LINE.replace('"1.50"', "NaN"), "json_not_a_number", "line 1: NaN"),
    "infinity": (_json(ROW) + LINE.replace('"1.50"', "-Infinity"), "json_not_a_number", "line 2"),
    "nested": (_json(ROW | {"model": {"a": 1}}), "json_shape", "'model'"),
    "list": (_json(ROW | {"model": ["m"]}), "json_shape", "'model'"),
    "nested unknown": (_json(ROW | {"x": {}}), "json_shape", "'x'"),
    "not an object": (_json(ROW) + "[1]\n", "json_shape", "line 2"),
    "deep": ('{"a":' * 100_000, "json_shape", "nested too deeply"),
    "half a surrogate pair": (_json(ROW | {"sale_id": "\ud800"}), "file_encoding", "line 1: half a surrogate"),
    "half a surrogate pair in a key": (_json(ROW | {"\ud800": "x"}), "header_malformed", r"'\ud800'"),
    "nul": (_json(ROW | {"sale_id": "a\0"}), "file_nul", "line 1: sale_id"),
    "nul in a key": (_json(ROW | {"a\0": ""}), "header_malformed", r"'a\x00'"),
    "missing key": (_json(ROW) + "\n" + _json({"sale_id": "x"}), "json_key_missing", "line 3: sold_at"),
    "neither key of two": (LINE.replace('"model"', '"Model"'), "json_key_missing", "model or dataset_version"),
    "two objects": (LINE + " " + LINE, "json_syntax", "line 1"),
    "cut off": (_json(ROW) + LINE[:-5], "json_syntax", "line 2"),
    "leading zeros": (LINE.replace('"s1"', "007"), "json_syntax", "line 1"),
    "single quotes": (LINE.replace('"', "'"), "json_syntax", "line 1"),
    "control character": (LINE.replace("s1", "s\x01"), "json_syntax", "line 1"),
    "long line": (_json(ROW) + LINE[:-1] + " " * (1 << 20) + "}", "line_too_long", "line 2"),
    "too many keys": (_json(*(ROW | {f"k{n}": ""} for n in range(1_002))), "header_too_wide", "line 1001"),
}


@pytest.mark.parametrize("name", OBJECTS)
def test_malformed_json_lines_are_refused_whole(name: str, tmp_path: Path, act: Act) -> None:
    content, code, says = OBJECTS[name]
    path = tmp_path / "sales.jsonl"
    path.write_text(content)
    got, message = refusal("sales", path, act)
    assert (got, says in message.replace(",00", "00").replace("1,0", "10")) == (code, True), message


def _zip(data: bytes) -> bytes:
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as archive:
        archive.writestr("sales.csv", data)
    return packed.getvalue()


def _tar(data: bytes) -> bytes:
    packed = io.BytesIO()
    with tarfile.open(fileobj=packed, mode="w") as archive:
        entry = tarfile.TarInfo("sales.csv")
        entry.size = len(data)
        archive.addfile(entry, io.BytesIO(data))
    return packed.getvalue()


PLAIN = (SALES + GOOD).encode()
GZ = gzip.compress(PLAIN)
PACKERS: dict[str, Callable[[bytes], bytes]] = {
    "zip": _zip, "tar": _tar, "xz": lzma.compress, "bzip2": bz2.compress, "7z": b"7z\xbc\xaf\x27\x1c".__add__,
    "zstd": b"\x28\xb5\x2f\xfd".__add__, "rar": b"Rar!\x1a\x07".__add__, "lz4": b"\x04\x22\x4d\x18".__add__,
    "compress": b"\x1f\x9d".__add__, "old spreadsheet": b"\xd0\xcf\x11\xe0".__add__,
}  # fmt: skip


@pytest.mark.parametrize("name", PACKERS)
def test_other_archives_are_refused_alone_and_inside_gzip(name: str, file: Callable[..., Path], act: Act) -> None:
    packed = PACKERS[name](PLAIN)
    code, message = refusal("sales", file("a", packed), act)
    assert (code, name in message) == ("archive_unsupported", True)
    assert refusal("sales", file("b", gzip.compress(packed)), act)[0] == "archive_nested"


GZIPS = {
    "cut off": (gzip.compress(PLAIN + GOOD.encode() * 5_000)[:-300], "gzip_damaged"),
    "without its trailer": (GZ[:-8], "gzip_damaged"),
    "wrong checksum": (GZ[:-8] + bytes(4) + GZ[-4:], "gzip_damaged"),
    "wrong length": (GZ[:-1] + b"\x01", "gzip_damaged"),
    "damaged in the middle": (GZ[:30] + b"\xff\xff\xff" + GZ[33:], "gzip_damaged"),
    "only a magic": (b"\x1f\x8b", "gzip_damaged"),
    "another method": (b"\x1f\x8b\x07" + GZ[3:], "gzip_damaged"),
    "rubbish after it": (GZ + b"rubbish", "gzip_damaged"),
    "of nothing": (gzip.compress(b""), "file_empty"),
    "of gzip": (gzip.compress(GZ), "archive_nested"),
    "of Parquet": (gzip.compress(b"PAR1" + bytes(100)), "archive_nested"),
    "bomb": (gzip.compress(PLAIN + b"s" * 70 + (b"\n" + GOOD.encode()) * 2_300_000, 9), "archive_bomb"),
    "bomb of lines": (gzip.compress(PLAIN + b"\n" * 1_500_000), "archive_bomb"),
}


@pytest.mark.parametrize("name", GZIPS)
def test_a_gzip_file_that_is_no_packed_table_is_refused(name: str, file: Callable[..., Path], act: Act) -> None:
    data, code = GZIPS[name]
    assert refusal("sales", file("sales.csv.gz", data), act)[0] == code


def _parquet(path: Path, **columns: pa.Array) -> Path:
    table = {name: pa.array([ROW.get(name, "")]) for name in COLUMNS} | columns
    pq.write_table(pa.table(table), path)
    return path


PARQUETS: dict[str, tuple[str, pa.Array, str]] = {
    "double money": ("gross_amount", pa.array([1.5]), "parquet_float"),
    "float money": ("gross_amount", pa.array([1.5], pa.float32()), "parquet_float"),
    "float fees": ("fees", pa.array([1.5]), "parquet_float"),
    "double text": ("customer_id", pa.array([1.5]), "parquet_type"),
    "too wide decimal": ("gross_amount", pa.array([Decimal("1.5")], pa.decimal256(50, 6)), "parquet_type"),
    "bytes": ("sale_id", pa.array([b"s1"]), "parquet_type"),
    "list": ("sale_id", pa.array([["s1"]]), "parquet_type"),
    "struct": ("sale_id", pa.array([{"a": 1}]), "parquet_type"),
    "date": ("sold_at", pa.array([0], pa.date32()), "parquet_type"),
    "nul": ("model", pa.array(["m\0"]), "file_nul"),
    "long value": ("model", pa.array(["m" * ((1 << 20) + 1)]), "line_too_long"),
    "columns that differ in case": ("Sale_id", pa.array(["s1"]), "header_duplicate"),
    "control character in a name": ("a\x07", pa.array(["s1"]), "header_malformed"),
}


@pytest.mark.parametrize("name", PARQUETS)
def test_parquet_that_cannot_be_taken_without_loss_is_refused(name: str, tmp_path: Path, act: Act) -> None:
    column, values, code = PARQUETS[name]
    assert refusal("sales", _parquet(tmp_path / "sales.parquet", **{column: values}), act)[0] == code


def test_damaged_parquet_is_refused(tmp_path: Path, act: Act) -> None:
    path = tmp_path / "sales.parquet"
    rows = [ROW | {"sale_id": f"s{n}"} for n in range(3_000)]
    pq.write_table(pa.Table.from_pylist(rows), path, compression="zstd", use_dictionary=False)
    good = path.read_bytes()
    damaged = {
        "cut off": good[:-100], "no footer": good[:-8] + bytes(4) + good[-4:], "only a magic": b"PAR1",
        "footer of rubbish": good[:-60] + b"\xff" * 52 + good[-8:], "page of rubbish": good[:40] + bytes(400) + good[440:],
        "long footer": good[:-8] + (2**31 - 1).to_bytes(4, "little") + b"PAR1",
    }  # fmt: skip
    for name, data in damaged.items():
        path.write_bytes(data)
        assert refusal("sales", path, act)[0] == "parquet_damaged", name


def test_parquet_whose_text_is_no_utf8_is_refused(tmp_path: Path, act: Act) -> None:
    path = tmp_path / "sales.parquet"
    offsets = pa.py_buffer((0).to_bytes(4, "little") + (2).to_bytes(4, "little"))
    text = pa.StringArray.from_buffers(1, offsets, pa.py_buffer(b"s\xff"))
    _parquet(path, sale_id=text)
    assert refusal("sales", path, act)[0] == "parquet_damaged"


def test_what_is_no_file_cannot_be_read(tmp_path: Path, act: Act) -> None:
    os.mkfifo(tmp_path / "pipe")
    for path in (tmp_path, tmp_path / "missing", tmp_path / "pipe", Path("/dev/zero")):
        assert refusal("sales", path, act)[0] == "file_unreadable"


def test_a_file_that_is_still_written_is_refused(
    file: Callable[..., Path], act: Act, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = file("sales.csv", SALES + GOOD)
    spool = csv_file.spool

    def meanwhile(*args: object, **kwargs: object) -> object:
        path.write_text(SALES + GOOD * 2)
        return spool(*args, **kwargs)  # type: ignore[arg-type]

    monkeypatch.setattr(csv_file, "spool", meanwhile)
    assert refusal("sales", path, act)[0] == "file_changed"


def test_a_file_of_little_but_bad_rows_is_refused_as_a_whole(
    file: Callable[..., Path], act: Act, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("revshare.files.operations.MAX_BAD_ROWS", 3)
    bad = GOOD.replace("1.50", "1,50".replace(",", ""))  # good: 150
    worse = GOOD.replace("1.50", '"1,50"')
    path = file("sales.csv", SALES + bad + "".join(worse.replace("s1", f"b{n}") for n in range(4)))
    code, message = refusal("sales", path, act)
    assert (code, "4 of 5; the first on line 3, gross_amount" in message) == ("too_many_bad_rows", True)
    monkeypatch.setattr("revshare.files.operations.MAX_BAD_ROWS", 4)
    assert ingest(kind="sales", path=path, act=act).file.rows_quarantined == 4


def test_too_many_dataset_versions_are_refused(
    file: Callable[..., Path], act: Act, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("revshare.manifests.operations.MAX_VERSIONS", 2)
    rows = "dataset_version,asset_id,contributor_id\n" + "".join(f"v{n},a,c\n" for n in range(3))
    assert refusal("attributions", file("attributions.csv", rows), act)[0] == "too_many_versions"
