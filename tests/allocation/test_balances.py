"""The lake's files of balances: where two cycles touch the same accounts, found by place; else by id. Both say the same."""

import hashlib
from fractions import Fraction
from itertools import pairwise
from pathlib import Path
from typing import Any
from unittest import mock

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from revshare.allocation import operations
from revshare.allocation.balances import (
    BALANCES,
    SCHEMA,
    Before,
    Letters,
    Run,
    have_same_accounts,
    letters_in,
    letters_of,
    runs_in,
    say_runs,
)
from revshare.cycles import operations as cycles
from revshare.cycles.models import Cycle
from revshare.lake import keep, part
from revshare.reviews import pairs
from revshare.reviews.differences import differences as found
from tests.examples import examples
from tests.stories import Story

NAMES = ("ann", "ben", "cyd", "dör", "x" * 40)
accounts = st.dictionaries(
    st.tuples(st.sampled_from(("EUR", "JPY", "USD")), st.sampled_from(NAMES)), st.integers(-5, 10**12), min_size=1
)


def lines(names: list[str]) -> bytes:
    return "".join(f"{name}\n" for name in names).encode()


def hashed(names: list[str]) -> str:
    return hashlib.sha256(lines(names)).hexdigest()


def stored(rows: dict[tuple[str, str], int], untouched: int, folder: Path, group: int) -> str:
    """A file as a cycle leaves it that touched these accounts, and did not touch so many others."""
    ordered = sorted(rows)
    names = [name for _, name in ordered]
    values: list[list[Any]] = [names, [money for money, _ in ordered], [rows[key] for key in ordered], [1] * len(rows)]
    for column, more in zip(values, ("zoe", "USD", 7, None), strict=True):
        column += [more] * untouched
    draft = folder / "draft.parquet"
    with pq.ParquetWriter(draft, SCHEMA) as writer:
        writer.write_table(pa.table(values, schema=SCHEMA), row_group_size=group)
        runs = []
        for currency in sorted({money for money, _ in ordered}):
            own = [name for money, name in ordered if money == currency]
            runs.append(Run(currency, len(own), hashed(own)))
        say_runs(writer, runs, None)
    assert runs_in(draft) == tuple(runs)
    return keep(draft, BALANCES)


@pytest.mark.usefixtures("db")
@given(rows=accounts, untouched=st.integers(0, 2), group=st.integers(1, 4), asked=accounts)
@settings(
    max_examples=examples(quick=40, long=200), deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)  # fmt: skip
def test_the_balances_of_the_same_accounts_are_found_by_place(
    rows: dict[tuple[str, str], int], untouched: int, group: int, asked: dict[tuple[str, str], int], tmp_path: Path
) -> None:
    before = Before(stored(rows, untouched, tmp_path, group))
    same = 0
    for currency in sorted({money for money, _ in asked}):
        wanted = sorted(name for money, name in asked if money == currency)
        there = sorted(name for money, name in rows if money == currency)
        closings = before.of_same(currency, hashlib.sha256(lines(wanted)).hexdigest(), len(wanted))
        if wanted == there:
            assert closings is not None
            assert closings.tolist() == [rows[currency, name] for name in wanted]
            same += len(wanted)
        else:
            assert closings is None
    assert before.is_all_touched == (same == len(rows) and not untouched)


def test_before_the_first_cycle_there_is_nothing() -> None:
    before = Before("")
    assert before.of_same("USD", hashlib.sha256(b"ann\n").hexdigest(), 1) is None
    assert not before.is_all_touched


@pytest.mark.usefixtures("db")
def test_a_file_that_does_not_say_whom_it_touched_is_like_no_other(tmp_path: Path) -> None:
    draft = tmp_path / "draft.parquet"
    pq.write_table(pa.table([["ann"], ["USD"], [5], [1]], schema=SCHEMA), draft)
    digest = keep(draft, BALANCES)
    assert not have_same_accounts(digest, digest)
    assert Before(digest).of_same("USD", hashlib.sha256(b"ann\n").hexdigest(), 1) is None


MONTHS: tuple[tuple[dict[str, int], bool], ...] = (
    # (who holds what from then on, whom a sale of the model earns, whether the accounts are those of the month before)
    ({"ann": 3, "ben": 1}, False),
    ({}, True),
    ({"cyd": 2}, False),
    ({}, True),
)


@pytest.fixture
def months(story: Story) -> list[tuple[Cycle, list[str]]]:
    """Four cycles, and what each handed to `_with_others` as the file before."""
    story.policy()
    made = []
    for month, (held, _) in enumerate(MONTHS, 3):
        version = f"ds@{month}"
        if held:
            rows = [(version, f"{name}{month}{place}", name) for name, n in held.items() for place in range(n)]
            story.attributions(*rows)
            story.models(("m", version))
        story.sales((f"s{month}", f"2026-{month:02}-10T00:00:00Z", "m", "USD", "100"))
        key = f"2026-{month:02}"
        story.open(key, f"{key}-01", f"2026-{month + 1:02}-01")
        cycles.lock(key=key, act=story.act())
        with mock.patch.object(operations, "_with_others", wraps=operations._with_others) as spy:
            cycle = cycles.calculate(key=key, act=story.act())
        made.append((cycle, [call.args[2] for call in spy.call_args_list]))
    return made


def test_accounts_are_carried_on_whether_the_same_or_not(months: list[tuple[Cycle, list[str]]]) -> None:
    balances: dict[str, int] = {}
    last = ""
    for (cycle, asked), (_, same) in zip(months, MONTHS, strict=True):
        assert asked == ["" if same else last]
        table = pq.read_table(part(BALANCES, cycle.balances_sha256)).to_pylist()
        for row in table:
            balances[row["contributor_id"]] = balances.get(row["contributor_id"], 0) + (row["earned_micros"] or 0)
        assert {row["contributor_id"]: row["closing_micros"] for row in table} == balances
        assert have_same_accounts(cycle.balances_sha256, last) == same if last else not same
        last = cycle.balances_sha256
    assert np.sum([*balances.values()]) == 4 * 20_000_000


def test_a_review_says_the_same_by_place_and_by_id(months: list[tuple[Cycle, list[str]]]) -> None:
    for (before, _), (after, _) in pairwise(months):
        files = {"after": after.balances_sha256, "before": before.balances_sha256}
        told = found(**files, material=Fraction(1, 100))
        with mock.patch.object(pairs, "_same", return_value=False):
            assert found(**files, material=Fraction(1, 100)) == told
        assert told[0].after_micros == 20_000_000


@given(
    ids=st.lists(st.text(st.characters(exclude_characters="\0", codec="utf-8"), min_size=1, max_size=4)),
    around=st.sampled_from([0, 2]),
)
@example(ids=["a" * 5_000, "b", "ac" * 5_000 + "d"], around=2)  # letters that a first look at a few does not see
def test_a_file_says_what_ids_are_made_of(
    ids: list[str], around: int, tmp_path_factory: pytest.TempPathFactory
) -> None:
    array = pa.array(["#"] * around + ids + ["\xff"] * around, pa.string()).slice(around, len(ids))
    should = Letters(bytes(sorted({name.encode()[0] for name in ids})), bytes(sorted(set("".join(ids).encode()))))
    assert letters_of(array) == letters_of(array.cast(pa.large_string())) == should
    draft = tmp_path_factory.mktemp("file") / "draft.parquet"
    with pq.ParquetWriter(draft, SCHEMA) as writer:
        say_runs(writer, [], should)
    assert letters_in(draft) == should
