"""Pages of weights against a slow twin that goes from person to person; and what the database reads of them."""

import hashlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from decimal import Decimal
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from django.db import connection, transaction
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from revshare.apportion import ApportionmentBroken
from revshare.array_rows import ROOM_BYTES, decimals
from revshare.bulk import copy_images
from revshare.lake import duck, spool
from revshare.manifests.drafts import draft_of
from revshare.manifests.models import Manifest
from revshare.manifests.rules import digest_header
from revshare.manifests.weighing import UnknownContributor, Weighed
from revshare.manifests.weight_pages import PAGE, ROLL, Listed, Placing, everybody_in, images
from tests.examples import examples
from tests.ownership import owner

OTHER, OWN = 6, 7  # with whom the rolls came in, whose the weights are
PAGE_BYTES = 8160  # what a row may have of a page
IDS = ("a", "A", "9", "10", "é", "e\u0301", "作家", "\U0001f600", '"x"', "миша", "ann-with-a-longer-id", "x" * 300)
MOST = Decimal(f"{10**32 - 1}.999999")  # what numeric(38, 6) and decimal128 hold
EDGES = [0, 1, 2, 9_999, 10_000, 2**31, 2**62, 2**63 - 1]
WEIGHTS = [Decimal(0), Decimal("0.000001"), Decimal("1.5"), Decimal("9999.9999"), Decimal(10**20), MOST]
Row = tuple[Any, ...]
Weight = tuple[int, Decimal]


@dataclass(frozen=True)
class Case:
    """Some people, in order; what some of them have; and how many are asked for at once."""

    ids: list[str]
    weights: dict[str, Weight]
    people: int

    @property
    def listed(self) -> Listed:
        return Listed.of(pa.array(self.ids, pa.large_string()), OTHER)

    def batches(self, size: int = 3, numbered: Sequence[str] | None = None) -> Iterator[pa.RecordBatch]:
        """As a file of weights has them; with their places, if a list is given."""
        columns: dict[str, pa.Array] = {
            "contributor_id": pa.array(self.weights, pa.string()),
            "assets_ticks": pa.array([ticks for ticks, _ in self.weights.values()], pa.int64()),
            "weight_ticks": pa.array([weight for _, weight in self.weights.values()], pa.decimal128(38, 6)),
        }
        if numbered is not None:
            places = {name: place for place, name in enumerate(numbered)}
            columns["place"] = pa.array([places.get(name) for name in self.weights], pa.int32())
        yield from pa.table(columns).to_batches(max_chunksize=size)

    def twin(self) -> tuple[list[Row], list[Row]]:
        """Rolls and pages: as many people as fit by their names."""
        rolls: list[list[str]] = []
        used = 0
        for name in self.ids:
            size = 4 + len(name.encode())
            size = max(size + -size % 4, 9)
            if not rolls or used + size > ROOM_BYTES:
                rolls.append([])
                used = 0
            rolls[-1].append(name)
            used += size
        pages = []
        for number, roll in enumerate(rolls, 1):
            own = [self.weights.get(name) for name in roll]
            weights = [None if one is None or one[0] == one[1] else one[1] for one in own]
            if any(own):
                some = weights if any(weight is not None for weight in weights) else None
                pages.append((OWN, OTHER, number, [one and one[0] for one in own], some))
        return [(OTHER, number, roll[0], roll) for number, roll in enumerate(rolls, 1)], pages


@st.composite
def cases(draw: st.DrawFn) -> Case:
    texts = st.text(st.characters(exclude_characters="\0", codec="utf-8"), min_size=1, max_size=9)
    ids = draw(st.sets(st.one_of(st.sampled_from(IDS), texts), min_size=1, max_size=12))
    ids |= {f"c{number:04}" for number in range(draw(st.sampled_from([0, 3, 2000])))}
    some = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    share, other = draw(st.sampled_from([0.001, 0.5, 1])), draw(st.sampled_from([0, 0.01, 1]))
    weights = {}
    for name in sorted(ids, key=str.encode):
        if some.random() <= share:
            ticks = int(some.choice(EDGES))
            weights[name] = (ticks, WEIGHTS[some.integers(len(WEIGHTS))] if some.random() < other else Decimal(ticks))
    return Case(sorted(ids, key=str.encode), weights, draw(st.sampled_from([1, 2, 500, 100_000])))


