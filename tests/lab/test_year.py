"""Thirteen real months under three published shapes of policies, side by side: the numbers of docs/lab.md."""

import gzip
import time

import pytest

from revshare.ingest.operations import find_files, ingest
from revshare.lab.candidates import drafted
from revshare.lab.operations import compare
from revshare.lab.report import report
from revshare.management.lab_report import lines
from revshare.policies.operations import register
from tests.conftest import AT, FIXTURES, ROOT
from tests.stories import Story
from tests.year_measures import as_csv, measured

SHAPES = FIXTURES / "policies"
MOST_SECONDS = 10  # of processor time, of the lab without the database's; it takes about one


@pytest.mark.long
def test_the_measures_follow_from_the_fixtures_as_documented() -> None:
    with gzip.open(FIXTURES / "year" / "measures.csv.gz", "rt", encoding="utf-8") as file:
        assert file.read() == as_csv(measured())


def test_the_year_under_three_shapes_is_what_the_document_shows(story: Story) -> None:
    for kind, path in find_files(FIXTURES / "tate"):
        ingest(kind=kind, path=FIXTURES / "year" / path.name if kind == "sales" else path, act=story.act())
    taken = ingest(kind="measures", path=FIXTURES / "year" / "measures.csv.gz", act=story.act())
    assert taken.file.rows_quarantined == 0
    story.policies["own"], _ = register(content=(SHAPES / "shutterstock.toml").read_bytes(), act=story.act())
    cycle = story.open("year", "2010-12-01", "2012-01-01", zone="Europe/London", policy="own")
    others = [drafted((SHAPES / name).read_bytes()) for name in ("getty.toml", "adobe.toml")]
    began = time.process_time()
    comparison = compare(cycle=cycle, others=others, at=AT)
    assert time.process_time() - began < MOST_SECONDS
    text = "\n".join(lines(report(comparison)))
    assert f"```\n{text}\n```" in (ROOT / "docs" / "lab.md").read_text(encoding="utf-8"), text
    for number, outcome in enumerate(comparison.outcomes):
        shared = int(comparison.amounts(number, "GBP").sum())
        # 20% of each part of the pool, rounded down.
        net = sum(line.pool.net_micros for line in outcome.lines)
        assert 0 <= net * 20 - shared * 100 < 100 * len(outcome.lines)
