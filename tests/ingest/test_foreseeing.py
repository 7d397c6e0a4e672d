"""What attributions find out before they ask for the lock holds under it, whatever came in between."""

from collections.abc import Callable
from contextlib import AbstractContextManager
from pathlib import Path
from typing import NamedTuple
from unittest import mock

import pytest

from revshare.audit_trail.operations import Act
from revshare.bulk import ids_out
from revshare.contributors import operations as contributors
from revshare.contributors.models import Contributor
from revshare.files import operations as files
from revshare.files.work import Foreseeing, Work
from revshare.ingest.operations import INTAKES, ingest
from revshare.lake import check_part, sha256_of
from revshare.locks import Lock, hold
from revshare.manifests.models import Part
from revshare.manifests.operations import AttributionIntake
from revshare.manifests.queries import LAKE

HEAD = "dataset_version,asset_id,contributor_id\n"


class Foreseen(NamedTuple):
    all_known: bool
    digest: str


@pytest.fixture
def large(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(files, "SMALL_BYTES", 0)
    monkeypatch.setattr(contributors, "MANY_ROWS", 0)


@pytest.fixture
def foreseen(monkeypatch: pytest.MonkeyPatch) -> list[Foreseen]:
    """What was known of each file before the lock."""
    found: list[Foreseen] = []
    foresee = AttributionIntake.foresee

    def remember(intake: AttributionIntake, work: Work) -> Work:
        work = foresee(intake, work)
        found.append(Foreseen(work.all_known, work.digest))
        return work

    monkeypatch.setattr(AttributionIntake, "foresee", remember)
    return found


def before_the_lock(deed: Callable[[], object]) -> AbstractContextManager[object]:
    """Does something right before a file takes the lock, once."""
    done = iter([deed])

    def then(lock: Lock) -> None:
        for one in done:
            one()
        hold(lock)

    return mock.patch.object(files, "hold", side_effect=then)


def add(contributor_id: str) -> Callable[[], object]:
    return lambda: Contributor.objects.create(id=contributor_id, name="Known", file_id=0)


def test_only_attributions_foresee() -> None:
    assert [kind for kind, intake in INTAKES.items() if isinstance(intake, Foreseeing)] == ["attributions"]


@pytest.mark.django_db
def test_strangers_who_become_known_before_the_lock_are_not_made_anew(
    large: None, foreseen: list[Foreseen], file: Callable[[str, str], Path], act: Act
) -> None:
    add("ann")()
    path = file("a.csv", f"{HEAD}v,1,ann\nv,2,ben\nv,3,cy\n")
    with before_the_lock(add("ben")):
        report = ingest(kind="attributions", path=path, act=act)
    assert [one.all_known for one in foreseen] == [False]
    assert report.facts["unclaimed_contributors"] == 1
    assert list(Contributor.objects.values_list("id", "unclaimed")) == [("ann", False), ("ben", False), ("cy", True)]


@pytest.mark.django_db
def test_who_is_known_is_looked_up_once_and_the_part_is_hashed_once(
    large: None, foreseen: list[Foreseen], file: Callable[[str, str], Path], act: Act
) -> None:
    add("ann")()
    path, seen = file("a.csv", f"{HEAD}v,1,ann\nv,2,ann\n"), list[int]()
    with (
        before_the_lock(lambda: seen.append(len(foreseen))),
        mock.patch.object(contributors, "ids_out", side_effect=ids_out) as asked,
        mock.patch("revshare.lake.sha256_of", side_effect=sha256_of) as hashed,
    ):
        report = ingest(kind="attributions", path=path, act=act)
    assert report.facts["unclaimed_contributors"] == 0
    assert asked.call_count == hashed.call_count == 1
    (one,) = foreseen
    assert seen == [1], "before the lock"
    assert one.all_known
    assert Part.objects.get().parquet_sha256 == one.digest
    check_part(LAKE, one.digest)


@pytest.mark.django_db
def test_a_part_with_rows_left_out_is_not_stored_under_the_hash_of_the_whole(
    large: None, foreseen: list[Foreseen], file: Callable[[str, str], Path], act: Act
) -> None:
    first, again = file("a.csv", f"{HEAD}v,1,ann\n"), file("b.csv", f"{HEAD}v,1,ann\nv,2,ann\n")
    for path in (first, again):
        ingest(kind="attributions", path=path, act=act)
    parts = list(Part.objects.order_by("pk").values_list("parquet_sha256", "rows"))
    assert [rows for _, rows in parts] == [1, 1]
    assert parts[0][0] == foreseen[0].digest
    assert parts[1][0] != foreseen[1].digest != ""
    for digest, _ in parts:
        check_part(LAKE, digest)


@pytest.mark.django_db
def test_everybody_comes_in_order_however_they_stand(act: Act) -> None:
    made = ["b", "ann", "作家", "Ω", "B", "é", "\U0001f600", "ﬁ", "007"]
    assert contributors.everybody().to_pylist() == []
    for one in made:
        add(one)()
        assert contributors.everybody().to_pylist() == sorted(made[: made.index(one) + 1])