FAR_APART = Case(
    [f"c{number:04}" for number in range(2000)], {"c0007": (3, Decimal(3)), "c1999": (0, Decimal("0.5"))}, 100_000
)


def rows(query: str) -> list[Row]:
    with connection.cursor() as cursor:
        cursor.execute(query)
        return list(cursor.fetchall())


def take_in(case: Case, *, numbered: Sequence[str] | None) -> None:
    """As `operations.freeze` does, but for what the database asks of a manifest."""
    listed, placing = case.listed, Placing(case.listed.people)
    for batch in case.batches(numbered=numbered):
        placing.take(batch)
    with connection.cursor() as cursor:
        cursor.execute("SELECT revshare_new_pages('manifests_roll', 'rolls_of', %s)", [OTHER])
        rolls = listed.rolls.images(OTHER, case.people)
        copy_images(table=f"manifests_roll_{OTHER}", columns=ROLL, images=rolls, frozen=True)
        cursor.execute("SELECT revshare_new_pages('manifests_weight_page', 'manifest_id', %s)", [OWN])
        pages = images(listed, placing.done(), OWN, case.people)
        copy_images(table=f"manifests_weight_page_{OWN}", columns=PAGE, images=pages, frozen=True)
        cursor.execute("SELECT revshare_attach_pages('manifests_roll', %s)", [OTHER])
        cursor.execute("SELECT revshare_attach_pages('manifests_weight_page', %s)", [OWN])


@pytest.mark.django_db
@given(case=cases(), numbers=st.sampled_from(["none", "right", "wrong", "of others", "of a longer list"]))
@example(case=FAR_APART, numbers="right")
@settings(
    max_examples=examples(quick=15, long=150), deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)  # fmt: skip
def test_what_is_copied_in_is_read_back(case: Case, numbers: str) -> None:
    lists = {"none": None, "right": case.ids, "wrong": case.ids[::-1], "of others": case.ids[::2]}
    lists["of a longer list"] = ["\1", *case.ids]
    with owner():
        take_in(case, numbered=lists[numbers])
        rolls, pages = case.twin()
        assert rows("SELECT rolls_of, roll, first_id, contributors FROM manifests_roll ORDER BY roll") == rolls
        assert (
            rows("SELECT manifest_id, rolls_of, roll, ticks, weights FROM manifests_weight_page ORDER BY roll") == pages
        )
        read = rows(
            "SELECT id, manifest_id, contributor_id, assets_ticks, weight_ticks FROM manifests_weight ORDER BY 3"
        )
        assert read == [(f"{OWN}/{name}", OWN, name, *weight) for name, weight in case.weights.items()]
        assert all(size <= PAGE_BYTES for (size,) in rows("SELECT pg_column_size(r.*) FROM manifests_roll r"))
        plain = rows("SELECT pg_column_size(p.*) FROM manifests_weight_page p WHERE weights IS NULL")
        assert all(size <= PAGE_BYTES for (size,) in plain)
        transaction.set_rollback(True)


def test_numbers_of_38_digits_are_laid_out_as_the_database_does() -> None:
    """Ten digits of base 10,000 each, that stand for the number."""
    values = [*WEIGHTS, Decimal("12345678901234567890123456789012.123456"), Decimal(2**64), Decimal(2**96)]
    image = decimals(pa.array([Decimal(7), *values], pa.decimal128(38, 6)).slice(1))
    for value, row in zip(values, image.view(">i2").reshape(-1, 14).tolist(), strict=True):
        assert row[:4] == [10, 7, 0, 6]
        assert sum(digit * Fraction(10_000) ** (7 - place) for place, digit in enumerate(row[4:])) == Fraction(value)


