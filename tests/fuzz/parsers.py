"""Every parser of what strangers send, each as a function of bytes that may refuse by name and in no other way."""

import contextlib
import io
import json
import sys
import tempfile
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from revshare.audit_trail.operations import Act
from revshare.errors import Refused
from revshare.files import spooling
from revshare.files.parquet_footer import FooterUnfit, copy_bare
from revshare.files.preflight import FileRefused, inspect
from revshare.files.work import Work, prepare_tables
from revshare.ingest.operations import INTAKES
from revshare.lake import duck
from revshare.money import BadAmount, BadShare, format_micros_exact, parse_amount_micros, parse_share
from revshare.periods import BadInstant, PeriodError, parse_instant, parse_period
from revshare.policies.rules import parse as parse_policy
from tests.conftest import FIXTURES, ROOT
from tests.files.forms import FORMATS, csv_bytes, write

sys.path.insert(0, str(ROOT / "tools"))
import verify_statement

ACT = Act(actor="fuzz", at=datetime(2026, 6, 30, tzinfo=UTC))
SALES = ("sale_id", "sold_at", "stream", "model", "currency", "gross_amount", "refund_of")
SALE = dict(zip(SALES, ("s1", "2026-06-10T00:00:00Z", "generation", "m", "USD", "1.50", ""), strict=True))
RECORDS = ("dataset_version", "asset_id", "contributor_id", "share", "weight")
RECORD = dict(zip(RECORDS, ("ds@1", "a1", "ann", "", "1"), strict=True))
# Of the right shape, and wrong in what it proves: so checks are reached, and say so.
PROOF = {
    "format": verify_statement.PROOF,
    "statement": f"statement\tjune-000000001\ncycle\tjune\npolicy\t{'a' * 64}\ncontributor\tann\ncurrency\tUSD\nopening\t0\n"
    "earned\t7\nadjusted\t0\nwithheld\t0\nheld\t0\npaid\t0\nclosing\t7\n" f"journal\t{'b' * 64}\n"
    "line\t1\tearned\tdefault\tm\t\t\tassets\t7\t1\t1\t7\n",
    "commitment": f"{verify_statement.COMMITMENT}\ncycle\tjune\npolicy\tp 1\t{'a' * 64}\njournal\t{'b' * 64}\n"
    f"tree\tUSD\t1\t7\t7\t{'c' * 64}\n",
    "parts": [{"salt": "0" * 32, "earned_micros": "7", "owed_micros": "7", "path": [{"side": "left", "hash": "d" * 64, "earned_micros": "0", "owed_micros": "0"}]}] * 2,
    "public_key": "e" * 64, "signature": "f" * 128,
}  # fmt: skip
SIGNS = (
    b'"', b'""', b",", b"\n", b"\r", b"\r\n", b"\0", b"\xff", b"\xef\xbb\xbf", b"\xed\xa0\x80", b"NaN", b"1e400", b"-",
    b"1_0", "１２".encode(), b"{", b"}", b"[" * 99, b"\\u0000", b"\\ud800", b"PAR1", b"\x1f\x8b\x08", b"PK\x03\x04", b"'",
    b"[streams.x]\n", b"=", b"%", b"99999999999999999999", b"+00:00", b" ", b"\x7f", "\u200b".encode(), b"sale_id", b":",
)  # fmt: skip
"""What mutations put in: the words and traps of these formats."""


@dataclass(frozen=True)
class Parser:
    """`read` takes bytes; whatever it raises is a defect. `known`: sound texts to begin from."""

    read: Callable[[bytes], None]
    known: list[bytes] = field(default_factory=list)


