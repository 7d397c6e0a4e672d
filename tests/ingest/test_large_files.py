"""The quick ways that large files take give the books that the patient ways give."""

import csv
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any
from unittest import mock

import pytest
from django.db import transaction
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from revshare.audit_trail.operations import Act
from revshare.contributors import operations as contributors
from revshare.contributors.models import Contributor
from revshare.files import operations as files
from revshare.files.models import QuarantinedRow
from revshare.ingest.operations import ingest
from revshare.manifests import operations as manifests
from revshare.manifests.models import Manifest, Part, Weight
from tests.conftest import World
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
def ways(*, large: bool, looked_at: bool) -> Iterator[None]:
    """`large`: the file is read out of order, its contributors compared by hashes. `looked_at`: every row is judged."""
    with ExitStack() as stack:
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
@settings(max_examples=12, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
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


@pytest.mark.django_db
def test_a_clean_large_file_is_read_once_and_becomes_the_part(
    file: Callable[[str, str], Path], act: Act, monkeypatch: pytest.MonkeyPatch
) -> None:
    reads = mock.Mock(wraps=files.spooling.spool_rows)
    monkeypatch.setattr(files.spooling, "spool_rows", reads)
    monkeypatch.setattr(files, "SMALL_BYTES", 0)
    header = "dataset_version,asset_id,contributor_id\n"
    ingest(kind="attributions", path=file("a.csv", header + "v,1,ann\nv,2,ben\n"), act=act)
    assert reads.call_count == 1
    # One bad row, and its line is asked for: in order, from the beginning.
    report = ingest(kind="attributions", path=file("b.csv", header + "v,3,ann\nv,,ben\nv,4,cy\n"), act=act)
    assert reads.call_count == 3
    assert report.file.rows_accepted == 2
    assert list(QuarantinedRow.objects.values_list("line", "reason")) == [(3, "id_missing@asset_id")]


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
