"""Hostile files, each under 10 MB, that try to take a machine's memory or time."""

import gzip
import io
import json
from collections.abc import Callable, Iterator
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

LIMIT = 9_000_000
SALES = "sale_id,sold_at,stream,model,currency,gross_amount,refund_of\n"
TRIPLE = "dataset_version,asset_id,contributor_id\n"
AT = "2026-06-01T00:00:00Z"

Make = Callable[[Path], None]
BOMBS: dict[str, tuple[str, str, Make]] = {}
"""Name → (kind, file name, what writes it)."""


def bomb(kind: str, name: str) -> Callable[[Make], Make]:
    def register(make: Make) -> Make:
        BOMBS[make.__name__] = (kind, name, make)
        return make

    return register


def _fill(path: Path, header: str, lines: Iterator[str], limit: int = LIMIT) -> None:
    size = 0
    with path.open("w", encoding="utf-8", newline="") as file:
        size += file.write(header)
        for line in lines:
            if size + len(line) > limit:
                return
            size += file.write(line)


def _count(make: Callable[[int], str]) -> Iterator[str]:
    number = 0
    while True:
        number += 1
        yield make(number)


def _gz(path: Path, blocks: Iterator[bytes], limit: int = LIMIT, most: int = 12 << 30) -> None:
    """Packs blocks until the packed file is as big as it may be."""
    written = 0
    with path.open("wb") as raw, gzip.GzipFile(fileobj=raw, mode="wb", compresslevel=1) as file:
        for block in blocks:
            file.write(block)
            written += len(block)
            if raw.tell() > limit or written > most:
                return


@bomb("sales", "sales.csv")
def quotes(path: Path) -> None:
    path.write_text(SALES + '"' * LIMIT)


@bomb("sales", "sales.csv")
def quotes_in_lines(path: Path) -> None:
    _fill(path, SALES, _count(lambda _: '"' * 999 + "\n"))


@bomb("sales", "sales.csv")
def unclosed_quote(path: Path) -> None:
    _fill(path, SALES + '"', _count(lambda n: f"s{n},{AT},generation,m,USD,1.00,\n"))


@bomb("sales", "sales.csv")
def one_line(path: Path) -> None:
    path.write_text(SALES + "x" * LIMIT)


@bomb("sales", "sales.csv")
def commas(path: Path) -> None:
    path.write_text(SALES + "," * LIMIT)


@bomb("sales", "sales.csv")
def wide_header(path: Path) -> None:
    path.write_text(SALES.strip() + "," + ",".join(f"c{n}" for n in range(120_000)) + "\n" + f"s1,{AT},g,m,USD,1,\n")


@bomb("sales", "sales.csv")
def thousand_columns(path: Path) -> None:
    """As many columns as may be, with quotes, so that every byte is counted."""
    extra = 990
    header = SALES.strip() + "".join(f",c{n}" for n in range(extra)) + "\n"
    _fill(path, header, _count(lambda n: f"s{n},{AT},generation,m,USD,1.00," + ',"x"' * extra + "\n"))


@bomb("sales", "sales.csv")
def blank_lines(path: Path) -> None:
    path.write_text(SALES + "\n" * (LIMIT - 100) + f"s1,{AT},generation,m,USD,x,\n")


@bomb("sales", "sales.csv")
def lines_in_quotes(path: Path) -> None:
    """Bad rows whose values span lines: the line of each must be counted out."""
    _fill(path, SALES, _count(lambda n: f's{n},{AT},generation,"m\n\n\n",USD,x,\n'), 5_000_000)


@bomb("sales", "sales.csv")
def carriage_returns(path: Path) -> None:
    path.write_text(SALES + "\r" * LIMIT)


@bomb("sales", "sales.csv")
def mixed_line_ends(path: Path) -> None:
    """Good rows that only the patient reader can read."""
    ends = ("\n", "\r\n")
    _fill(path, SALES, _count(lambda n: f's{n},{AT},generation,m,USD,"1.0{n % 9}",{ends[n % 2]}'), 4_000_000)


