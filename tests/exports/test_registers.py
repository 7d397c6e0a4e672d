"""Credits of a model and registers of consent: who is in, and what another marketplace takes in without repair."""

import csv
import io
import json
import zipfile
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest

from revshare.consents.models import Consent
from revshare.errors import NotFound, Refused
from revshare.exports.registers import write_consents, write_credits
from revshare.exports.tables import FORMATS
from revshare.ingest.operations import ingest, retry_quarantine
from revshare.manifests.models import Manifest
from tests.stories import Story

pytestmark = pytest.mark.django_db
HOSTILE = ("=1+1", "+1", "-1", "@x", '"quoted"', "a,b", "007", "NA", "null", "Ω")
PEOPLE = ("contributor_id", "contributor_name")
ATTRIBUTIONS = ("dataset_version", "asset_id", "contributor_id", "licence", "media_type")
CONSENTS = ("contributor_id", "asset_id", "decision", "effective_at", "scope", "source")


def rows_of(path: Path, format: str) -> list[dict[str, str]]:
    text = path.read_text()
    if format == "jsonl":
        return [{name: str(value) for name, value in json.loads(line).items()} for line in text.splitlines()]
    return list(csv.DictReader(io.StringIO(text)))


@pytest.fixture
def trained(story: Story) -> Story:
    """Ann: two assets in one version, one in another; Ben one, in the first; Cy in a version of another model."""
    story.take("contributors", PEOPLE, [("ann", "=Ann"), ("ben", "Ben")])
    story.models(("m", "ds@1"), ("m", "ds@2"), ("m", "ds@3"), ("other", "dt@1"))
    story.take("attributions", ATTRIBUTIONS, [
        ("ds@1", "a1", "ann", "CC0", "image"), ("ds@1", "a2", "ann", "=editorial", "video"),
        ("ds@1", "a3", "ben", "", ""), ("ds@2", "a1", "ann", "CC0", "image"), ("dt@1", "c1", "cy", "", ""),
    ])  # fmt: skip
    story.policy()
    story.sales(("s1", "2026-06-10T00:00:00Z", "m", "USD", "1"))
    return story


def test_credits_name_each_contributor_of_a_model_by_dataset_version(trained: Story, tmp_path: Path) -> None:
    assert write_credits(model="m", format="jsonl", target=tmp_path / "c.jsonl") == 3
    found = rows_of(tmp_path / "c.jsonl", "jsonl")
    assert found == [
        {"model": "m", "contributor_id": who, "contributor_name": name, "dataset_version": version,
         "manifest_sha256": "", "assets": assets, "licences": licences, "media_types": media}
        for who, name, version, assets, licences, media in [
            ("ann", "=Ann", "ds@1", "2", "=editorial; CC0", "image; video"), ("ann", "=Ann", "ds@2", "1", "CC0", "image"),
            ("ben", "Ben", "ds@1", "1", "", ""),
        ]
    ]  # fmt: skip
    write_credits(model="m", format="csv", target=tmp_path / "c.csv")
    escaped = {"contributor_name": "'=Ann", "licences": "'=editorial; CC0"}
    assert rows_of(tmp_path / "c.csv", "csv")[0] == found[0] | escaped
    with pytest.raises(NotFound, match="no model 'ds@1'; there are m, other"):
        write_credits(model="ds@1", format="csv", target=tmp_path / "x")


def test_credits_name_the_manifest_once_it_is_frozen(story: Story, tmp_path: Path) -> None:
    story.models(("m", "ds@1"))
    story.attributions(*[("ds@1", f"a{n}", name) for n, name in enumerate(HOSTILE)])
    story.policy()
    story.sales(("s1", "2026-06-10T00:00:00Z", "m", "USD", "1"))
    story.calculate("june", "2026-06-01", "2026-07-01")
    for format in FORMATS:
        first, second = tmp_path / f"1.{format}", tmp_path / f"2.{format}"
        assert write_credits(model="m", format=format, target=first) == len(HOSTILE)
        write_credits(model="m", format=format, target=second)
        assert first.read_bytes() == second.read_bytes()
    found = rows_of(tmp_path / "1.jsonl", "jsonl")
    assert [row["contributor_id"] for row in found] == sorted(HOSTILE)
    assert {row["manifest_sha256"] for row in found} == {Manifest.objects.get().sha256}
    with zipfile.ZipFile(tmp_path / "1.xlsx") as book:
        sheet = book.read("xl/worksheets/sheet1.xml").decode()
    assert "<f>" not in sheet
    assert ">'=1+1<" in sheet


