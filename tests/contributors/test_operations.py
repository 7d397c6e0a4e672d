"""Contributors in: completed by later files, never overwritten."""

from collections.abc import Callable
from pathlib import Path

import pytest

from revshare.audit_trail.operations import Act
from revshare.contributors.models import Contributor
from revshare.files.models import QuarantinedRow
from revshare.ingest.operations import ingest

pytestmark = pytest.mark.django_db
Write = Callable[[str, str | bytes], Path]


def test_contributors_are_completed_and_never_overwritten(file: Write, act: Act) -> None:
    header = "contributor_id,contributor_name,email,country\n"
    ingest(
        kind="attributions",
        path=file("0", "dataset_version,asset_id,contributor_id,contributor_name\nv,a,c,Hint\n"),
        act=act,
    )
    assert Contributor.objects.get().unclaimed
    ingest(kind="contributors", path=file("1", header + "c,Claude,,\nd,Dora,,\n"), act=act)
    report = ingest(
        kind="contributors", path=file("2", header + "c,Claude,c@x.org,\nd,Other,,\nd2,,,france\n"), act=act
    )
    assert (report.file.rows_accepted, report.file.rows_quarantined) == (1, 2)
    report = ingest(kind="contributors", path=file("3", header + "c,,,\nc,Claude,c@x.org,FR\n"), act=act)
    assert report.file.rows_quarantined == 2  # two rows of one file that say different things
    assert list(Contributor.objects.values_list("id", "name", "email", "unclaimed")) == [
        ("c", "Claude", "c@x.org", False), ("d", "Dora", "", False),
    ]  # fmt: skip


def test_what_is_wrong_with_a_contributor_is_said(file: Write, act: Act) -> None:
    header = "contributor_id,contributor_name,email,country,currency\n"
    rows = ["007,Bond,,,", "7,Seven,,,", "NA,,,,", "null,,,,", "a,A,nobody,,", "b,B,x@y z,,", "c,C,,uk,", "d,D,,,EURO",
            "e,E\u200b,e@x.org,DE,EUR", ",X,,,", "f," + "x" * 2_001 + ",,,"]  # fmt: skip
    report = ingest(kind="contributors", path=file("c.csv", header + "\n".join(rows)), act=act)
    assert dict(QuarantinedRow.objects.values_list("line", "reason")) == {
        6: "email_syntax@email", 7: "email_syntax@email", 8: "country_syntax@country", 9: "currency_unknown@currency",
        11: "id_missing@contributor_id", 12: "text_too_long@contributor_name",
    }  # fmt: skip
    assert set(Contributor.objects.values_list("id", flat=True)) == {"007", "7", "NA", "null", "e"}
    assert report.file.rows_accepted == 5


def test_contributors_of_manifests_get_the_lowest_name_given(file: Write, act: Act) -> None:
    header = "dataset_version,asset_id,contributor_id,contributor_name\n"
    ingest(kind="attributions", path=file("a.csv", header + "v,1,c,Zoe\nv,2,c,Ann\nv,3,c,\nv,4,d,\n"), act=act)
    assert list(Contributor.objects.values_list("id", "name", "unclaimed")) == [("c", "Ann", True), ("d", "", True)]
