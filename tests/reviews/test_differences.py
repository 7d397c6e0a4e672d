"""Random files of balances: the differences, and the CSV, are what a slow twin says."""

import csv
import hashlib
import io
import random
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict
from fractions import Fraction
from pathlib import Path
from typing import Any
from unittest import mock

import duckdb
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from revshare.allocation.balances import BALANCES, SCHEMA, Run, say_runs
from revshare.lake import LakeDamaged, keep, part
from revshare.money import INT64_MAX
from revshare.reviews import differences as module
from revshare.reviews import pairs
from revshare.reviews.difference_csv import csv_blocks
from revshare.reviews.differences import differences
from revshare.reviews.rules import PARTS
from tests.examples import examples
from tests.reviews import slow_review

Amounts = dict[tuple[str, str], int]

NAMES = ("B", "a", "ab", "b,b", "dör", "x" * 40, "zoë", "\uffee", "\U0001f600", *(f"c{number}" for number in range(9)))
EDGE = INT64_MAX // PARTS
keys = st.tuples(st.sampled_from(("EUR", "JPY", "USD")), st.sampled_from(NAMES))
micros = st.one_of(
    st.integers(0, 3),  # so that there are ties, and many who earn nothing
    st.integers(0, 10**10),
    st.sampled_from((EDGE - 1, EDGE, EDGE + 1, 10**13, INT64_MAX // 2, INT64_MAX - 1, INT64_MAX)),
)
amounts = st.dictionaries(keys, micros, max_size=40)
MATERIAL = Fraction(1, 10**4)


@st.composite
def cycles(draw: st.DrawFn) -> tuple[Amounts, Amounts]:
    """What two of them earned whom: the same accounts, some that are the same, or none before; {} is no file."""
    before = draw(amounts)
    same = draw(st.sampled_from((("EUR", "JPY", "USD"), ("USD",), ())))
    others = {key: value for key, value in draw(amounts).items() if key[0] not in same}
    after = {key: draw(micros) if draw(st.booleans()) else before[key] for key in before if key[0] in same}
    return after | others, before


def stored(earned: Amounts, folder: Path, *, group: int = 5, untouched: int = 0, says: bool = True) -> str:
    """The file of a cycle that earned its accounts this, in order of code points; '' if it touched none."""
    if not earned:
        return ""
    rows = [(name, currency, 7, earned[currency, name]) for currency, name in sorted(earned)]
    rows += [("zoe", "USD", 7, None)] * untouched
    draft = folder / "draft.parquet"
    with pq.ParquetWriter(draft, SCHEMA, use_dictionary=["currency"]) as writer:
        writer.write_table(pa.table(list(zip(*rows, strict=True)), schema=SCHEMA), row_group_size=group)
        if says:
            say_runs(writer, runs_of(earned), None)
    return keep(draft, BALANCES)


def runs_of(earned: Amounts) -> list[Run]:
    runs = []
    for currency in sorted({currency for currency, _ in earned}):
        own = sorted(name for code, name in earned if code == currency)
        lines = "".join(f"{name}\n" for name in own).encode()
        runs.append(Run(currency, len(own), hashlib.sha256(lines).hexdigest()))
    return runs


@contextmanager
def limits(*, candidates: int, block: int) -> Iterator[None]:
    """Lower ones, so that few accounts go beyond them."""
    with mock.patch.multiple(module, CANDIDATES=candidates, BLOCK=block):
        yield


def of(earned: Amounts, currency: str) -> dict[str, int]:
    return {name: value for (code, name), value in earned.items() if code == currency and value > 0}


def check(found: list[module.Difference], after: Amounts, before: Amounts, material: Fraction) -> None:
    paid = sorted({currency for each in (after, before) for (currency, _), value in each.items() if value > 0})
    assert [each.currency for each in found] == paid
    for each in found:
        now, then = of(after, each.currency), of(before, each.currency)
        wanted: dict[str, Any] = {"currency": each.currency, **slow_review.compared(now, then)}
        wanted["off"] = slow_review.off(now, then, material)[: module.CANDIDATES]
        told = {
            name: [tuple(mover.values()) for mover in value] if isinstance(value, tuple) else value
            for name, value in asdict(each).items()
        }
        assert told == wanted


def slow_csv(after: Amounts, before: Amounts) -> str:
    sheet = io.StringIO()
    rows = csv.writer(sheet, lineterminator="\n")
    rows.writerow(["contributor_id", "currency", "before_micros", "after_micros", "difference_micros", "what"])
    for key in sorted({*after, *before}):
        then, now = before.get(key, 0), after.get(key, 0)
        if then or now:
            what = "stayed" if then and now else "new" if now else "gone"
            rows.writerow((key[1], key[0], then, now, now - then, what))
    return sheet.getvalue()


@pytest.mark.usefixtures("db")
@given(
    earned=cycles(), material=st.sampled_from([Fraction(each) for each in ("0", "1/1000", "1/100", "1/3", "1", "3")]),
    untouched=st.integers(0, 2), says=st.tuples(st.booleans(), st.booleans()), group=st.integers(1, 9), candidates=st.integers(1, 12),
    block=st.sampled_from((1, 2, 1024)),
)  # fmt: skip
@example(  # where the change in the middle is the greatest there can be, and what is likely has 128 bits
    earned=({("USD", "a"): INT64_MAX, ("USD", "ab"): INT64_MAX, ("USD", "c1"): 5},
            {("USD", "a"): 1, ("USD", "ab"): 1, ("USD", "c1"): INT64_MAX}),
    material=Fraction(1, 100), untouched=1, says=(True, True), group=2, candidates=5, block=1024,
)  # fmt: skip
@example(  # as many accounts, and neither file says whose they are
    earned=({("USD", "a"): 1}, {("USD", "ab"): 1}), material=Fraction(1, 100), untouched=0, says=(False, False),
    group=2, candidates=5, block=1024,
)  # fmt: skip
@settings(
    max_examples=examples(quick=60, long=400), deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)  # fmt: skip
def test_random_files_are_what_the_slow_twin_says(
    earned: tuple[Amounts, Amounts], material: Fraction, untouched: int, says: tuple[bool, bool], group: int, candidates: int,
    block: int, tmp_path: Path,
) -> None:  # fmt: skip
    after, before = earned
    files = {
        "after": stored(after, tmp_path, group=group, untouched=untouched, says=says[0]),
        "before": stored(before, tmp_path, group=group + 1, says=says[1]),
    }
    with limits(candidates=candidates, block=block):
        found = differences(**files, material=material)
        check(found, after, before, material)
        with mock.patch.object(pairs, "_same", return_value=False):
            assert differences(**files, material=material) == found
    assert b"".join(csv_blocks(**files)).decode() == slow_csv(after, before)


@pytest.mark.usefixtures("db")
@pytest.mark.parametrize("ties", [True, False], ids=["many ties", "no ties"])
@pytest.mark.parametrize("same", [True, False, None], ids=["the same", "others", "a first cycle"])
def test_many_accounts(same: bool | None, ties: bool, tmp_path: Path) -> None:
    """In more than ten blocks, each amount is there often, or once."""
    luck = random.Random(5)
    names = [f"c{number:05}" for number in range(1_500)]

    def some(*amounts: int) -> int:
        return luck.choice(amounts) if ties else luck.randrange(10**12)

    after = {("USD", name): some(0, 1, 2, 2 * 10**6, 3 * 10**6) for name in names}
    before: Amounts = {}
    if same is not None:
        kept = names if same else luck.sample(names, 1_400)
        before = {("USD", name): some(0, 1, 10**6, 2 * 10**6) for name in kept}
    files = {"after": stored(after, tmp_path, group=400), "before": stored(before, tmp_path, group=300)}
    for block in (1, 100):
        with limits(candidates=50, block=block):
            check(differences(**files, material=MATERIAL), after, before, MATERIAL)
    check(differences(after=files["before"], before=files["after"], material=MATERIAL), before, after, MATERIAL)


USD = {("USD", name): 5 for name in NAMES}


@pytest.mark.usefixtures("db")
@pytest.mark.parametrize("which", ["after", "before"])
def test_a_file_that_is_lost_damaged_or_short_is_told_of(which: str, tmp_path: Path) -> None:
    short = tmp_path / "short.parquet"
    with pq.ParquetWriter(short, SCHEMA) as writer:
        writer.write_table(pa.table([["a"], ["USD"], [7], [5]], schema=SCHEMA))
        say_runs(writer, runs_of(USD), None)
    good = stored(USD, tmp_path)
    files = {"after": good, "before": good, which: keep(short, BALANCES)}
    with pytest.raises(LakeDamaged, match="fewer accounts than it says"):
        differences(**files, material=MATERIAL)
    damaged = stored({**USD, ("JPY", "a"): 5}, tmp_path, group=50)
    path = part(BALANCES, damaged)
    column = pq.read_metadata(path).row_group(0).column(3)
    data = bytearray(path.read_bytes())
    data[column.data_page_offset : column.data_page_offset + column.total_compressed_size] = (
        b"\xff" * column.total_compressed_size
    )
    path.write_bytes(data)
    files[which] = damaged
    with pytest.raises(LakeDamaged, match="cannot be read"):
        differences(**files, material=MATERIAL)
    path.write_bytes(b"PAR1")
    with pytest.raises(duckdb.Error):
        differences(**files, material=MATERIAL)
    path.unlink()
    with pytest.raises(LakeDamaged, match="lost"):
        differences(**files, material=MATERIAL)