def a_file(folder: Path, number: int, weights: dict[str, Weight], people: pa.Array | None = None) -> Weighed:
    path = folder / f"{number}.parquet"
    [batch] = Case([], weights, 1).batches(size=100)
    pq.write_table(pa.table(batch), path, row_group_size=2)
    return Weighed(path, 1, 1, people)


ONE, TWO = (1, Decimal(1)), (2, Decimal("2.5"))


def test_who_is_not_numbered_is_listed_by_name(tmp_path: Path) -> None:
    files = [a_file(tmp_path, 0, {"a": ONE, "c": ONE}), a_file(tmp_path, 1, {"B": ONE, "c": TWO})]
    assert everybody_in(files).to_pylist() == ["B", "a", "c"]


def test_one_list_of_all_files_is_taken_as_it_is(tmp_path: Path) -> None:
    people = pa.array(["a", "b", "c"])
    files = [a_file(tmp_path, number, {"a": ONE}, people) for number in range(2)]
    assert everybody_in(files).to_pylist() == ["a", "b", "c"]
    files.append(a_file(tmp_path, 2, {"d": ONE}, pa.array(["d"])))
    assert everybody_in(files).to_pylist() == ["a", "d"]


def test_a_list_that_is_mostly_of_others_is_not_taken(tmp_path: Path) -> None:
    people = pa.array(["a", "b", "c", "d", "e"])
    files = [a_file(tmp_path, 0, {"b": ONE, "d": TWO}, people)]
    assert everybody_in(files).to_pylist() == ["b", "d"]
    files.append(a_file(tmp_path, 1, {"b": ONE}, people))
    assert everybody_in(files).to_pylist() == people.to_pylist()


def test_a_stranger_is_refused(tmp_path: Path) -> None:
    placing = Placing(pa.array(["a", "b"], pa.large_string()))
    [batch] = Case([], {"x": ONE}, 1).batches()
    with pytest.raises(UnknownContributor):
        placing.take(batch)


@pytest.mark.parametrize("names", [("a", "a"), ("b", "a")])
def test_weights_out_of_order_are_refused(names: tuple[str, str]) -> None:
    placing = Placing(pa.array(["a", "b"], pa.large_string()))
    for name in names:
        [batch] = Case([], {name: ONE}, 1).batches()
        placing.take(batch)
    with pytest.raises(ApportionmentBroken):
        placing.done()


@given(case=cases())
@settings(max_examples=examples(quick=10, long=50), deadline=None, suppress_health_check=[HealthCheck.too_slow])
def test_the_hash_is_over_what_duckdb_would_write(case: Case) -> None:
    """As `verify` does it."""
    with spool() as scratch, duck(scratch) as con:
        path, lines = scratch / "weights.parquet", scratch / "lines.csv"
        pq.write_table(pa.Table.from_batches(list(case.batches(100)), pa.schema([
            ("contributor_id", pa.string()), ("assets_ticks", pa.int64()), ("weight_ticks", pa.decimal128(38, 6)),
        ])), path)  # fmt: skip
        con.execute(
            f"COPY (FROM read_parquet('{path}') ORDER BY contributor_id) TO '{lines}' "
            "(FORMAT csv, HEADER false, FORCE_QUOTE *)"
        )
        is_plain = all(ticks == weight for ticks, weight in case.weights.values())
        manifest, weighed = Manifest(pk=OWN, dataset_version='v"1'), Weighed(path, 3, 4, is_plain=is_plain)
        draft = draft_of(manifest, weighed, case.listed)
        assert draft.sha256 == hashlib.sha256(digest_header('v"1', 3, 4) + lines.read_bytes()).hexdigest()
    assert (draft.contributors, draft.ticks) == (len(case.weights), sum(ticks for ticks, _ in case.weights.values()))