@bomb("sales", "sales.csv")
def bad_rows(path: Path) -> None:
    """200,000 rows for quarantine."""
    _fill(path, SALES, (f"s{n:06},{AT},g,m,USD,1.0000001,\n" for n in range(200_000)))


@bomb("sales", "sales.csv")
def tiny_bad_rows(path: Path) -> None:
    """Over a million rows of separators alone."""
    _fill(path, SALES, _count(lambda _: ",,,,,,\n"))


@bomb("sales", "sales.csv")
def waiting_refunds(path: Path) -> None:
    _fill(path, SALES, _count(lambda n: f"r{n},{AT},g,m,USD,-1,s{n}\n"))


@bomb("sales", "sales.csv")
def refunds_beyond_one_sale(path: Path) -> None:
    _fill(path, SALES + f"s,{AT},g,m,USD,1,\n", _count(lambda n: f"r{n},{AT},g,m,USD,-1,s\n"))


@bomb("sales", "sales.csv")
def conflicting_ids(path: Path) -> None:
    _fill(path, SALES, _count(lambda n: f"s{n // 2},{AT},g,m,USD,{n},\n"))


@bomb("sales", "sales.csv")
def foreign_ids(path: Path) -> None:
    """Every id must be looked at for look-alikes."""
    _fill(path, SALES, _count(lambda n: f"作品{n},{AT},g,m,USD,1,\n"), 6_500_000)


@bomb("attributions", "attributions.csv")
def million_tiny_rows(path: Path) -> None:
    path.write_text(TRIPLE + "".join(f"v,{n:x},c\n" for n in range(900_000)))


@bomb("attributions", "attributions.csv")
def million_versions(path: Path) -> None:
    path.write_text(TRIPLE + "".join(f"{n:x},a,c\n" for n in range(900_000)))


@bomb("contributors", "contributors.csv")
def many_contributors(path: Path) -> None:
    path.write_text("contributor_id,contributor_name\n" + "".join(f"{n:x},\n" for n in range(1_000_000)))


@bomb("attributions", "attributions.csv")
def lookalike_assets(path: Path) -> None:
    _fill(path, TRIPLE, _count(lambda n: f"v,{'А' if n % 2 else 'A'}{n // 2},c\n"), 6_000_000)


@bomb("sales", "sales.csv.gz")
def gz_of_zeros(path: Path) -> None:
    _gz(path, (bytes(1 << 22) for _ in iter(int, 1)))


@bomb("sales", "sales.csv.gz")
def gz_of_one_row(path: Path) -> None:
    row = f"s1,{AT},generation,m,USD,1.00,\n".encode()
    _gz(path, _after(SALES.encode(), row * 100_000))


@bomb("sales", "sales.csv.gz")
def gz_of_separators(path: Path) -> None:
    """Two bytes a row."""
    _gz(path, _after(b"sale_id,sold_at,stream,model,currency,gross_amount\n", b",\n" * 1_000_000))


@bomb("sales", "sales.csv.gz")
def gz_of_long_values(path: Path) -> None:
    """Few rows, each almost as long as may be."""
    row = f"s1,{AT},generation,m,USD,{'9' * 1_000_000},\n".encode()
    _gz(path, _after(SALES.encode(), row * 8), 900_000)


@bomb("sales", "sales.csv.gz")
def gz_in_gz_in_gz(path: Path) -> None:
    path.write_bytes(gzip.compress(gzip.compress(gzip.compress(bytes(1 << 28)))))


