"""The quick ways that large files take give the books that the patient ways give."""

import csv
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any
from unittest import mock

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from django.db import transaction
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from revshare.audit_trail.operations import Act
from revshare.contributors import operations as contributors
from revshare.contributors.models import Contributor
from revshare.files import operations as files
from revshare.files.glance import PLAIN_MARK
from revshare.files.models import QuarantinedRow
from revshare.files.preflight import FileRefused
from revshare.ingest.operations import ingest
from revshare.lake import part
from revshare.manifests import operations as manifests
from revshare.manifests.models import Manifest, Part, Weight
from revshare.manifests.queries import LAKE
from tests.conftest import World
from tests.examples import examples
from tests.small import staff, write_files

ATTRIBUTIONS = ("dataset_version", "asset_id", "contributor_id", "weight", "licence")
PLAIN: dict[str, tuple[str, ...]] = {
    "dataset_version": ("v1", "v2"), "asset_id": ("a1", "a2", "a3", "a4", "a5", "a6"),
    "contributor_id": ("ann", "ben", "cy", "dee"), "weight": ("", "1"), "licence": ("CC0", "CC-BY"),
}  # fmt: skip
NASTY: dict[str, tuple[str, ...]] = {
    "dataset_version": ("", "v 1", " v1", "x" * 201), "asset_id": ("", "a1 ", "é", "a\tb", 'say "a"', "a,b", "a\nb"),
    "contributor_id": ("", "an\u200bn", "Аnn", "y" * 201), "weight": ("1.0", "2", "-1", "x", "01"),
    "licence": ("of some kind", "z" * 2001),
}  # fmt: skip
Row = dict[str, str]


@st.composite
def rows(draw: st.DrawFn) -> list[Row]:
    """Mostly files of plain rows, some with a few that are not."""
    made = draw(
        st.lists(st.fixed_dictionaries({k: st.sampled_from(v) for k, v in PLAIN.items()}), min_size=1, max_size=25)
    )
    for row in draw(st.lists(st.sampled_from(made), max_size=draw(st.sampled_from([0, 0, 3])))):
        column = draw(st.sampled_from(ATTRIBUTIONS))
        row[column] = draw(st.sampled_from(NASTY[column]))
    return made


@contextmanager
def ways(*, large: bool, looked_at: bool, glance: bool = False) -> Iterator[None]:
    """`large`: the file is read out of order, its contributors compared by hashes. `looked_at`: every row is judged.
    `glance`: at first it is tried to see at a glance that all rows are right."""
    with ExitStack() as stack:
        if not glance:
            stack.enter_context(mock.patch.object(manifests.AttributionIntake, "plain", None))
        if large:
            stack.enter_context(mock.patch.object(files, "SMALL_BYTES", 0))
            stack.enter_context(mock.patch.object(contributors, "MANY_ROWS", 0))
        if looked_at:
            stack.enter_context(mock.patch.object(manifests, "_plainly_right", return_value=False))
        yield


def books(path: Path, act: Act) -> dict[str, Any]:
    """All that a file leaves behind, in a transaction that is rolled back."""
    with transaction.atomic():
        known = path.with_name("contributors.csv")
        known.write_text("contributor_id,contributor_name\nann,Ann\nben,Ben\n", encoding="utf-8")
        ingest(kind="contributors", path=known, act=act)
        file = ingest(kind="attributions", path=path, act=act).file
        versions = Manifest.objects.values_list("dataset_version", flat=True)
        frozen = manifests.freeze(dataset_versions=list(versions), act=act)
        left = {
            "counts": (file.rows_in, file.rows_accepted, file.rows_duplicate, file.rows_quarantined),
            "quarantine": list(QuarantinedRow.objects.order_by("line").values_list("line", "reason", "row")),
            "contributors": list(Contributor.objects.order_by("id").values_list("id", "name", "unclaimed")),
            "manifests": [(one.dataset_version, one.sha256, one.assets, one.records) for one in frozen],
            "weights": list(
                Weight.objects.order_by("manifest__dataset_version", "contributor_id").values_list(
                    "contributor_id", "assets_ticks", "weight_ticks"
                )
            ),
            "parts": list(Part.objects.values_list("rows", flat=True)),
        }
        transaction.set_rollback(True)
    return left