def decided(story: Story, *rows: tuple[str, ...]) -> None:
    story.take("contributors", PEOPLE, [(name, "") for name in {row[0] for row in rows}])
    story.take("consents", CONSENTS, list(rows))


ROWS = (
    ("ann", "", "opt_out", "2026-06-01T02:00:00.000001+02:00", "", "registry X, 2026"),
    ("ann", "a1", "opt_in", "2026-06-02T00:00:00Z", "ds@1", 'said "so", by\nletter'),
    ("007", "NA", "opt_out", "2026-05-02T00:00:00Z", "", ""),
    ("null", "", "opt_out", "2026-05-02T00:00:00Z", "", "Ω"),
)


@pytest.mark.parametrize("format", ["csv", "jsonl"])
def test_consents_go_round_without_repair(story: Story, tmp_path: Path, format: str) -> None:
    decided(story, *ROWS)
    before = list(Consent.objects.order_by("arrival", "pk").values_list(*CONSENTS))
    out = tmp_path / f"consents.{format}"
    assert write_consents(since="", format=format, target=out) == len(ROWS)
    report = ingest(kind="consents", path=out, act=story.act())
    assert (report.file.rows_duplicate, report.file.rows_quarantined) == (len(ROWS), 0)
    # And into a marketplace that knows nothing of them yet.
    text = out.read_text().replace("2026-05-02", "2026-05-03").replace("2026-06-0", "2026-04-0")
    (tmp_path / f"there.{format}").write_text(text)
    taken = ingest(kind="consents", path=tmp_path / f"there.{format}", act=story.act())
    assert taken.file.rows_accepted == len(ROWS)
    assert taken.file.unknown_columns == ["registered_at", "file_sha256"]
    plain = [name for name in CONSENTS if name != "effective_at"]
    again = Consent.objects.filter(file=taken.file).order_by("pk").values_list(*plain)
    assert sorted(again) == sorted(tuple(v for n, v in zip(CONSENTS, row, strict=True) if n in plain) for row in before)


def test_only_what_was_registered_since_a_day_goes_out(story: Story, tmp_path: Path) -> None:
    """By when it came, not by when it counts from: a registry that asks again each day misses nothing."""
    decided(story, *ROWS[:2])
    held_up = story.take(
        "consents", CONSENTS, [("late", "", "opt_out", "2026-01-01T00:00:00Z", "", "waits in quarantine")]
    )
    later = replace(story, at=story.at + timedelta(days=3))
    decided(later, ("cy", "", "opt_out", "2026-01-01T00:00:00Z", "", ""))
    later.take("contributors", PEOPLE, [("late", "Late")])
    retry_quarantine(file_id=held_up.file.pk, act=later.act())
    assert Consent.objects.count() == 4
    day = f"{later.at:%Y-%m-%d}"
    assert write_consents(since=day, format="csv", target=tmp_path / "new.csv") == 2
    found = rows_of(tmp_path / "new.csv", "csv")
    assert [(row["contributor_id"], row["registered_at"][:10]) for row in found] == [("cy", day), ("late", day)]
    after = f"{later.at + timedelta(days=1):%Y-%m-%d}"
    assert write_consents(since=after, format="csv", target=tmp_path / "none.csv") == 0
    for wrong in ("soon", "20260630", "2026-02-30"):
        with pytest.raises(Refused, match="no day such as"):
            write_consents(since=wrong, format="csv", target=tmp_path / "x")


def test_a_text_that_begins_as_a_formula_goes_round_as_json_lines_only(story: Story, tmp_path: Path) -> None:
    decided(story, *((name, name, "opt_out", "2026-05-02T00:00:00Z", name, name) for name in HOSTILE))
    with pytest.raises(Refused, match=r"begins as a formula of a spreadsheet.*export as jsonl"):
        write_consents(since="", format="csv", target=tmp_path / "c.csv")
    assert list(tmp_path.glob("c.csv*")) == []
    assert write_consents(since="", format="jsonl", target=tmp_path / "c.jsonl") == len(HOSTILE)
    report = ingest(kind="consents", path=tmp_path / "c.jsonl", act=story.act())
    assert report.file.rows_duplicate == len(HOSTILE)
    assert write_consents(since="", format="xlsx", target=tmp_path / "c.xlsx") == len(HOSTILE)
    with zipfile.ZipFile(tmp_path / "c.xlsx") as book:
        assert ">'=1+1<" in book.read("xl/worksheets/sheet1.xml").decode()