@bomb("sales", "sales.csv.gz")
def gz_of_members(path: Path) -> None:
    """Hundreds of thousands of empty members."""
    path.write_bytes(gzip.compress(b"") * (LIMIT // 20))


def _after(first: bytes, rest: bytes) -> Iterator[bytes]:
    yield first
    while True:
        yield rest


@bomb("sales", "sales.jsonl")
def nesting(path: Path) -> None:
    path.write_text('{"a":' * (LIMIT // 5))


@bomb("sales", "sales.jsonl")
def nesting_in_lines(path: Path) -> None:
    _fill(path, "", _count(lambda _: '{"a":' * 200_000 + "1" + "}" * 40_000 + "\n"))


@bomb("sales", "sales.jsonl")
def huge_keys(path: Path) -> None:
    row = {"sale_id": "s", "sold_at": AT, "stream": "g", "model": "m", "currency": "USD", "gross_amount": "1"}
    _fill(path, "", _count(lambda n: json.dumps({f"{n}{'k' * 900_000}": 1} | row) + "\n"))


@bomb("sales", "sales.jsonl")
def many_keys(path: Path) -> None:
    row = {"sale_id": "s", "sold_at": AT, "stream": "g", "model": "m", "currency": "USD", "gross_amount": "1"}
    _fill(path, "", _count(lambda n: json.dumps(row | {f"k{n}_{i}": 1 for i in range(50)}) + "\n"))


@bomb("sales", "sales.jsonl")
def repeated_keys(path: Path) -> None:
    """A line of 90,000 different keys, of which the last is there twice."""
    keys = ",".join(f'"{n:x}":1' for n in range(90_000))
    path.write_text(f'{{{keys},"15f8f":1}}\n')


@bomb("sales", "sales.jsonl")
def huge_numbers(path: Path) -> None:
    line = f'{{"sale_id":"s","sold_at":"{AT}","stream":"g","model":"m","currency":"USD","gross_amount":'
    _fill(path, "", _count(lambda _: line + "9" * 900_000 + "}\n"))


@bomb("models", "models.jsonl")
def tiny_objects(path: Path) -> None:
    path.write_text("".join(f'{{"model":"{n:x}","dataset_version":"v"}}\n' for n in range(220_000)))


@bomb("sales", "sales.parquet")
def parquet_rows(path: Path) -> None:
    """A hundred million rows in a few kilobytes."""
    names = SALES.strip().split(",")
    schema = pa.schema([(name, pa.string()) for name in names])
    group = pa.table({name: pa.nulls(5_000_000, pa.string()) for name in names}, schema=schema)
    with pq.ParquetWriter(path, schema, compression="zstd") as writer:
        for _ in range(20):
            writer.write_table(group)


@bomb("sales", "sales.parquet")
def parquet_million_rows(path: Path) -> None:
    """As many bad rows as the count of rows alone lets through."""
    names = SALES.strip().split(",")
    pq.write_table(pa.table({name: pa.nulls(1_000_000, pa.string()) for name in names}), path, compression="zstd")


@bomb("sales", "sales.parquet")
def parquet_long_dictionary(path: Path) -> None:
    """One value of 30 MB, named by 300,000 rows: nine terabytes if written out."""
    _dictionary(path, 300_000, 30_000_000)


@bomb("sales", "sales.parquet")
def parquet_wide_dictionary(path: Path) -> None:
    """One value just below the longest allowed, named by a million rows: a terabyte if written out."""
    _dictionary(path, 1_000_000, 1_000_000)


def _dictionary(path: Path, rows: int, length: int) -> None:
    long = pa.DictionaryArray.from_arrays(
        pa.array([0], pa.int32()).take(pa.array([0] * rows)), pa.array(["9" * length])
    )
    names = SALES.strip().split(",")
    table = pa.table({name: pa.array(["x"]).take(pa.array([0] * rows)) for name in names} | {"gross_amount": long})
    pq.write_table(table, path, compression="zstd")


@bomb("sales", "sales.parquet")
def parquet_huge_page(path: Path) -> None:
    """A page of 300 MB in 10 KB."""
    names = SALES.strip().split(",")
    sink = io.BytesIO()
    table = pa.table({name: ["x"] for name in names} | {"gross_amount": ["9" * 300_000_000]})
    pq.write_table(table, sink, compression="zstd", use_dictionary=False)
    path.write_bytes(sink.getvalue())


@bomb("sales", "sales.parquet")
def parquet_many_columns(path: Path) -> None:
    names = SALES.strip().split(",")
    pq.write_table(pa.table({name: ["x"] for name in names} | {f"c{n}": ["x"] for n in range(20_000)}), path)


@bomb("sales", "sales.parquet")
def parquet_many_groups(path: Path) -> None:
    """Every row a row group of its own."""
    names = SALES.strip().split(",")
    pq.write_table(pa.table({name: ["x"] * 10_000 for name in names}), path, row_group_size=1)
