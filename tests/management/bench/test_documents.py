"""What is recorded in the documents, and that the prose around it stays."""

import json
import re
from pathlib import Path
from xml.etree import ElementTree

import pytest

from revshare.errors import Refused
from revshare.management.bench import documents, picture
from revshare.management.bench.documents import BEGIN, END
from tests.conftest import ROOT
from tests.management.bench.results import MACHINE, contestant, result, stage

GROWTH = {
    "format": "csv", "sizes": [{"rows": 1000, "contributors": 10, "sales": 10}], "agree": True, "failures": [],
    "machine": {}, "lines": [{"name": "revshare", "rows": [1000], "wall_s": [1.0], "exponent": None}],
}  # fmt: skip
METHODS = {
    "rows": 1000, "contributors": 10, "sales": 10, "format": "csv", "runs": 1, "machine": MACHINE,
    "lines": [{"method": "asset_count", "amounts": 10, "wall_s": 0.1, "cpu_s": 0.1}],
}  # fmt: skip


@pytest.fixture
def docs(tmp_path: Path) -> Path:
    folder = tmp_path / "docs"
    folder.mkdir()
    (folder / "performance.md").write_text(f"# Performance\n\nBefore.\n\n{BEGIN}\nold\n{END}\n\nAfter.\n")
    return folder


def test_runs_are_recorded_beside_each_other_and_prose_stays(docs: Path) -> None:
    documents.record_run(result(), docs=docs)
    documents.record_run(result(rows=1_000_000, format="parquet"), docs=docs)
    documents.record_run(result(contestants={"revshare": contestant(77.0, 1.0)}), docs=docs)
    documents.record_growth(GROWTH, docs=docs)
    documents.record_methods(METHODS, docs=docs)
    page = (docs / "performance.md").read_text()
    assert page.startswith("# Performance\n\nBefore.\n\n")
    assert page.endswith("\n\nAfter.\n")
    assert "old" not in page
    assert re.findall("^## (.*),", page, re.MULTILINE) == [
        "1M attributions, 1M contributors, 1M sales", "10M attributions, 1M contributors, 1M sales",
        "Ways of sharing, 1k attributions, 10 contributors, 10 sales",
        "Growth, CSV, one run at each of 1k attributions, 10 contributors",
    ]  # fmt: skip
    assert "| 77.00 |" in re.sub(" +", " ", page)
    kept = json.loads((docs / "performance.json").read_text())
    assert list(kept["runs"]) == ["10000000-1000000-1000000-csv", "1000000-1000000-1000000-parquet"]
    assert kept["growth"]["csv"] == GROWTH
    assert kept["methods"] == {"methods": METHODS}


def test_recording_the_same_again_changes_nothing(docs: Path) -> None:
    documents.record_run(result(), docs=docs)
    first = {path.name: path.read_bytes() for path in docs.iterdir()}
    documents.record_run(result(), docs=docs)
    assert {path.name: path.read_bytes() for path in docs.iterdir()} == first
    assert set(first) == {"performance.md", "performance.json", "performance.svg"}


def test_a_page_without_marks_is_left_alone(docs: Path) -> None:
    (docs / "performance.md").write_text(f"{BEGIN} and no end")
    with pytest.raises(Refused, match="does not have the marks"):
        documents.record_run(result(), docs=docs)
    assert [path.name for path in docs.iterdir()] == ["performance.md"]


def test_the_real_page_has_the_marks() -> None:
    page = (ROOT / "docs" / "performance.md").read_text()
    assert page.index(BEGIN) < page.index(END)


def test_bars_are_as_long_as_the_runs_took() -> None:
    made = result(stages=[stage("start", 1.0), stage("sales", 3.0), stage("sales: read", 2.0), stage("lock", 4.0)])
    tree = ElementTree.fromstring(picture.svg([("a & b", made)]))
    space = "{http://www.w3.org/2000/svg}"
    bars = [bar for bar in tree.iter(f"{space}rect") if bar.get("height") == str(picture.BAR)]
    lengths = [float(bar.attrib["width"]) for bar in bars]
    full = picture.WIDTH - picture.LEFT - picture.RIGHT
    assert lengths == pytest.approx([full / 8, full * 3 / 8, full * 4 / 8, full / 2], abs=0.1)
    texts = [text.text for text in tree.iter(f"{space}text")]
    assert {"a & b", "8.00 s", "4.00 s: revshare takes 2.00 ×"} <= set(texts)
