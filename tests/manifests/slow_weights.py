"""The rule by which records become weights, in plain Python: Fraction, one asset after another. And nasty records."""

import random
from collections import defaultdict
from decimal import Decimal
from fractions import Fraction
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

TICKS = 720_720
Record = tuple[str, str, str, Decimal | None, Decimal]  # dataset version, asset, contributor, share, weight
Weights = dict[tuple[str, str], tuple[int, Decimal]]  # by dataset version and contributor: ticks, weighted ticks

PEOPLE = [
    "a", "B", "b", "A", "10", "9", "09", "é", "e\u0301", "作者", "\U0001f600", "\uffee", "ß", "'; DROP TABLE x; --", "a b", "a\\b",
    '"', "🅰", "0" * 29 + "7", "123456789012345678901234567890", "123456789012345678901234567891",
    *(f"p{number}" for number in range(40)),
]  # fmt: skip
SHARES = ["0", "0.000001", "0.142857", "0.333333", "1", "1.000001", "7", "999999999999", "999999999999.999999"]
WEIGHTS = ["1", "0", "0.5", "0.000001", "3.000001", "999999999999.999999"]
VERSIONS = ["v1", "v 2'", "作@3"]


def slow_weights(records: list[Record]) -> Weights:
    """Ticks and weighted ticks of each contributor of each version."""
    assets: dict[tuple[str, str], list[Record]] = defaultdict(list)
    for record in records:
        assets[record[:2]].append(record)
    found: dict[tuple[str, str], tuple[int, Fraction]] = defaultdict(lambda: (0, Fraction(0)))
    for (version, _), rows in assets.items():
        for name, ticks, weight in _ticks(rows):
            before = found[version, name]
            found[version, name] = (before[0] + ticks, before[1] + ticks * weight)
    return {key: (ticks, _decimal(weighted)) for key, (ticks, weighted) in found.items()}


def _ticks(rows: list[Record]) -> list[tuple[str, int, Fraction]]:
    shares = [Fraction(1) if share is None else Fraction(share) for _, _, _, share, _ in rows]
    quotas = {row[2]: TICKS * share / sum(shares) for row, share in zip(rows, shares, strict=True)}
    given = {name: quota.__floor__() for name, quota in quotas.items()}
    for name in sorted(quotas, key=lambda name: (given[name] - quotas[name], name))[: TICKS - sum(given.values())]:
        given[name] += 1
    return [(row[2], given[row[2]], Fraction(row[4])) for row in rows]


def _decimal(value: Fraction) -> Decimal:
    micros = value * 1_000_000
    assert micros.denominator == 1
    return Decimal(micros.numerator).scaleb(-6)


def slow_counts(records: list[Record]) -> dict[str, tuple[int, int]]:
    """Assets and records of each version."""
    return {
        version: (len({row[1] for row in records if row[0] == version}), sum(row[0] == version for row in records))
        for version in {row[0] for row in records}
    }


def nasty(rng: random.Random, assets: int) -> list[Record]:
    """Records of assets with few and with many contributors, with and without shares and weights."""
    records: list[Record] = []
    for number in range(assets):
        people = rng.choice([1, 1, 1, 1, 2, 3, 5, 7, 11, 16, 17, 19, 23, 40])
        shares: list[str | None] = [None] * people
        if rng.random() < 0.5:
            shares = [rng.choice(SHARES) for _ in range(people)]
            shares[0] = "0.142857"
        weight = rng.choice(WEIGHTS)
        # The same asset id in another version is another asset.
        records += [
            (VERSIONS[number % 3], f"asset {number // 3} é", name, Decimal(share) if share else None, Decimal(weight))
            for name, share in zip(rng.sample(PEOPLE, people), shares, strict=True)
        ]
    return records


def write_part(path: Path, records: list[Record], *, as_text: bool) -> None:
    """A part as the lake has them, in small row groups; numbers as checked text, or as decimals."""
    columns = [pa.array(column) for column in list(zip(*records, strict=True))[:3]]
    for index, blank in ((3, ""), (4, "1")):
        values = [record[index] for record in records]
        if as_text:
            columns.append(pa.array([blank if value is None else str(value) for value in values], pa.string()))
        else:
            columns.append(pa.array(values, pa.decimal128(38, 6)))
    names = ["dataset_version", "asset_id", "contributor_id", "share", "weight"]
    pq.write_table(pa.table(columns, names=names), path, row_group_size=500)