def a_file(kind: str, data: bytes) -> None:
    """Judges a file of this kind as far as no database is asked: refused by a code, or every row accounted for once."""
    with tempfile.TemporaryDirectory() as name:
        scratch = Path(name)
        path = scratch / "given"
        path.write_bytes(data)
        said: FileRefused | None = None
        try:
            source = inspect(path, scratch)
            with duck(scratch, memory="128MB") as con:
                spooled = spooling.spool_rows(con, source, kind=kind, scratch=scratch)
                work = Work(con=con, scratch=scratch, act=ACT, printable=source.printable)
                prepare_tables(work, spooled.query)
                INTAKES[kind].check(work)
                judged = work.number("SELECT count(*) FROM exceptions")
                assert work.number("SELECT count(*) FROM raw") == spooled.rows
                assert work.number("SELECT count(DISTINCT row) FROM exceptions") == judged
                assert work.number("SELECT count(*) FROM accepted") == spooled.rows - judged
                assert not work.number(
                    "SELECT count(*) FROM exceptions WHERE coalesce(reason, '') = '' AND outcome <> 'duplicate'"
                )
        except FileRefused as refusal:
            said = refusal
    assert said is None or (said.code and len(str(said)) < 1_000)


def a_footer(data: bytes) -> None:
    """A file is copied under a bare footer, or does not fit."""
    with tempfile.TemporaryDirectory() as name:
        given, bare = Path(name) / "given", Path(name) / "bare"
        given.write_bytes(data)
        with contextlib.suppress(FooterUnfit):
            copy_bare(given, bare, mark={b"revshare": b"plain rows"})


def a_policy(data: bytes) -> None:
    with contextlib.suppress(Refused, UnicodeDecodeError):
        rules = parse_policy(data.decode())
        assert rules.sentences


def a_text(data: bytes) -> None:
    """Amounts, shares, instants and periods."""
    text = data.decode("utf-8", "replace")
    with contextlib.suppress(BadAmount):
        micros = parse_amount_micros(text)
        assert parse_amount_micros(format_micros_exact(micros)) == micros
    with contextlib.suppress(BadShare):
        assert 0 <= parse_share(text) <= 1
    with contextlib.suppress(BadInstant):
        assert parse_instant(text).tzinfo
    with contextlib.suppress(PeriodError):
        start, _, end = text.partition(" ")
        period = parse_period(start, end, "Europe/Madrid")
        assert period.start < period.end


def a_proof(data: bytes) -> None:
    """The program that checks a statement says OK, WRONG or that it cannot read the file."""
    with tempfile.NamedTemporaryFile() as file, contextlib.redirect_stdout(io.StringIO()) as out:
        file.write(data)
        file.flush()
        with contextlib.redirect_stderr(io.StringIO()):
            code = verify_statement.main([file.name])
    assert code in (0, 1, 2)
    assert (code == 1) == ("WRONG" in out.getvalue())


def _forms(kind: str, row: dict[str, str], columns: tuple[str, ...]) -> list[bytes]:
    with tempfile.TemporaryDirectory() as name:
        return [write(Path(name), kind, form, [row, row | {columns[1]: "x"}], columns).read_bytes() for form in FORMATS]


def _parquets() -> list[bytes]:
    made = []
    for codec in ("none", "snappy", "gzip", "zstd"):
        sink = io.BytesIO()
        pq.write_table(pa.table({name: [value] * 3 for name, value in RECORD.items()}), sink, compression=codec)
        made.append(sink.getvalue())
    return made


def all_parsers() -> dict[str, Parser]:
    quoted = csv_bytes([SALE | {"model": 'a "b"\n,c'}], SALES, end="\r\n")
    policies = [path.read_bytes() for path in sorted((FIXTURES / "policies").glob("*.toml"))]
    return {
        "sales": Parser(lambda data: a_file("sales", data), [*_forms("sales", SALE, SALES), quoted]),
        "attributions": Parser(lambda data: a_file("attributions", data), _forms("attributions", RECORD, RECORDS)),
        "footer": Parser(a_footer, _parquets()),
        "policy": Parser(a_policy, policies),
        "text": Parser(a_text, [b"1.50", b"-0.000001", b"20%", b"2026-06-10T00:00:00Z", b"2026-06-01 2026-07-01"]),
        "proof": Parser(a_proof, [json.dumps(PROOF).encode()]),
    }