@pytest.mark.django_db
@given(made=rows())
@settings(
    max_examples=examples(quick=4, long=12), deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
def test_a_large_file_leaves_the_books_that_a_small_one_does(tmp_path: Path, act: Act, made: list[Row]) -> None:
    path = tmp_path / "attributions.csv"
    with path.open("w", encoding="utf-8", newline="") as target:
        writer = csv.DictWriter(target, ATTRIBUTIONS, lineterminator="\n")
        writer.writeheader()
        writer.writerows(made)
    with ways(large=False, looked_at=True):
        patient = books(path, act)
    for large, looked_at in ((True, False), (True, True), (False, False)):
        with ways(large=large, looked_at=looked_at):
            assert books(path, act) == patient
    with ways(large=True, looked_at=False, glance=True):
        assert books(path, act) == patient


def as_parquet(made: list[Row], path: Path, *, blanks_left_out: bool, weights_as_numbers: bool) -> None:
    """The rows as Parquet. Blank values may be none instead; weights may be numbers, if all are."""
    columns: dict[str, pa.Array] = {}
    for name in ATTRIBUTIONS:
        values = [row[name] or (None if blanks_left_out else "") for row in made]
        columns[name] = pa.array(values, pa.string())
        if name == "weight" and weights_as_numbers and all(value in (None, "", "1", "2", "-1") for value in values):
            columns[name] = pa.array([int(value) if value else None for value in values], pa.int64())
    pq.write_table(pa.table(columns), path, row_group_size=10)


@pytest.mark.django_db
@given(made=rows(), blanks_left_out=st.booleans(), weights_as_numbers=st.booleans())
@settings(
    max_examples=examples(quick=4, long=12), deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
def test_parquet_as_it_came_leaves_the_books_that_a_copy_does(
    tmp_path: Path, act: Act, made: list[Row], blanks_left_out: bool, weights_as_numbers: bool
) -> None:
    path = tmp_path / "attributions.parquet"
    as_parquet(made, path, blanks_left_out=blanks_left_out, weights_as_numbers=weights_as_numbers)
    with ways(large=False, looked_at=True):
        patient = books(path, act)
    for large, glance in ((True, False), (True, True)):
        with (
            ways(large=large, looked_at=False, glance=glance),
            mock.patch.object(files.spooling.bare_parquet, "MIN_GROUP_ROWS", 1),
        ):
            assert books(path, act) == patient


def mark_of(found: Part) -> dict[bytes, bytes]:
    return pq.read_metadata(part(LAKE, found.parquet_sha256)).metadata or {}


@pytest.mark.django_db
def test_plain_parquet_becomes_the_part_without_its_notes(
    tmp_path: Path, act: Act, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(files, "SMALL_BYTES", 0)
    monkeypatch.setattr(files.spooling, "spool_rows", mock.Mock(side_effect=AssertionError("written anew")))
    path = tmp_path / "a.parquet"
    table = pa.table({
        "asset_id": ["1", "2"], "contributor_id": ["ann", "ben"], "weight": [1, None], "dataset_version": ["v", "v"],
    }).replace_schema_metadata({"made by": "somebody"})  # fmt: skip
    pq.write_table(table, path)
    assert ingest(kind="attributions", path=path, act=act).file.rows_accepted == 2
    found = Part.objects.get()
    assert mark_of(found) == PLAIN_MARK
    kept = pq.read_table(part(LAKE, found.parquet_sha256))
    assert kept.to_pylist() == table.to_pylist()
    path.unlink()
    (frozen,) = manifests.freeze(dataset_versions=["v"], act=act)
    assert (frozen.assets, frozen.records, frozen.contributors) == (2, 2, 2)


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("columns", "accepted"),
    [
        ({"contributor_name": ["Ann", "Ben"]}, 2),
        ({"phone": ["1", "2"]}, 2),
        ({"weight": ["2", "2"]}, 2),
        ({"share": ["0.5", "0.5"]}, 2),
        ({"licence": ["of some kind", ""]}, 2),
        ({"asset_id": ["1", None]}, 1),
    ],
)
def test_other_parquet_is_written_anew(
    tmp_path: Path, act: Act, monkeypatch: pytest.MonkeyPatch, columns: dict[str, list[str]], accepted: int
) -> None:
    """Names and columns nobody asked for stay out of the lake; what is odd is judged row by row."""
    monkeypatch.setattr(files, "SMALL_BYTES", 0)
    path = tmp_path / "a.parquet"
    right = {"dataset_version": ["v", "v"], "asset_id": ["1", "2"], "contributor_id": ["ann", "ben"]}
    pq.write_table(pa.table(right | columns), path)
    assert ingest(kind="attributions", path=path, act=act).file.rows_accepted == accepted
    found = Part.objects.get()
    assert not PLAIN_MARK.items() <= mark_of(found).items()
    kept = pq.read_table(part(LAKE, found.parquet_sha256))
    assert "phone" not in kept.column_names
    assert not any(row.get("contributor_name") for row in kept.to_pylist())


@pytest.mark.django_db
def test_parts_of_both_kinds_are_one_manifest(tmp_path: Path, act: Act, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(files, "SMALL_BYTES", 0)
    right = {"dataset_version": ["v", "w"], "asset_id": ["1", "2"], "contributor_id": ["ann", "ben"]}
    pq.write_table(pa.table(right), tmp_path / "a.parquet")
    again = {"dataset_version": ["v", "v"], "asset_id": ["1", "3"], "contributor_id": ["ann", "cy"]}
    pq.write_table(pa.table(again | {"weight": ["1.0", "4"], "licence": ["", "CC0"]}), tmp_path / "b.parquet")
    ingest(kind="attributions", path=tmp_path / "a.parquet", act=act)
    report = ingest(kind="attributions", path=tmp_path / "b.parquet", act=act)
    assert (report.file.rows_accepted, report.file.rows_duplicate) == (1, 1)
    (frozen,) = manifests.freeze(dataset_versions=["v"], act=act)
    assert (frozen.assets, frozen.records) == (2, 2)
    # 720,720 ticks to an asset; the second asset weighs four times as much.
    assert list(Weight.objects.order_by("contributor_id").values_list("contributor_id", "weight_ticks")) == [
        ("ann", 720_720), ("cy", 2_882_880),
    ]  # fmt: skip


@pytest.mark.django_db
def test_a_clean_large_file_is_read_once_and_becomes_the_part(
    file: Callable[[str, str], Path], act: Act, monkeypatch: pytest.MonkeyPatch
) -> None:
    reads = mock.Mock(wraps=files.spooling.spool_rows)
    monkeypatch.setattr(files.spooling, "spool_rows", reads)
    monkeypatch.setattr(files, "SMALL_BYTES", 0)
    ingest(kind="attributions", path=file("0.csv", "dataset_version,asset_id,contributor_id\nv,0,ann\n"), act=act)
    assert (reads.call_count, mark_of(Part.objects.get())) == (0, PLAIN_MARK)
    monkeypatch.setattr(manifests.AttributionIntake, "plain", None)
    header = "dataset_version,asset_id,contributor_id\n"
    ingest(kind="attributions", path=file("a.csv", header + "v,1,ann\nv,2,ben\n"), act=act)
    assert reads.call_count == 1
    # One bad row, and its line is asked for: in order, from the beginning.
    report = ingest(kind="attributions", path=file("b.csv", header + "v,3,ann\nv,,ben\nv,4,cy\n"), act=act)
    assert reads.call_count == 3
    assert report.file.rows_accepted == 2
    assert list(QuarantinedRow.objects.values_list("line", "reason")) == [(3, "id_missing@asset_id")]


HEAD = b"dataset_version,asset_id,contributor_id\nv,1,ann\n"


@pytest.mark.django_db
@pytest.mark.parametrize(
    "content",
    [
        b"", b"\n", HEAD + b"v,2\n", HEAD + b"v,2,ben,x\n", HEAD + b'v,"2,ben\n', HEAD + b"v,2,b\x00en\n",
        HEAD + b"v,2,ben\rv,3,cy\n", HEAD + b"v,2,\xff\n", HEAD.replace(b"asset_id", b"asset"),
        HEAD.decode().encode("utf-16"),
        b"PAR1" + HEAD + b"\x00\x00\x00\x00PAR1", b"PAR1", b"PK\x03\x04" + HEAD,
    ],
)  # fmt: skip
def test_a_large_file_is_refused_as_a_small_one_is(tmp_path: Path, act: Act, content: bytes) -> None:
    path = tmp_path / "a"
    path.write_bytes(content)
    said = []
    for large in (False, True):
        with ways(large=large, looked_at=False, glance=large), pytest.raises(FileRefused) as refused:
            ingest(kind="attributions", path=path, act=act)
        said.append((refused.value.code, str(refused.value)))
    assert said[0] == said[1]


@pytest.mark.django_db
@pytest.mark.parametrize("weight", ["-1", "01", "+"])
def test_a_weight_between_blank_and_1_is_judged(tmp_path: Path, act: Act, weight: str) -> None:
    path = tmp_path / "a.csv"
    path.write_text(f"dataset_version,asset_id,contributor_id,weight\nv,1,ann,\nv,2,ann,{weight}\nv,3,ann,1\n")
    with ways(large=True, looked_at=False):
        assert books(path, act)["counts"] == (3, 2, 0, 1)


@pytest.mark.django_db
def test_a_large_file_again_is_a_no_op(
    file: Callable[[str, str], Path], act: Act, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(files, "SMALL_BYTES", 0)
    path = file("a.csv", HEAD.decode())
    assert not ingest(kind="attributions", path=path, act=act).seen_before
    assert ingest(kind="attributions", path=path, act=act).seen_before


SIDE_BY_SIDE = """
import sys
from pathlib import Path
from revshare.ingest import side_by_side
from revshare.ingest.operations import find_files
from revshare.management.base import acting
from revshare.errors import Refused
found = find_files(Path({folder!r}))
try:
    for kind, path, report in side_by_side.ingest_all(
        files=found, act=acting(None, "browse"), progress_of=lambda kind: lambda stage, done, total: None
    ):
        print(kind, report.file.rows_accepted, report.seen_before)
except Refused as error:
    print("refused:", error)
"""


def test_files_side_by_side_are_stored_in_the_order_they_need(world: World, tmp_path: Path) -> None:
    staff(world)
    folder = write_files(tmp_path / "in")
    said = world.manage("shell", "-c", SIDE_BY_SIDE.format(folder=str(folder))).stdout.splitlines()
    assert said[-4:] == ["contributors 4 False", "models 1 False", "attributions 4 False", "sales 3 False"]
    assert world.rows("SELECT count(*) FROM contributors_contributor WHERE unclaimed") == [(0,)]
    again = world.manage("shell", "-c", SIDE_BY_SIDE.format(folder=str(folder))).stdout.splitlines()
    assert again[-4:] == ["contributors 4 True", "models 1 True", "attributions 4 True", "sales 3 True"]


def test_attributions_are_not_stored_where_their_contributors_were_refused(world: World, tmp_path: Path) -> None:
    staff(world)
    folder = write_files(tmp_path / "in", contributors="contributor_id\nann\n")
    said = world.manage("shell", "-c", SIDE_BY_SIDE.format(folder=str(folder))).stdout.splitlines()
    assert said[-1].startswith("refused:")
    assert world.rows("SELECT kind FROM files_file ORDER BY kind") == [("models",), ("sales",)]
    assert world.rows("SELECT count(*) FROM contributors_contributor") == [(0,)]
